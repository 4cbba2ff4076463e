"""Steps of a flow, pixels of a chain, and attention, as the Samples tab shows them."""

import pytest
import torch

from genmodels import drawn, registry
from genmodels.errors import UserError
from genmodels.ui.becoming import attention, becoming
from genmodels.ui.sources import MINE, source


def test_the_way_of_a_flow_ends_where_it_samples():
    model = source("flow-mnist", "").model
    ends = drawn.becoming(model, 0, 4, "all", 1.0)
    samples = drawn.draw(model, 0, torch.arange(4)).images
    assert torch.equal(ends.pictures, samples) and torch.equal(ends.beneath, samples)
    start = drawn.becoming(model, 0, 4, "all", 0.0)
    assert start.moment == "t = 0.00, step 0" and start.pictures.float().std() > 80  # noise
    assert (start.beneath == 0).float().mean() > 0.2  # paper already
    path = model.path(drawn.noise(model, 4, 0), torch.arange(4))
    half = model.steps // 2
    for step, found in ((0, start), (half, drawn.becoming(model, 0, 4, "all", half / model.steps))):
        aim = path[step] + (1 - step / model.steps) * (path[step + 1] - path[step]) * model.steps
        assert (found.beneath.float() / 255 - model.to_unit(aim)).abs().max() < 0.01


def test_a_chain_shows_what_is_drawn_and_nothing_else():
    model = source("made-mnist", "").model
    samples = drawn.draw(model, 3, torch.arange(5)).images
    found = drawn.becoming(model, 3, 5, "all", 0.25)
    assert found.moment == "196 of 784 pixels"
    known = (model.place < 196).view(1, 28, 28).expand(5, 1, 28, 28)
    assert torch.equal(found.pictures[known], samples[known])
    assert bool((found.pictures[~known] == 128).all() and (found.beneath[~known] == 128).all())
    assert torch.equal(drawn.becoming(model, 3, 5, "all", 1.0).pictures, samples)


def test_the_slider_moves_and_other_models_say_why_they_cannot():
    first, second = (becoming(model="made-mnist", share=share)["becoming"] for share in (0.2, 0.8))
    assert first != second and "157 of 784" in first
    with pytest.raises(UserError, match="in one go: choose flow or made"):
        drawn.becoming(source("gan-mnist", "").model, 0, 1, "all", 0.5)


def test_attention_of_my_own_run():
    assert "train sagan in the Train tab" in attention(model=MINE)["attention"]
    run = registry.create("sagan", "mnist", {"width": 8, "latent": 8}, device="cpu", rounds=1)
    assert run.join(120)
    slots = attention(model=MINE, run=run.id, row=27, column=3, count=4)
    assert "rows 26 and 27, columns 2 and 3" in slots["attention"] and "196 positions" in slots["attention"]
    model = source(MINE, run.id).model
    found = drawn.gathered(model, 0, torch.arange(4), 31, 31)  # beyond 28 pixels: the last
    assert torch.allclose(found.weights.flatten(1).sum(1), torch.ones(4), atol=1e-5)
    assert torch.equal(found.weights, model.attention(drawn.noise(model, 4, 0), torch.arange(4), 27, 27))
    gan = registry.create("gan", "mnist", {"width": 16}, device="cpu", rounds=1)
    assert gan.join(60)
    with pytest.raises(UserError, match="no attention"):
        attention(model=MINE, run=gan.id)
