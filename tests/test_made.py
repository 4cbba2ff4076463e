"""Identities of MADE, over all pictures of ten pixels: the chain rule holds exactly."""

import itertools
import math

import pytest
import torch

from genmodels.models import build
from genmodels.models.base import Batch

VARIANTS = [
    {"depth": 1, "direct": True},
    {"depth": 2, "direct": False},
    {"depth": 3, "direct": True, "order": "random"},
    {"depth": 1, "direct": False, "order": "random"},
]
every_variant = pytest.mark.parametrize("values", VARIANTS)


def wild(shape=(1, 2, 5), width=24, **values):
    """A network whose weights are anything but small, in float64."""
    model = build("made", shape, 10, width=width, **values).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def all_pictures(shape=(1, 2, 5)):
    bits = list(itertools.product([0.0, 1.0], repeat=math.prod(shape)))
    return torch.tensor(bits, dtype=torch.float64).view(-1, *shape)


@every_variant
def test_no_output_has_heard_of_its_own_pixel_or_a_later_one(values):
    model = wild(**values)
    x = torch.rand(1, 1, 2, 5, generator=torch.Generator().manual_seed(0)).double()
    jacobian = torch.autograd.functional.jacobian(lambda y: model.logits(y).flatten(), x).view(10, 10)
    ordered = jacobian[model.chain][:, model.chain]
    assert (ordered.triu() == 0).all()
    # And of the earlier ones it has: no connection is cut without need.
    earlier = torch.ones(10, 10).tril(-1).bool()
    assert (ordered[earlier] != 0).double().mean() > 0.8


def test_the_orders_are_orders():
    raster, random = (build("made", (1, 28, 28), 10, width=16, order=order) for order in ("raster", "random"))
    assert torch.equal(raster.chain, torch.arange(784))
    assert not torch.equal(random.chain, raster.chain)
    assert torch.equal(random.chain.sort().values, raster.chain)
    assert torch.equal(random.chain[random.place], raster.chain)


@every_variant
def test_probabilities_of_all_pictures_sum_to_one(values):
    log_prob = wild(**values).log_prob(all_pictures())
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert log_prob.exp().max() < 0.9  # not by one of them having it all


@every_variant
def test_the_factors_are_the_conditionals_of_the_joint_law(values):
    model, x = wild(**values), all_pictures()
    joint = model.log_prob(x).exp()
    white = torch.sigmoid(model.logits(x)).flatten(1)
    flat = x.flatten(1)
    for position, pixel in enumerate(model.chain.tolist()):
        earlier = model.chain[:position]
        agree = (flat[:, None, earlier] == flat[None, :, earlier]).all(2).double()  # with each picture, on its past
        marginal = agree @ joint
        marginal_white = agree @ (joint * flat[:, pixel])
        assert torch.allclose(white[:, pixel], marginal_white / marginal, atol=1e-10)


def naive(model, z):
    """One whole pass for every pixel."""
    x = torch.zeros(len(z), *model.shape, dtype=z.dtype)
    for pixel in model.chain.tolist():
        x.view(len(z), -1)[:, pixel] = (z[:, pixel] < torch.sigmoid(model.logits(x)).flatten(1)[:, pixel]).double()
    return x


@every_variant
@pytest.mark.parametrize(("shape", "width"), [((1, 2, 5), 24), ((3, 6, 6), 16)])  # units for every degree, and not
def test_sampling_with_each_unit_computed_once_is_sampling_with_whole_passes(values, shape, width):
    model = wild(shape, width, **values)
    z = torch.rand(50, math.prod(shape), generator=torch.Generator().manual_seed(2)).double()
    samples = model.sample(z)
    assert set(samples.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(samples, naive(model, z))


def test_samples_come_as_often_as_their_probability_says():
    model, count = wild((1, 1, 4), order="random"), 200_000
    z = torch.rand(count, 4, generator=torch.Generator().manual_seed(0)).double()
    powers = torch.tensor([8.0, 4.0, 2.0, 1.0]).double()
    seen = torch.bincount((model.sample(z).flatten(1) @ powers).long(), minlength=16) / count
    expected = model.log_prob(all_pictures((1, 1, 4))).exp()
    assert ((seen - expected).abs() < 4 * (expected / count).sqrt() + 1e-9).all()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_a_new_network_tosses_a_fair_coin_for_every_pixel_and_channel(shape):
    model = build("made", shape, 10, width=16, depth=2)
    x = torch.rand(3, *shape).round()
    assert torch.allclose(model.log_prob(x), torch.full((3,), -math.prod(shape) * math.log(2)), rtol=1e-5)


def test_the_loss_is_the_likelihood_of_fresh_black_and_white_draws():
    model = wild((1, 4, 4))
    x = torch.rand(2000, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.zeros(2000, dtype=torch.int64)
    draws = model.observe(x, torch.Generator().manual_seed(5))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert (draws - x).mean().abs() < 0.01
    loss = model.loss(Batch(x, labels, torch.Generator().manual_seed(5)))["loss"]
    assert loss.item() == pytest.approx(-model.log_prob(draws).mean().item(), rel=1e-12)
    other = model.loss(Batch(x, labels, torch.Generator().manual_seed(6)))["loss"]
    assert loss != other


def test_it_learns_a_law_that_no_product_of_pixels_has():
    # The last pixel is the parity of the others: each is a fair coin by itself, together they have 3 log 2 nats.
    x = all_pictures((1, 1, 4))
    x = x[x.flatten(1).sum(1) % 2 == 0]
    model = build("made", (1, 1, 4), 10, width=48).double()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(400):
        loss = -model.log_prob(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(3 * math.log(2), abs=0.02)


@pytest.mark.parametrize("order", ["raster", "random"])
def test_the_saved_state_leaves_out_what_is_masked(order):
    model, other = (build("made", (1, 8, 8), 10, seed=seed, width=40, depth=2, order=order) for seed in (0, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    state = model.state_dict()
    assert state["output.weight"].shape == ((~model.output.masked).sum(),)
    assert sum(map(torch.numel, state.values())) < 0.6 * sum(map(torch.numel, model.parameters()))
    other.load_state_dict(state)
    x = torch.bernoulli(torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(model.log_prob(x), other.log_prob(x))
    with pytest.raises(RuntimeError):
        other.load_state_dict(state | {"output.weight": state["output.weight"][:-1]})
