"""Two runs side by side: they take turns, share a place and a start, and what is said of their difference."""

import io
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genmodels import registry
from genmodels.comparison import Measured, Side, second_settings, words
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.pair import Pair
from genmodels.pictures import decoded, noise
from genmodels.registry import Queue
from genmodels.run import Run
from genmodels.ui import compare, live, own_data, side_by_side

SMALL = {"model": "gan", "dataset": "mnist", "settings": {"width": 16}, "device": "cpu"}


def until(condition, seconds=60.0):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def rounds(runs):
    return [run.trainer.round_number for run in runs]


def states(runs):
    return [run.snapshot().state for run in runs]


@pytest.fixture
def pair():
    """A pair that trains until it is stopped, on a queue with one place."""
    queue = Queue(1)
    pair = Pair(queue, Run(**SMALL, paired=True), Run(**SMALL, paired=True), 1000)
    pair.start()
    until(lambda: min(rounds(pair.runs)) > 2)
    yield pair
    for run in pair.runs:
        run.stop()
        assert run.join(10)


def test_rounds_differ_by_at_most_one(pair):
    seen = []
    for _ in range(300):
        first, second = rounds(pair.runs)
        again = pair.runs[0].trainer.round_number
        if first == again:  # read at one moment
            seen.append(first - second)
        time.sleep(0.001)
    assert len(seen) > 50 and set(seen) <= {0, 1}
    for run in pair.runs:
        run.pause()
    until(lambda: states(pair.runs) == ["paused", "paused"])
    assert abs(rounds(pair.runs)[0] - rounds(pair.runs)[1]) <= 1


@pytest.mark.parametrize("end", ["stop", "pause", "fail"])
@pytest.mark.parametrize("which", [0, 1])
def test_one_that_leaves_lets_the_other_go_on(pair, end, which, monkeypatch):
    leaving, staying = pair.runs[which], pair.runs[1 - which]
    if end == "fail":
        monkeypatch.setattr(leaving.trainer, "round", lambda only: 1 / 0)
    else:
        getattr(leaving, end)()
    until(lambda: leaving.snapshot().state in ("stopped", "paused", "failed"))
    stands, before = leaving.trainer.round_number, staying.trainer.round_number
    until(lambda: staying.trainer.round_number > before + 5)
    assert leaving.trainer.round_number == stands
    if end == "pause":
        leaving.resume()
        before = staying.trainer.round_number
        until(lambda: leaving.trainer.round_number > stands + 3)
        until(lambda: staying.trainer.round_number > before + 3)


def test_the_pair_has_one_place_and_others_wait(pair):
    queue, other = pair._queue, Run(**SMALL, rounds=2)
    other.start(queue)
    until(lambda: other.snapshot().place == 1)
    pair.runs[0].pause()
    until(lambda: pair.runs[0].snapshot().state == "paused")
    time.sleep(0.1)
    assert other.snapshot().state == "waiting"  # the other of the pair trains
    pair.runs[1].pause()
    assert other.join(30) and other.snapshot().state == "done"
    for run in pair.runs:
        run.resume()
    stands = rounds(pair.runs)
    until(lambda: min(rounds(pair.runs)) > max(stands))


def test_a_pair_waits_its_turn():
    queue, first = Queue(1), Run(**SMALL)
    first.start(queue)
    pair = Pair(queue, Run(**SMALL, paired=True), Run(**SMALL, paired=True), 0.05)
    pair.start()
    until(lambda: [run.snapshot().place for run in pair.runs] == [1, 1])
    assert rounds(pair.runs) == [0, 0]
    first.stop()
    assert all(run.join(30) for run in pair.runs)
    assert states(pair.runs) == ["done", "done"]


def test_equal_settings_agree_to_the_last_bit_and_end_together():
    setup = SMALL | {"settings": {"width": 16, "norm": "none"}, "seed": 5}
    runs = registry.create_pair(setup, setup, 1.5)
    assert all(run.join(60) for run in runs)
    first, second = (run.snapshot() for run in runs)
    assert (first.state, second.state) == ("done", "done")
    assert first.round == second.round > 5
    assert first.curves == second.curves and len(first.curves["js_bound"][0]) > 2
    assert [(p.images, p.png) for p in first.pictures] == [(p.images, p.png) for p in second.pictures]
    assert len(first.pictures) > 3
    assert len({p.png for p in first.pictures}) > 2
    assert 1.5 <= first.seconds + second.seconds < 4
    assert registry.find(first.id) is runs[0] and registry.find(second.id) is runs[1]


def test_a_pair_counts_as_two_runs(monkeypatch):
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(registry, "KEPT", 1)
    with pytest.raises(UserError, match="try again"):
        registry.create_pair(SMALL, SMALL, 1)


def side(name, model="vae", settings=None, measured=None, **curves):
    """One of two, its curves standing still but for a little."""
    wander = [0.01, -0.01] * 10
    series = {term: (range(20), [value + by for by in wander]) for term, value in curves.items()}
    known = build(model, (1, 28, 28), 10).settings()
    return Side(name, model, known | (settings or {}), 6400, 12.5, series, measured)


def measured(distance, error=0.1, shares=(0.1,) * 10):
    return Measured(distance, error, 0.15, shares)


CLASSES = tuple("0123456789")


def test_words_name_the_pace_the_lower_and_the_nearer():
    low = side("beta = 0.1", settings={"beta": 0.1}, measured=measured(30), reconstruction=70, kl=40, held_out=90)
    high = side("beta = 4", settings={"beta": 4.0}, measured=measured(12), reconstruction=110, kl=9, held_out=150)
    said = words(low, high, CLASSES)
    assert said[0] == "beta = 0.1 has seen 6,400 images in 12.5 s of training, beta = 4 6,400 in 12.5 s."
    assert any("reconstruction" in one and "beta = 0.1 is lower by 40." in one for one in said)
    assert any(one.startswith("KL") and "beta = 0.1 40, beta = 4 9 nats per image. beta = 4 is" in one for one in said)
    assert any(one.startswith("Not compared: negative bound") for one in said)
    assert not any("150" in one for one in said)  # the bound, which beta is part of
    assert any("beta = 4 is nearer by 18, noise 0.283." in one for one in said)


def test_the_same_objective_is_compared_and_noise_is_called_noise():
    one = side("width = 100", settings={"width": 100}, measured=measured(12.0), held_out=100.0)
    other = side("width = 400", measured=measured(12.1), held_out=100.001)
    said = words(one, other, CLASSES)
    assert any(one.startswith("negative bound, held-out") and "what the curves wander" in one for one in said)
    assert any("within the noise of so many samples, 0.283." in one for one in said)


def test_losses_of_players_are_never_compared_and_missing_classes_are_named():
    shares = (0.2, 0.2, 0.2, 0.2, 0.2, 0, 0, 0, 0, 0.001)
    minimax = side("loss = minimax", "gan", {"loss": "minimax"}, measured(50, shares=shares), generator_loss=-0.1)
    other = side("loss = non-saturating", "gan", measured=measured(20), generator_loss=2.0)
    said = words(minimax, other, CLASSES)
    assert any(one.startswith("Not compared: discriminator loss") and "generator loss" in one for one in said)
    assert any("loss = minimax 5 of 10 (hardly any of 5, 6, 7, 8, 9); loss = non-saturating 10" in one for one in said)
    assert not any(term in said[1] for term in ("is lower", "-0.1"))


def test_no_common_unit_is_said():
    said = words(side("ae", "ae", loss=12, held_out=12), side("vae", loss=130, held_out=130), CLASSES)
    assert said[-1].startswith("No common unit: losses of different objectives") and len(said) == 3


def test_other_defaults_of_a_second_model_are_named():
    said = words(side("wgan", "wgan"), side("wgan_gp", "wgan_gp"), CLASSES)
    assert "generator_lr 0.002 and 0.003" in said[1] and said[1].startswith(
        "Besides the model, these defaults differ: "
    )
    assert not any("Besides" in one for one in words(side("a", "vae"), side("b", "vae", {"beta": 2.0}), CLASSES))


def test_a_second_model_takes_what_makes_z_and_pace_the_same():
    assert second_settings("gan", "dcgan", {"latent": 8}) == {"latent": 8, "batch": 64, "steps": 1}
    assert second_settings("ae", "vae", {}) == {"latent": 32, "batch": 128}


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_samples_of_a_pair_of_autoencoders_are_of_the_same_z(model):
    z = noise(build(model, (1, 28, 28), 10, latent=7), 3, torch.Generator().manual_seed(4))
    assert torch.equal(z, torch.randn(3, 7, generator=torch.Generator().manual_seed(4)))
    assert decoded(build(model, (1, 28, 28), 10, latent=7).eval(), z, torch.zeros(3).long()).shape == (3, 1, 28, 28)


def test_the_page_proposes_pairs_that_can_be_built():
    for preset in compare.PRESETS:
        request = {"model": preset.model, "vary": preset.vary, "first": preset.first, "second": preset.second}
        both, names = side_by_side.sides(request | {"settings": preset.settings})
        for one in both:
            build(one["model"], (1, 28, 28), 10, **one["settings"])
        assert names[0] != names[1]


def test_a_pair_is_found_by_both_ids_alone():
    request = {"model": "gan", "vary": "depth", "first": 0, "second": 1, "dataset": "mnist", "seed": 0, "seconds": 1}
    ids = side_by_side.start(request)["runs"]
    first, second = ids.split(",")
    for wrong in (first, second, f"{second},{first}", f"{first},{first}", "", None, [], f"{first},"):
        answer = side_by_side.look({"runs": wrong})
        assert answer["gone"] and "no longer" in answer["error"]
        assert "no longer" in side_by_side.command({"runs": wrong, "action": "pause"})["error"]
    answer = side_by_side.look({"runs": ids})
    assert answer["setup"]["vary"] == "depth" and [one["name"] for one in answer["sides"]] == ["depth = 0", "depth = 1"]
    assert "does not know" in side_by_side.command({"runs": ids, "action": "join"})["error"]
    assert live.look({"run": first})["gone"]  # the Train tab shows what was started there
    again = side_by_side.start(request | {"replaces": ids})["runs"]
    until(lambda: states(side_by_side.found(ids)) != ["running", "running"])
    side_by_side.command({"runs": again, "action": "stop"})
    assert all(run.join(20) for run in side_by_side.found(again))


@pytest.mark.parametrize(("states", "said"), [("running waiting", ""), ("waiting waiting", "Number 1.")])
def test_who_waits_for_the_other_is_not_said_to_wait(states, said):
    both = [SimpleNamespace(state=one, message="Number 1." * (one == "waiting")) for one in states.split()]
    assert side_by_side.message(both) == said


def test_own_pictures_are_compared_but_for_what_needs_a_judge():
    np.save(file := io.BytesIO(), np.arange(40 * 28 * 28, dtype=np.uint8).reshape(40, 28, 28))
    file.seek(0)
    own = own_data.receive({"file": file, "name": "stripes.npy"})["own"]
    request = {"model": "gan", "vary": "depth", "first": 0, "second": 1, "dataset": "own", "seed": 0, "seconds": 1}
    ids = side_by_side.start(request | {"own": own, "settings": {"width": 16}})["runs"]
    runs = side_by_side.found(ids)
    assert all(run.join(60) for run in runs)
    until(lambda: any("no judge" in one for one in side_by_side.look({"runs": ids})["words"]))
    answer = side_by_side.look({"runs": ids})
    assert not answer["judged"] and "stripes, 36 of 36" in answer["status"] and own not in str(answer)
    assert "no pictures of yours" in side_by_side.start(request | {"own": "x"})["error"]


@pytest.mark.parametrize(
    "change", [{"vary": "colour"}, {"model": "x"}, {"first": "x"}, {"dataset": "own"}, {"seed": -1}]
)
def test_what_cannot_be_compared_gets_a_sentence(change):
    request = {"model": "gan", "vary": "depth", "first": 0, "second": 1, "dataset": "mnist", "seed": 0, "seconds": 1}
    assert set(side_by_side.start(request | change)) == {"error"}
    assert "wrong on the server" not in side_by_side.start(request | change)["error"]
