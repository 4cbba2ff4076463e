"""Attacks against classifiers whose best attack is known."""

import math

import pytest
import torch

from genmodels.theory.adversarial import fgsm, pgd

NORMS = ("linf", "l2")


def linear(weight: torch.Tensor):
    """Two classes told apart by the sign of w . x."""
    return lambda x: torch.stack([-(x.flatten(1) @ weight), x.flatten(1) @ weight], 1)


def drawn(count: int = 8, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 1, 3, 3, generator=generator, dtype=torch.float64) - 0.5
    return x, torch.randint(2, (count,), generator=generator), torch.randn(9, generator=generator, dtype=torch.float64)


def test_fgsm_is_the_best_attack_on_a_linear_classifier():
    x, y, w = drawn()
    attacked = fgsm(linear(w), x, y, 0.2)
    away = torch.where(y[:, None] == 1, -1.0, 1.0) * w.sign()
    assert torch.allclose(attacked.flatten(1), x.flatten(1) + 0.2 * away)
    assert torch.allclose(pgd(linear(w), x, y, 0.2), attacked)
    towards = fgsm(linear(w), x, y, 0.2, targeted=True)
    assert torch.allclose(towards.flatten(1), x.flatten(1) - 0.2 * away)


def test_l2_attack_goes_straight_against_the_weights():
    x, y, w = drawn()
    attacked = pgd(linear(w), x, y, 0.3, norm="l2", steps=50)
    away = torch.where(y[:, None] == 1, -1.0, 1.0) * w / w.norm()
    assert torch.allclose(attacked.flatten(1), x.flatten(1) + 0.3 * away, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("targeted", (False, True))
def test_attacks_stay_in_the_ball_and_in_range_and_never_lower_what_they_raise(norm, targeted):
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 32), torch.nn.Tanh(), torch.nn.Linear(32, 5))
    x = 2 * torch.rand(20, 1, 4, 4, generator=generator) - 1
    y = torch.randint(5, (20,), generator=generator)
    sign = -1 if targeted else 1

    def loss(images):
        return sign * torch.nn.functional.cross_entropy(network(images), y, reduction="none")

    one = pgd(network, x, y, 0.5, norm=norm, targeted=targeted, generator=generator)
    more = pgd(network, x, y, 0.5, norm=norm, targeted=targeted, restarts=4, generator=generator)
    for attacked in (one, more):
        change = (attacked - x).flatten(1)
        size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
        assert size.max() <= 0.5 + 1e-5 and attacked.abs().max() <= 1
        assert not attacked.requires_grad
        assert (loss(attacked) >= loss(x) - 1e-6).all()
    assert (loss(more) >= loss(one) - 1e-6).all()  # the first start is the same
    assert loss(one).mean() > loss(x).mean() + 0.05


def test_no_budget_changes_nothing():
    x, y, w = drawn()
    assert torch.equal(fgsm(linear(w), x, y, 0.0), x)
    for norm in NORMS:
        assert torch.allclose(pgd(linear(w), x, y, 0.0, norm=norm, restarts=2), x)


def test_parameters_of_the_classifier_get_no_gradient():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2, dtype=torch.float64))
    x, y, _ = drawn()
    fgsm(network, x, y, 0.1), pgd(network, x, y, 0.1)
    assert network[1].weight.grad is None and x.grad is None


def test_nonsense_is_refused_with_its_reason():
    x, y, w = drawn()
    for eps in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            fgsm(linear(w), x, y, eps)
    for wrong in ({"norm": "l7"}, {"steps": 0}, {"restarts": 0}, {"step": math.nan}):
        with pytest.raises(ValueError):
            pgd(linear(w), x, y, 0.1, **wrong)
