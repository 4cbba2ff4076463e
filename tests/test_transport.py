"""Optimal transport against closed forms, SciPy's linear programme and POT."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import wasserstein_distance

from genmodels.theory import transport
from genmodels.theory.sinkhorn import entropic

CLOSE = 1e-9


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weighted(n: int, seed: int = 0) -> torch.Tensor:
    """Weights of n atoms, some of them 0."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=generator, dtype=torch.float64)
    weights[torch.rand(n, generator=generator) < 0.2] = 0
    weights[0] += 0.1
    return weights / weights.sum()


def programme(a: torch.Tensor, b: torch.Tensor, C: torch.Tensor) -> float:
    """The least cost by a general solver of linear programmes."""
    n, m = C.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    limits = np.concatenate([a.numpy(), b.numpy()])
    return linprog(C.flatten().numpy(), A_eq=np.vstack([rows, columns]), b_eq=limits, method="highs").fun


def random_problem(seed: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    n, m = torch.randint(1, 8, (2,), generator=generator).tolist()
    return drawn(n, seed=seed), drawn(m, seed=seed + 1000), weighted(n, seed), weighted(m, seed + 1)


def covariance(seed: int, dimensions: int = 3) -> torch.Tensor:
    root = drawn(dimensions, dimensions, seed=seed)
    return root @ root.T + 0.1 * torch.eye(dimensions, dtype=torch.float64)


# One dimension


def test_w1_agrees_with_scipy_and_with_the_linear_programme():
    for seed in range(200):
        x, y, a, b = random_problem(seed)
        found = transport.wasserstein_1d(x, y, 1, a, b).item()
        assert found == pytest.approx(wasserstein_distance(x, y, a, b), abs=CLOSE)
        plan = transport.exact_plan(a, b, (x[:, None] - y).abs())
        assert found == pytest.approx((plan * (x[:, None] - y).abs()).sum().item(), abs=CLOSE)
        assert found == pytest.approx(programme(a, b, (x[:, None] - y).abs()), abs=CLOSE)


def test_the_quantile_coupling_is_optimal_for_every_p():
    for seed in range(50):
        x, y, a, b = random_problem(seed)
        for p in (1.5, 2, 3):
            C = (x[:, None] - y).abs() ** p
            least = (transport.exact_plan(a, b, C) * C).sum().item()
            assert transport.wasserstein_1d(x, y, p, a, b).item() ** p == pytest.approx(least, abs=CLOSE)


@settings(deadline=None, max_examples=40)
@given(some.floats(-50, 50), some.floats(0.1, 5), some.floats(1, 4), some.integers(0, 99))
def test_shifts_and_scales(shift, scale, p, seed):
    x, y = drawn(7, seed=seed), drawn(5, seed=seed + 1)
    assert transport.wasserstein_1d(x, x + shift, p).item() == pytest.approx(abs(shift), abs=1e-8)
    apart = transport.wasserstein_1d(x, y, p)
    assert transport.wasserstein_1d(scale * x + shift, scale * y + shift, p).item() == pytest.approx(
        scale * apart.item(), rel=1e-7, abs=1e-8
    )
    assert transport.wasserstein_1d(y, x, p).item() == pytest.approx(apart.item(), abs=CLOSE)
    assert transport.wasserstein_1d(
        x, x[torch.randperm(7, generator=torch.Generator().manual_seed(seed))], p
    ).item() == pytest.approx(0, abs=1e-7)


def test_batches_answer_like_each_of_their_parts():
    x, y = drawn(4, 3, 6), drawn(4, 1, 9, seed=1)
    found = transport.wasserstein_1d(x, y, 2)
    assert found.shape == (4, 3)
    for i in range(4):
        for j in range(3):
            assert found[i, j].item() == pytest.approx(transport.wasserstein_1d(x[i, j], y[i, 0], 2).item(), abs=CLOSE)


def test_one_atom():
    x, y = torch.tensor([2.0]), torch.tensor([-1.0, 1.0])
    assert transport.wasserstein_1d(x, y, 2).item() == pytest.approx(math.sqrt((9 + 1) / 2))
    assert transport.wasserstein_1d(x, y, 1, b=torch.tensor([0.0, 1.0])).item() == pytest.approx(1)


def test_a_monotone_map_moves_atoms_at_the_least_cost():
    x, y = drawn(30), drawn(30, seed=1)
    moved = transport.monge_1d(x, y)
    assert torch.equal(moved.sort().values, y.sort().values)
    cost = (moved - x).abs().pow(3).mean().item()
    assert cost ** (1 / 3) == pytest.approx(transport.wasserstein_1d(x, y, 3).item())
    with pytest.raises(ValueError, match="split"):  # one atom onto two: no map, though a plan
        transport.monge_1d(torch.zeros(1), torch.tensor([-1.0, 1.0]))
    plan = transport.exact_plan(torch.ones(1), torch.tensor([0.5, 0.5]), torch.ones(1, 2))
    assert plan.tolist() == [[0.5, 0.5]]


# Plans, potentials, duality


def test_plans_agree_with_the_linear_programme_with_pot_and_with_assignments():
    for seed in range(200):
        x, y, a, b = random_problem(seed)
        C = torch.hypot(x[:, None] - y, drawn(len(x), len(y), seed=seed + 2000))
        least = (transport.exact_plan(a, b, C) * C).sum().item()
        assert least == pytest.approx(programme(a, b, C), abs=CLOSE)
        assert least == pytest.approx(ot.emd2(a.numpy(), b.numpy(), C.numpy()), abs=CLOSE)
        n = min(C.shape)
        even, C = torch.full((n,), 1 / n), C[:n, :n]  # of equal weights a permutation is a best plan
        rows, columns = linear_sum_assignment(C.numpy())
        plan = transport.exact_plan(even, even, C)
        assert (plan * C).sum().item() == pytest.approx(C[rows, columns].mean().item(), abs=CLOSE)


@settings(deadline=None, max_examples=20)
@given(some.floats(-9, 9), some.floats(0.1, 5), some.integers(0, 99))
def test_costs_under_moves_and_reorderings_in_the_plane(shift, scale, seed):
    x, y = drawn(6, 2, seed=seed), drawn(4, 2, seed=seed + 1)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))

    def least(x, y, eps=0.0):
        return transport.sinkhorn_divergence(x, y, eps).item()

    assert least(x[order], y) == pytest.approx(least(x, y), abs=CLOSE)
    assert least(x + shift, y + shift) == pytest.approx(least(x, y), abs=1e-8)
    assert least(scale * x, scale * y) == pytest.approx(scale**2 * least(x, y), abs=1e-8)
    assert least(x, x + shift) == pytest.approx(2 * shift**2, abs=1e-8)  # W_2 of a shift is its length
    assert least(scale * x, scale * y, scale**2) == pytest.approx(scale**2 * least(x, y, 1.0), abs=1e-7)


def test_plans_have_their_marginals_and_duality_closes():
    for seed in range(200):
        x, y, a, b = random_problem(seed)
        C = (x[:, None] - y).square()
        plan, (u, v) = transport.exact_plan(a, b, C), transport.potentials(a, b, C)
        assert torch.allclose(plan.sum(1), a) and torch.allclose(plan.sum(0), b) and (plan >= 0).all()
        assert (u[:, None] + v <= C + CLOSE).all()
        assert transport.duality_gap(plan, C, u, v).item() == pytest.approx(0, abs=CLOSE)
        assert transport.duality_gap(a[:, None] * b, C, u, v) >= -CLOSE


def test_sinkhorn_agrees_with_pot():
    for seed in range(200):
        x, y, a, b = random_problem(seed)
        C = (x[:, None] - y).square()
        rows, columns = a > 0, b > 0
        inner = a[rows].numpy(), b[columns].numpy(), C[rows][:, columns].numpy()
        theirs = ot.sinkhorn(*inner, 1.0, method="sinkhorn_log", stopThr=1e-12)
        ours = transport.sinkhorn_plan(a, b, C, 1.0)
        assert np.allclose(ours[rows][:, columns].numpy(), theirs, atol=1e-9)
        assert (ours[~rows] == 0).all() and (ours[:, ~columns] == 0).all()


def test_sinkhorn_leads_from_the_exact_plan_to_the_product():
    x, y, a, b = drawn(6), drawn(5, seed=1), weighted(6), weighted(5, 1)
    C = (x[:, None] - y).square()
    exact = (transport.exact_plan(a, b, C) * C).sum().item()
    costs = [(transport.sinkhorn_plan(a, b, C, eps) * C).sum().item() for eps in (0, 0.01, 0.1, 1, 1e6, math.inf)]
    assert all(early <= late + 1e-6 for early, late in zip(costs, costs[1:], strict=False))
    assert costs[0] == pytest.approx(exact) and costs[1] == pytest.approx(exact, abs=0.01)
    assert costs[-2] == pytest.approx(costs[-1], rel=1e-5) and costs[-1] == pytest.approx((a @ C @ b).item())


@pytest.mark.parametrize("eps", [5e-324, 1e-300, 1e-20, 1e-6, 1e-3, 1e12, 1e300])
def test_sinkhorn_with_the_smallest_and_largest_eps(eps):
    line, plane = torch.linspace(0, 1, 40, dtype=torch.float64), drawn(30, 2)
    for a, b, C in (
        (weighted(6), weighted(5, 1), (drawn(6)[:, None] - drawn(5, seed=1)).square()),
        (weighted(40), weighted(40, 1), (line[:, None] - line).abs()),
        (torch.ones(30), torch.ones(25), torch.cdist(plane, 1 - 2 * plane[:25])),
        (weighted(3), weighted(4), torch.zeros(3, 4)),
    ):
        a, b = (t.double() / t.double().sum() for t in (a, b))
        plan, _, _, value, error = entropic(a, b, C, eps)
        assert torch.allclose(plan.sum(1), a, atol=1e-7) and torch.allclose(plan.sum(0), b, atol=1e-7) and error < 1e-7
        wanted = (transport.exact_plan(a, b, C) if eps < 1 else a[:, None] * b).mul(C).sum().item()
        assert (plan * C).sum().item() == pytest.approx(wanted, abs=10 * eps if 1e-7 < eps < 1 else 1e-6)
        assert value.item() == pytest.approx(wanted, abs=10 * eps if 1e-7 < eps < 1 else 1e-6)


def test_sinkhorn_s_potentials_give_its_plan_and_its_value():
    a, b, C = weighted(8), weighted(9, 1), (drawn(8)[:, None] - drawn(9, seed=1)).abs()
    for eps in (0.01, 0.3, 50.0):
        plan, f, g, value, error = entropic(a, b, C, eps)
        product = a[:, None] * b
        assert error < 1e-9 and torch.allclose(plan, product * torch.exp((f[:, None] + g - C) / eps), atol=CLOSE)
        primal = (plan * C).sum() + eps * (torch.xlogy(plan, plan) - torch.xlogy(plan, product)).sum()
        assert value.item() == pytest.approx(primal.item(), abs=CLOSE)


def test_sinkhorn_that_is_cut_short_says_how_far_it_came():
    a, b, C = weighted(6), weighted(5, 1), (drawn(6)[:, None] - drawn(5, seed=1)).square()
    found = entropic(a, b, C, 0.05, most=1)
    assert found.plan.isfinite().all() and found.error > 1e-9
    assert found.error == pytest.approx(
        max((found.plan.sum(1) - a).abs().max().item(), (found.plan.sum(0) - b).abs().max().item())
    )
    for eps in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive"):
            entropic(a, b, C, eps)


def test_the_divergence_leads_from_wasserstein_to_mmd():
    x, y = drawn(6, 2), drawn(5, 2, seed=1) + 1

    def energy(p):
        between, own_x, own_y = ((s[:, None] - t).norm(dim=-1).pow(p).mean() for s, t in ((x, y), (x, x), (y, y)))
        return between - own_x / 2 - own_y / 2

    for p in (1, 2):
        exact = ot.emd2([], [], (x[:, None] - y).norm(dim=-1).pow(p).numpy())
        assert transport.sinkhorn_divergence(x, y, 0, p).item() == pytest.approx(exact, abs=CLOSE)
        assert transport.sinkhorn_divergence(x, y, 0.02, p).item() == pytest.approx(exact, rel=0.02)
        assert transport.sinkhorn_divergence(x, y, math.inf, p).item() == pytest.approx(energy(p).item(), abs=CLOSE)
        assert transport.sinkhorn_divergence(x, y, 1e7, p).item() == pytest.approx(energy(p).item(), abs=1e-5)
        for eps in (0, 0.5, math.inf):
            assert transport.sinkhorn_divergence(x, x, eps, p).item() == pytest.approx(0, abs=1e-8)
            assert transport.sinkhorn_divergence(x, y, eps, p) > 0


def test_equal_points_and_single_atoms():
    same = torch.ones(4, 2)
    for eps in (0, 1e-6, 1, math.inf):
        assert transport.sinkhorn_divergence(same, same, eps).item() == 0
        assert transport.sinkhorn_divergence(same[:1], same[:1] + 3, eps).item() == pytest.approx(18)
        assert transport.sinkhorn_divergence(same, same + 3, eps).item() == pytest.approx(18)
        assert transport.sinkhorn_plan(
            torch.ones(1), torch.tensor([0.25, 0.0, 0.75]), torch.rand(1, 3), eps
        ).tolist() == [pytest.approx([0.25, 0, 0.75])]
    assert transport.sliced_wasserstein(same, same).item() == 0
    assert transport.wasserstein_1d(same[:, 0], same[:3, 1], 2).item() == 0


def test_slices_of_a_shift():
    x = drawn(50, 3)
    generator = torch.Generator().manual_seed(0)
    found = transport.sliced_wasserstein(x, x + torch.tensor([3.0, 0, 0]), projections=4000, generator=generator)
    assert found.item() == pytest.approx(3 / math.sqrt(3), rel=0.03)  # E cos^2 = 1/3
    one = transport.sliced_wasserstein(x[:, :1], 2 * x[:, :1], p=1, projections=3)
    assert one.item() == pytest.approx(transport.wasserstein_1d(x[:, 0], 2 * x[:, 0]).item())


# Gaussians and maps


def test_gaussians_agree_with_pot():
    for seed in range(200):
        m0, m1, S0, S1 = drawn(3, seed=seed), drawn(3, seed=seed + 1), covariance(seed), covariance(seed + 500)
        theirs = ot.gaussian.bures_wasserstein_distance(m0.numpy(), m1.numpy(), S0.numpy(), S1.numpy())
        assert transport.wasserstein_gaussian(m0, S0, m1, S1).item() == pytest.approx(theirs, abs=1e-8)
        A, b = transport.monge_gaussian(m0, S0, m1, S1)
        A_theirs, b_theirs = ot.gaussian.bures_wasserstein_mapping(m0.numpy(), m1.numpy(), S0.numpy(), S1.numpy())
        assert np.allclose(A, A_theirs, atol=1e-7) and np.allclose(b, b_theirs.ravel(), atol=1e-7)
        assert torch.allclose(A, A.T, atol=CLOSE) and (torch.linalg.eigvalsh(A) > 0).all()  # Brenier
        assert torch.allclose(A @ S0 @ A.T, S1, atol=1e-8) and torch.allclose(A @ m0 + b, m1)


def test_singular_and_one_dimensional_gaussians():
    zero, flat = torch.zeros(2), torch.diag(torch.tensor([1.0, 0.0]))
    thick = torch.eye(2)
    assert transport.wasserstein_gaussian(zero, flat, zero, thick).item() == pytest.approx(1)
    with pytest.raises(ValueError, match="singular"):
        transport.monge_gaussian(zero, flat, zero, thick)
    A, b = transport.monge_gaussian(zero, thick, zero, flat)  # the other way round a map exists
    assert torch.allclose(A, flat.double()) and torch.allclose(b, torch.zeros(2, dtype=torch.float64))
    for rank in (0, 1, 5, 40):  # the same twice, of any rank, is exactly as far as its means
        root = drawn(40, rank)
        S = root @ root.T
        assert transport.wasserstein_gaussian(torch.zeros(40), S, torch.zeros(40), S).item() == pytest.approx(
            0, abs=1e-11
        )
    assert transport.wasserstein_gaussian(zero, flat, zero, flat.flip(0, 1)).item() == pytest.approx(math.sqrt(2))
    near = transport.wasserstein_gaussian(torch.zeros(1), torch.eye(1), torch.ones(1) * 3, 4 * torch.eye(1))
    assert near.item() == pytest.approx(math.hypot(3, 1))


def test_the_pushforward_equation_holds_for_the_map_and_for_no_other():
    m0, m1, S0, S1 = drawn(2), drawn(2, seed=1), covariance(2, 2), covariance(3, 2)
    A, b = transport.monge_gaussian(m0, S0, m1, S1)
    mu, nu = (torch.distributions.MultivariateNormal(m, S) for m, S in ((m0, S0), (m1, S1)))
    densities = [lambda x: mu.log_prob(x).exp(), lambda x: nu.log_prob(x).exp()]
    grid = torch.cartesian_prod(*[torch.linspace(-2, 2, 15, dtype=torch.float64)] * 2)
    assert transport.pushforward_residual(*densities, lambda x: x @ A.T + b, grid).abs().max() < CLOSE
    assert transport.pushforward_residual(*densities, lambda x: x + m1 - m0, grid).abs().max() > 1e-3
    collapsed = transport.pushforward_residual(*densities, lambda x: torch.zeros_like(x), grid)
    assert torch.allclose(collapsed, -densities[0](grid))
    # A map that is not linear: u^2 is to u as 1 / (2 sqrt u) is to 1, on the unit interval.
    u = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)[:, None]
    even, steep = (lambda x: torch.ones(len(x), dtype=x.dtype)), (lambda x: 0.5 * x[:, 0] ** -0.5)
    assert transport.pushforward_residual(even, steep, torch.square, u).abs().max() < CLOSE
    assert transport.pushforward_residual(even, steep, lambda x: x**3, u).abs().max() > 0.1


@pytest.mark.parametrize(
    "call",
    [
        lambda: transport.wasserstein_1d(torch.zeros(0), torch.zeros(1)),
        lambda: transport.wasserstein_1d(torch.tensor([math.nan]), torch.zeros(1)),
        lambda: transport.wasserstein_1d(torch.zeros(1), torch.zeros(1), 0.5),
        lambda: transport.exact_plan(torch.tensor([0.5, 0.6]), torch.ones(1), torch.ones(2, 1)),
        lambda: transport.exact_plan(torch.ones(1), torch.ones(1), torch.ones(2, 1)),
        lambda: transport.exact_plan(torch.ones(1, 1), torch.ones(1), torch.ones(1, 1)),
        lambda: transport.exact_plan(torch.tensor([1.5, -0.5]), torch.ones(1), torch.ones(2, 1)),
        lambda: transport.sinkhorn_plan(torch.ones(1), torch.ones(1), torch.tensor([[math.inf]]), 1.0),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"\.$"):
        call()
