"""The dual of W1 on the line: critics read what the theory allows, whatever holds them."""

from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from genmodels import critic, critic_step
from genmodels.critic import CLIP, CONSTRAINTS, FAMILIES, NONE, PENALTY, SPECTRAL, Task, learned, read, sampled
from genmodels.errors import UserError
from genmodels.playground.losses import gap
from genmodels.playground.model import OPTIMIZER, Network
from genmodels.theory import duality, lipschitz, transport
from genmodels.ui.drawing import number
from genmodels.ui.dual import DUAL, dual
from genmodels.ui.tool import checked

LIMITS = {NONE: 0.0, CLIP: 0.1, PENALTY: 10.0, SPECTRAL: 0.0}


def task(constraint: str, **values) -> Task:
    return Task(**{"constraint": constraint, "limit": LIMITS[constraint], "samples": 60, "units": 16} | values)


def samples(family: str = "gaussians", t: float = 1.3, count: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    return sampled(family, t, count, 3)


def slope_of(x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return values.diff() / x.diff()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("t", (-4.0, 0.0, 0.7))
def test_the_potential_has_slope_one_and_reads_w1(family, t):
    x, y = samples(family, t)
    assert duality.gap(lambda at: duality.potential(x, y, at), x, y).item() == pytest.approx(
        transport.wasserstein_1d(x, y).item(), abs=1e-12
    )
    axis = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    assert slope_of(axis, duality.potential(x, y, axis)).abs().max() <= 1 + 1e-9


@pytest.mark.parametrize("constraint", (NONE, PENALTY, SPECTRAL))
@pytest.mark.parametrize("layers", (0, 1, 3))
def test_a_step_by_hand_is_that_of_autograd(constraint, layers):
    generator, sizes = torch.Generator().manual_seed(0), [1, *[7] * layers, 1]
    network = Network(sizes, generator).double()
    parts = [part for layer in zip(network.weights, network.biases, strict=True) for part in layer]
    with torch.no_grad():
        for part in parts:
            part.copy_(torch.randn(part.shape, generator=generator))
    flat = nn.utils.parameters_to_vector(parts).detach()
    directions = [direction.clone() for direction in network.buffers()]
    x, y, between = (torch.randn(n, 1, generator=generator, dtype=torch.float64) for n in (20, 30, 25))
    between = (between if constraint == PENALTY else between[:0]).requires_grad_()
    estimate = gap(*network(torch.cat([x, y]), constraint == SPECTRAL).split([20, 30]))
    loss = -estimate
    if constraint == PENALTY:
        (steepness,) = torch.autograd.grad(network(between).sum(), between, create_graph=True)
        loss = loss + 3 * (steepness.abs() - 1).square().mean()
    for part, slope in zip(parts, torch.autograd.grad(loss, parts), strict=True):
        part.grad = slope
    by = torch.empty_like(flat)
    layers, out = critic_step.views(flat, sizes), critic_step.views(by, sizes)
    if constraint == SPECTRAL:
        normalised = critic_step.spectral(layers, directions)
        found = critic_step.slope(normalised.layers, x, y, between.detach(), 0.0, out)
        critic_step.through(normalised, out)
        assert all(torch.allclose(*pair) for pair in zip(normalised.left, network.buffers(), strict=True))
    else:
        found = critic_step.slope(layers, x, y, between.detach(), 3.0, out)
    assert found.item() == pytest.approx(estimate.item())
    assert torch.allclose(by, torch.cat([part.grad.flatten() for part in parts]), atol=1e-12)
    optimizer, moments = OPTIMIZER(parts, lr=0.01), torch.zeros(2, *flat.shape, dtype=torch.float64)
    for taken in (1, 2):
        critic_step.adam(flat, by, *moments, taken, 0.01)
        optimizer.step()
        assert torch.allclose(flat, nn.utils.parameters_to_vector(parts), atol=1e-9)


def test_the_potential_reads_what_the_linear_programme_pays_for_unequal_numbers():
    x, y = samples(count=31)[0], samples(count=17)[1]
    a, b = (torch.full((len(s),), 1 / len(s), dtype=torch.float64) for s in (x, y))
    costs = (x[:, None] - y).abs()
    paid = (transport.exact_plan(a, b, costs) * costs).sum().item()
    assert duality.gap(lambda at: duality.potential(x, y, at), x, y).item() == pytest.approx(paid, abs=1e-12)


def test_the_penalised_optimum_for_two_points_is_the_closed_form():
    x, y = torch.tensor([0.0]), torch.tensor([3.0])
    for weight in (0.5, 10.0):
        slope, estimate = lipschitz.penalised(3.0, weight)
        found = duality.penalised(x, y, weight)
        assert found.slopes.tolist() == pytest.approx([-slope])
        assert found.estimate.item() == pytest.approx(estimate)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_penalised_optimum_overshoots_by_the_factor_at_least(family):
    x, y = samples(family)
    w1 = transport.wasserstein_1d(x, y).item()
    for weight in (0.3, 10.0):
        found = duality.penalised(x, y, weight)
        assert found.estimate.item() >= w1 * (1 + w1 / (2 * weight)) - 1e-9
    assert duality.penalised(x, y, 1e9).estimate.item() == pytest.approx(w1, rel=1e-6)


def test_no_other_slopes_earn_more_than_the_penalised_optimum():
    """The objective by its definition: all pairs, the penalty averaged along each."""
    x, y = samples(count=12)
    weight, best = 2.0, duality.penalised(*samples(count=12), 2.0)

    def objective(slopes: torch.Tensor) -> float:
        heights = torch.cat([torch.zeros(1, dtype=torch.float64), (slopes * best.edges.diff()).cumsum(0)])
        value = lambda at: heights[torch.searchsorted(best.edges, at)]  # noqa: E731
        penalty = 0.0
        for a in x:
            for b in y:
                low, high = torch.minimum(a, b), torch.maximum(a, b)
                inside = (best.edges[:-1] >= low) & (best.edges[1:] <= high)
                share = best.edges.diff()[inside] / (high - low)
                penalty += (share * (slopes[inside].abs() - 1) ** 2).sum().item() / (len(x) * len(y))
        return duality.gap(value, x, y).item() - weight * penalty

    most = objective(best.slopes)
    generator = torch.Generator().manual_seed(0)
    for size in (1e-3, 0.03, 0.3):
        noise = torch.randn(len(best.slopes), generator=generator, dtype=torch.float64)
        assert objective(best.slopes + size * noise) < most
    assert objective(best.slopes.sign()) < most  # the potential itself


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_critic_reads_more_than_its_slope_times_w1(family, constraint):
    for t, steps in ((2.0, 30), (-0.5, 120), (0.0, 60)):
        of = task(constraint, family=family, t=t)
        reading = read(of, learned(of, steps)[0])
        assert reading.bound <= reading.primal + 1e-9
        assert reading.lower <= reading.steepest <= reading.upper * (1 + 1e-9)
        assert reading.primal == pytest.approx(transport.wasserstein_1d(*sampled(family, t, 60, 0)).item())


def test_spectral_norms_keep_the_slope_at_one_and_arrive():
    of = task(SPECTRAL, samples=200, units=32)
    reading = read(of, learned(of, 300)[0])
    assert reading.upper == pytest.approx(1)
    assert 0.98 * reading.primal < reading.estimate <= reading.primal + 1e-9


def test_clipped_weights_stay_clipped_and_bound_the_slope():
    for clip, layers, units in ((0.05, 2, 32), (0.2, 1, 8), (0.1, 0, 4)):
        of = task(CLIP, limit=clip, layers=layers, units=units)
        f, _ = learned(of, 200)
        assert max(weight.abs().max().item() for weight in f.parameters()) <= clip + 1e-7
        assert read(of, f).upper <= critic.clipped_at_most(clip, layers, units) + 1e-6
    assert read(of, f).steepest < 0.2  # far too flat


def test_a_linear_critic_overshoots_by_what_the_penalty_predicts():
    """max_g g d - weight (|g| - 1)^2, d the difference of the means: at g = 1 + d / (2 weight), and with the wrong sign
    a second, lower hill at 1 - d / (2 weight) where one that starts there stays."""
    rises = []
    for seed in range(6):
        of = task(PENALTY, t=2.0, limit=4.0, layers=0, seed=seed)
        x, y = sampled("gaussians", 2.0, 60, seed)
        means = (x.mean() - y.mean()).abs().item()
        reading = read(of, learned(of, 600)[0])
        slope, estimate = lipschitz.penalised(means, 4.0)
        rises.append(reading.estimate > 0)
        assert reading.steepest == pytest.approx(slope if rises[-1] else 2 - slope, rel=2e-3)
        if rises[-1]:
            assert reading.estimate == pytest.approx(estimate, rel=2e-3)
    assert any(rises)


def test_a_trained_penalised_critic_reads_near_its_optimum():
    of = task(PENALTY, family="points", units=32, limit=5.0)
    assert read(of, learned(of, 400)[0]).estimate == pytest.approx(lipschitz.penalised(3.0, 5.0)[1], rel=0.03)


def test_without_a_constraint_the_estimate_runs_away():
    estimates = learned(task(NONE), 300)[1]
    assert estimates[299] > 5 * estimates[149] > 25 * estimates[49] > 0


def test_the_same_seed_learns_the_same_whatever_was_asked_before():
    def weights(steps: int, **values) -> torch.Tensor:
        return nn.utils.parameters_to_vector(learned(task(PENALTY, **values), steps)[0].parameters())

    once = weights(130)
    further = learned(task(PENALTY), 230)[1]
    assert torch.equal(weights(130), once)
    critic._after.cache_clear()
    assert torch.equal(weights(130), once)
    assert not torch.equal(weights(130, seed=1), once) and not torch.equal(weights(131), once)
    assert learned(task(PENALTY), 130)[1] == further[:130] and len(further) == 230


def test_the_tool_shows_what_the_critic_read():
    of = Task(samples=40, units=8)
    reading = read(of, learned(of, 60)[0])
    slots = dual(samples=40, units=8, steps=60)
    said = [row.text for row in ElementTree.fromstring(slots["numbers"]).findall(".//li/span")]
    assert said[0].startswith(f"= {number(reading.primal)} between the 40 samples, 3 between the laws")
    assert said[1].startswith(f"= {number(reading.estimate)} ")
    assert said[2] == f"= {number(reading.steepest)}"
    for html in slots.values():
        ElementTree.fromstring(f"<div>{html}</div>")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_every_case_is_drawn(family, constraint):
    for t in (-6.0, 0.0):
        for html in dual(family=family, constraint=constraint, t=t, samples=20, units=4, steps=5).values():
            assert "nan" not in html
            ElementTree.fromstring(f"<div>{html}</div>")


def test_moving_what_has_no_effect_trains_nothing(monkeypatch):
    dual(constraint=SPECTRAL, samples=20, steps=10)
    monkeypatch.setattr(critic, "_train", lambda *_: pytest.fail("it trained again"))
    dual(constraint=SPECTRAL, samples=20, steps=10, weight=3.0, clip=0.5, width=390)


def test_nonsense_gets_a_sentence():
    for values in ({"family": "segments"}, {"steps": 601}, {"layers": -1}, {"clip": 0}):
        with pytest.raises(UserError):
            dual(**checked(DUAL, values))
    with pytest.raises(ValueError, match="positive"):
        duality.penalised(*samples(), 0.0)
