"""The opponent's opinion of samples, and the training images they resemble."""

import re
from copy import deepcopy

import pytest
import torch

from genmodels import drawn, scrutiny
from genmodels.errors import UserError
from genmodels.metrics import some
from genmodels.models.gan import GAN
from genmodels.scrutiny import FEATURES, PIXELS, heat, neighbours, normed, opinion
from genmodels.ui.scrutiny import JUDGES, nearest, opinions
from genmodels.ui.sources import MINE, source


@pytest.mark.parametrize("name", [name for name in JUDGES.options if name != MINE])
def test_every_opponent_shipped_prefers_test_images_and_slopes_are_its_own(name):
    asked = source(name, "")
    labels = torch.arange(100) % 10
    images = drawn.draw(asked.model, 0, labels).images
    found = opinion(asked.model, images, labels, asked.dataset)
    assert found.real.median() > found.scores.median()
    # One pixel brighter by a byte: the score follows the slope.
    place = found.slopes[0].abs().flatten().argmax()
    model = scrutiny.among(asked.model, None)
    base = asked.model.from_uint8(images[:1]).double()
    step = torch.zeros_like(base)
    step.view(-1)[place] = 1e-3
    with torch.no_grad():
        scores = [model.double().critic(base + (1 - asked.model.low) * k * step, labels[:1]) for k in (1, -1)]
    model.float()
    difference = (scores[0] - scores[1]).item() / 2e-3
    assert difference == pytest.approx(found.slopes[0].flatten()[place].item(), rel=0.05)


def test_scores_are_probabilities_where_the_loss_makes_them():
    for name, kind in (("gan-mnist", "sigma(score)"), ("r3gan-mnist", "only compares"), ("wgan-mnist", "no probab")):
        slots = opinions(model=name, count=4)
        assert kind in slots["opinions"]
        assert len(re.findall(r">p 0\.\d\d<|>p 1\.00<", slots["opinions"])) == (0 if name == "wgan-mnist" else 4)
    asked = source("gan-mnist", "")
    assert isinstance(asked.model, GAN)
    labels = torch.arange(8)
    found = opinion(asked.model, drawn.draw(asked.model, 0, labels).images, labels, asked.dataset)
    assert torch.equal(found.probabilities, found.scores.sigmoid())


def test_a_discriminator_with_batch_norm_meets_batches_as_in_training():
    asked = source("dcgan-mnist", "")
    assert normed(asked.model) and not normed(source("gan-mnist", "").model)
    before = {name: tensor.clone() for name, tensor in asked.model.state_dict().items()}
    slots = opinions(model="dcgan-mnist")
    assert "as in training" in slots["opinions"] and "as in training" not in opinions(model="gan-mnist")["opinions"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in asked.model.state_dict().items())
    data, learning = asked.dataset, deepcopy(asked.model).train()
    labels = torch.arange(10)
    found = opinion(asked.model, drawn.draw(asked.model, 1, labels).images, labels, data)
    with torch.no_grad():
        as_in_training = learning.critic(learning.from_uint8(some(data.test_images, scrutiny.REAL)))
    assert (found.real - as_in_training).abs().max() < 0.05 * as_in_training.std()


def test_heat_has_a_sign_a_scale_and_nothing_where_nothing_is():
    slopes = torch.zeros(1, 1, 10, 10)
    slopes[0, 0, 0, 0], slopes[0, 0, 1, 1], slopes[0, 0, 2, 2] = 2.0, -2.0, 1.0
    colours, full = heat(slopes)
    assert colours[0, :, 0, 0].tolist()[:3] == list(scrutiny.INK) and colours[0, :, 1, 1].tolist()[:3] == [0, 114, 178]
    assert full <= 2 and colours[0, 3, 0, 0] == 255 and colours[0, 3, 5, 5] == 0 < colours[0, 3, 2, 2]


def test_copies_are_found_and_called_so():
    data = source("gan-mnist", "").dataset
    copies = neighbours(data.images[:50], data, 2, PIXELS)
    assert torch.equal(copies.indices[:, 0], torch.arange(50)) and copies.distances[:, 0].max() == 0
    assert "is memorising" in copies.verdict and copies.of == 60_000
    fresh = neighbours(data.test_images[:50], data, 2, PIXELS)
    assert "no sign" in fresh.verdict and bool((fresh.distances[:, 0] <= fresh.distances[:, 1]).all())
    index = scrutiny.chosen(data)[7]
    few = neighbours(data.images[index][None], data, 1, FEATURES)
    assert few.indices[0, 0] == index and few.of == 2000 and "only pixels tell" in few.verdict


def test_the_page_says_from_how_many():
    slots = nearest(model="gan-mnist", count=3, ranks=2)
    assert "nearest of 60,000 training images" in slots["nearest"] and "for 50 samples" in slots["nearest"]
    assert "200 held-out" in slots["nearest"] and slots["nearest"].count("<image") == 3
    with pytest.raises(UserError, match="without an opponent"):
        opinions(model="vae-mnist")


def test_a_step_along_the_slopes_is_as_long_as_said_and_raises_every_score():
    asked = source("gan-mnist", "")
    labels = torch.arange(20) % 10
    images = drawn.draw(asked.model, 0, labels).images
    found = opinion(asked.model, images, labels, asked.dataset)
    moved, scores = scrutiny.followed(asked.model, images, labels, found.slopes, 0.5)
    assert bool((scores > found.scores).all())
    lengths = (moved.float() - images.float()).div(255).flatten(1).norm(dim=1)
    assert bool((lengths < 0.52).all()) and lengths.max() > 0.3  # white and black pixels stay where they are
    still, same = scrutiny.followed(asked.model, images, labels, found.slopes, 0.0)
    assert torch.equal(still, images) and torch.allclose(same, found.scores, atol=1e-4)
