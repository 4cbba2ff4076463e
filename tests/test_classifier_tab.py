"""A generative model as a classifier: Bayes' rule, what is no digit, and few labels, as the page shows them."""

import base64
import re
import statistics
import time

import pytest
import torch

from genmodels import classify, few_labels, registry
from genmodels.data import load
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.models import build
from genmodels.ui.classifier import bayes
from genmodels.ui.digits import DRAWN, FIRST, MODELS, digit, generative
from genmodels.ui.few_labels import few
from genmodels.ui.sources import MINE


def cvae():
    return generative(FIRST, "").model


def sent(picture: torch.Tensor) -> str:
    """A digit (1, 28, 28) as the canvas sends it."""
    large = picture[0].repeat_interleave(3, 0).repeat_interleave(3, 1)
    return base64.b64encode(large.numpy().tobytes()).decode()


def test_probabilities_follow_from_the_likelihoods():
    found = classify.ask(cvae(), load("mnist").test_images[0], 10, 0)
    for p in (found.bayes, found.judge):
        assert p.sum() == pytest.approx(1) and p.argmax() == 7
    p = (found.log_likelihood - found.log_evidence).exp() / 10
    assert torch.allclose(p, found.bayes)
    assert found.log_evidence == pytest.approx(found.log_likelihood.exp().mean().log().item())
    assert set(found.observed.unique().tolist()) == {0, 255} and found.rebuilt.shape == (10, 1, 28, 28)


def test_the_seed_is_the_dice():
    image = load("mnist").test_images[445]
    one, again, other = (classify.ask(cvae(), image, 10, seed).log_likelihood for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_the_reference_belongs_to_the_weights_that_come_along():
    known = classify.reference(cvae(), 10)
    assert known.digits == classify.MEASURED[0] and tuple(known.samples) == classify.SAMPLES
    again = classify.measure(cvae(), 3, (100, 10))
    assert again.accuracy[0] == pytest.approx(known.accuracy[0], abs=0.07)
    assert again.threshold(3) == pytest.approx(known.threshold(3), abs=25)
    assert statistics.mean(again.evidence["digits"][1]) == pytest.approx(
        statistics.mean(known.evidence["digits"][1]), abs=8
    )
    other = build("cvae", (1, 28, 28), 10, seed=1, width=16).eval()
    assert classify.reference(other, 3).digits == classify.QUICK[0]


def test_more_samples_raise_the_bound_and_a_quantile_of_digits_is_refused():
    known = classify.reference(cvae(), 10)
    means = [statistics.mean(row) for row in known.evidence["digits"]]
    assert means == sorted(means) and means[-1] > means[0] + 1
    for samples, row in zip(known.samples, known.evidence["digits"], strict=True):
        assert sum(value < known.threshold(samples) for value in row) / len(row) == pytest.approx(0.01, abs=0.002)
    assert known.judge >= 0.99 and min(known.accuracy) > 0.93


def test_photographs_and_noise_are_no_digits():
    limit = classify.reference(cvae(), 10).threshold(10)
    for images in classify.others(5).values():
        assert all(classify.ask(cvae(), image, 10, 0).log_evidence < limit for image in images)
    digits = [classify.ask(cvae(), image, 10, 0).log_evidence for image in load("mnist").test_images[:20]]
    assert sum(value >= limit for value in digits) >= 18


def test_the_tab_names_a_test_picture_and_a_drawing():
    assert "Both say 7" in bayes(number=0)["answers"]
    drawn = bayes(look=DRAWN, drawing=sent(load("mnist").test_images[0]))
    assert "Both say 7" in drawn["answers"] and "your drawing" in drawn["answers"]
    assert "could be a digit" in drawn["outliers"]


def test_scribble_is_no_digit():
    noise = torch.randint(256, (1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert "not a digit" in bayes(look=DRAWN, drawing=sent(noise))["outliers"]


def test_what_cannot_be_answered_is_a_sentence():
    with pytest.raises(UserError, match="Nothing is drawn"):
        bayes(look=DRAWN)
    with pytest.raises(UserError, match="no run of yours"):
        bayes(model=MINE)
    assert not [name for name in MODELS.options if name.startswith("vae")]


@pytest.mark.parametrize(
    ("model", "dataset", "words"),
    [("vae", "mnist", r"no p\(x\|y\)"), ("gan", "mnist", "no p"), ("cvae", "cifar10", "28")],
)
def test_a_run_of_the_wrong_kind_is_a_sentence(model, dataset, words):
    run = registry.create(model, dataset, {"width": 16}, device="cpu", rounds=1)
    assert run.join(60)
    with pytest.raises(UserError, match=words):
        bayes(model=MINE, run=run.id)


def test_a_run_of_ones_own_is_asked():
    run = registry.create("cvae", "mnist", {"width": 16}, device="cpu", rounds=2)
    assert run.join(60)
    slots = bayes(model=MINE, run=run.id, samples="3")
    assert "cvae on MNIST, 256 images seen" in slots["explained"]
    assert f"{classify.QUICK[0]} test digits" in slots["accuracy"]


def test_an_answer_comes_at_once():
    bayes(number=1)
    times = []
    for place in range(5):
        start = time.perf_counter()
        bayes(number=place)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.5


def test_few_labels_are_drawn_evenly_and_the_same_for_a_seed():
    labels = load("mnist").labels
    one, again, other = (few_labels.subset(labels, 30, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.bincount(labels[one]).tolist() == [3] * 10


def test_naive_bayes_learns_from_few_labels():
    mnist, generator = load("mnist"), torch.Generator().manual_seed(0)
    index = few_labels.subset(mnist.labels, 100, generator)
    x, test = mnist.images[index].float() / 255, (mnist.test_images[:300] > 127).float()
    answers = few_labels.naive_bayes(x, mnist.labels[index], test)
    assert (answers == mnist.test_labels[:300]).float().mean() > 0.55


def test_the_curves_of_few_labels_rise_and_say_how_many():
    slots = few()
    assert re.search(r"Mean over \d+ draws", slots["curve"]) and "1,000 test digits" in slots["curve"]
    assert slots["table"].count("<tr>") == 5 and few(pair="simple")["table"].count("<tr>") == 3


def test_the_judge_is_as_good_as_the_page_says():
    mnist = load("mnist")
    assert (
        load_judge("mnist").logits(mnist.test_images[:2000]).argmax(1) == mnist.test_labels[:2000]
    ).float().mean() >= 0.985
    assert digit("test picture", 0, "").label == 7
