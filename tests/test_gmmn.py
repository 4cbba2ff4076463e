"""Identities of the maximum mean discrepancy, and the two games built on it."""

import math

import pytest
import torch

from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.models.gmmn import BANDWIDTHS, mmd2
from genmodels.training import Trainer


def normal(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def batch_of(images):
    return Batch(images, torch.zeros(len(images), dtype=torch.int64), torch.Generator().manual_seed(0))


def kernel(a, b):
    return sum(math.exp(-(a - b).square().sum().item() / (2 * s)) for s in BANDWIDTHS)


@pytest.mark.parametrize("biased", [True, False])
def test_both_estimates_agree_with_the_sums_over_pairs(biased):
    x, y = normal(5, 3), 1 + 2 * normal(7, 3, seed=1)

    def within(points):
        pairs = [(i, j) for i in range(len(points)) for j in range(len(points)) if biased or i != j]
        return sum(kernel(points[i], points[j]) for i, j in pairs) / len(pairs)

    between = sum(kernel(a, b) for a in x for b in y) / 35
    assert mmd2(x, y, biased=biased).item() == pytest.approx(within(x) + within(y) - 2 * between, abs=1e-12)


def test_unbiased_estimate_is_0_in_mean_for_equal_laws_and_the_biased_one_is_not():
    values = {biased: [] for biased in (True, False)}
    for draw in normal(300, 80, 3):
        for biased, found in values.items():
            found.append(mmd2(draw[:40], draw[40:], biased=biased))
    unbiased, biased = torch.stack(values[False]), torch.stack(values[True])
    error = unbiased.std() / 300**0.5
    assert unbiased.mean().abs() < 4 * error and unbiased.min() < 0
    assert biased.min() >= 0 and biased.mean() > 20 * error


def test_estimate_agrees_with_the_closed_form_for_two_gaussians():
    dimensions, scale, shift = 3, 1.5, 1.0

    def mean(variance, apart):  # E k(x, y) where x - y ~ N(apart, variance) in each of three dimensions
        return sum(
            (s / (s + variance)) ** (dimensions / 2) * math.exp(-dimensions * apart**2 / (2 * (s + variance)))
            for s in BANDWIDTHS
        )

    expected = mean(2, 0) + mean(2 * scale**2, 0) - 2 * mean(1 + scale**2, shift)
    draws = zip(normal(100, 200, dimensions), normal(100, 200, dimensions, seed=1), strict=True)
    found = torch.stack([mmd2(x, shift + scale * y, biased=False) for x, y in draws])
    error = found.std() / 100**0.5
    assert error < expected / 50
    assert abs(found.mean() - expected) < 4 * error


def test_distances_keep_full_precision_under_autocast():
    x, y = normal(20, 4), normal(20, 4, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = mmd2(x.float(), y.float())
    assert found.item() == pytest.approx(mmd2(x, y).item(), rel=1e-5)


def test_gradient_is_finite_at_identical_samples():
    model = build("gmmn", (1, 28, 28), 10, width=16)
    for dtype in (torch.float32, torch.float64):
        x = normal(30, 5).to(dtype)
        y = x.clone().requires_grad_()
        model.both = lambda batch, x=x, y=y: (x, y)
        loss = model.play_generator(batch_of(torch.zeros(30, 1, 28, 28)))["loss"]
        loss.backward()
        assert loss.isfinite() and loss < 0.01 and y.grad.isfinite().all()


def test_generators_loss_is_the_root_of_the_biased_estimate():
    model = build("gmmn", (1, 28, 28), 10, width=16)
    images = torch.rand(32, 1, 28, 28)
    expected = mmd2(*model.both(batch_of(images))).sqrt().item()
    assert model.play_generator(batch_of(images))["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert model.held_out(batch_of(images))["mmd"] < expected**2


def test_autoencoder_and_generator_learn_apart():
    model = build("gmmn", (1, 28, 28), 10, width=16)
    images = torch.rand(16, 1, 28, 28)
    parts = {"autoencoder": (model.encoder, model.decoder), "generator": (model.generator,)}
    for player in model.players():
        model.zero_grad()
        player.loss(batch_of(images))["loss"].backward()
        for name, networks in parts.items():
            touched = [parameter.grad is not None for network in networks for parameter in network.parameters()]
            assert all(touched) if name == player.name else not any(touched)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_pixels_need_no_autoencoder(shape):
    model = build("gmmn", shape, 10, space="pixels", width=16)
    assert [player.name for player in model.players()] == ["generator"]
    images = torch.rand(4, *shape)
    assert torch.equal(model.picture(model.points(images)), images)


def test_latents_are_uniform():
    z = build("gmmn", (1, 28, 28), 10).latents(5000, torch.Generator().manual_seed(0))
    assert z.min() >= -1 and z.max() <= 1 and z.var().item() == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize("space", ["codes", "pixels"])
def test_the_generator_learns_two_pictures(space):
    images = torch.zeros(64, 1, 8, 8, dtype=torch.uint8)
    images[:32, :, :4], images[32:, :, 4:] = 255, 255
    model = build("gmmn", (1, 8, 8), 10, space=space, width=32, depth=2, code=8, batch=32, autoencoder_lr=1e-2)
    trainer = Trainer(model, images, torch.zeros(64, dtype=torch.int64), device="cpu")
    for _ in range(200):
        trainer.round()
    model = trainer.view()
    z = model.latents(200, torch.Generator().manual_seed(1))
    with torch.no_grad():
        made = model.sample(z).flatten(1)
    targets = model.from_uint8(images[[0, 32]]).flatten(1)
    nearest = torch.cdist(made, targets)
    assert nearest.min(1).values.median() < 3  # the two lie 8 apart
    assert 0.25 < nearest.argmin(1).float().mean() < 0.75
