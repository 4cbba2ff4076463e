"""Monge's maps: from heap to heap without splitting, on the line, between Gaussians, between clouds of points."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from genmodels.models.base import Choice, Real, Whole
from genmodels.theory.transport import (
    exact_plan,
    monge_1d,
    monge_gaussian,
    pushforward_residual,
    wasserstein_1d,
    wasserstein_gaussian,
)
from genmodels.ui.drawing import Canvas, figure, number, tiny
from genmodels.ui.formula import equations
from genmodels.ui.tool import WIDTH, Preset, Tool

CASES = ("on the line", "Gaussians", "points", "an atom that must split")
P, Q, MOVED = 0, 1, 2
SIDE = 460


def monge(
    *,
    case: Choice(CASES, "what is carried") = "Gaussians",
    way: Real(0, 1, "how far along the way") = 1.0,
    angle: Real(-90, 90, "angle of q in degrees") = 50.0,
    stretch: Real(0.2, 3, "stretch of q") = 2.0,
    count: Whole(5, 200, "points") = 40,
    seed: Whole(0, 9999, "seed of the points") = 0,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The map, drawn as far along the way as asked, and the equation that says it preserves measure."""
    if case == "on the line":
        return _line(way, stretch, count, seed, width)
    if case == "an atom that must split":
        return _atom(width)
    return _plane(case, way, angle, stretch, count, seed, width)


def _line(way: float, stretch: float, count: int, seed: int, width: int) -> dict[str, str]:
    """From N(0, 1) to N(2, stretch^2) by quantiles."""
    mu, nu = (Normal(torch.tensor(m, dtype=torch.float64), s) for m, s in ((-1.5, 1.0), (1.5, stretch)))
    x = torch.linspace(-5, 2, 400, dtype=torch.float64)
    target = nu.icdf(mu.cdf(x).clamp(1e-12, 1 - 1e-12))
    one = width if width < 760 else (width - 30) // 2
    canvas = Canvas((-6, 9), (0, 1.1 * max(0.4, 0.4 / stretch)), one, 240)
    for law, color in ((mu, P), (nu, Q)):
        axis = torch.linspace(-6, 9, 400, dtype=torch.float64)
        canvas.area(axis.tolist(), law.log_prob(axis).exp().tolist(), color)
    moved = (1 - way) * x + way * target
    # Density of what is on its way: mass over the width that it now takes.
    density = mu.log_prob(x).exp() / ((1 - way) + way * stretch)
    canvas.line(moved.tolist(), density.tolist(), MOVED, read=False)
    densities = figure(
        "Mass on its way",
        canvas.svg(f"A bell carried {number(way)} of the way to another"),
        "Every grain moves straight to the place of its own quantile. Exact: no samples.",
        unit="density, per unit of x",
        entries=[("p", P, ""), ("q", Q, ""), ("on the way", MOVED, "")],
    )
    canvas = Canvas((-5, 2), (-6, 9), one, 240)
    canvas.line(x.tolist(), target.tolist(), MOVED)
    canvas.line([-5, 2], [-5, 2], "var(--quiet)", read=False, dashed=True)
    drawn = figure(
        "The map",
        canvas.svg("A rising curve: the map from p to q"),
        "T sends each quantile of p to the same quantile of q; it rises, so no paths cross. Dashed: staying.",
        unit="T(x)",
        entries=[("T", MOVED, "")],
        x_label="x",
    )
    residual = pushforward_residual(
        lambda s: mu.log_prob(s[:, 0]).exp(),
        lambda s: nu.log_prob(s[:, 0]).exp(),
        lambda s: 1.5 + stretch * (s + 1.5),
        x[:, None],
    )
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(count, generator=generator, dtype=torch.float64) - 1.5
    b = 1.5 + stretch * torch.randn(count, generator=generator, dtype=torch.float64)
    sampled = (a - monge_1d(a, b)).square().mean().sqrt()
    exact = math.hypot(3, stretch - 1)
    numbers = equations(
        (r"|T'(x)|\,q(T(x))=p(x)", f"holds to {tiny(residual.abs().max().item())} on 400 points"),
        (r"W_2", f"= {number(exact)}; from {count} samples {number(sampled.item())}"),
        (r"W_1", f"= {number(wasserstein_1d(a, b).item())} from the same samples"),
        (r"\frac{1}{2}\int |x-T(x)|^2\,p(x)\,dx", f"= {number(exact**2 / 2)}, the cost as the text writes it"),
    )
    return {"first": densities, "second": drawn, "numbers": numbers}


@lru_cache(maxsize=32)
def _drawn(count: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, count, 2, generator=generator, dtype=torch.float64))


def _plane(case: str, way: float, angle: float, stretch: float, count: int, seed: int, width: int) -> dict[str, str]:
    turn = math.radians(angle)
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    m0, m1 = torch.tensor([-1.8, 0.0], dtype=torch.float64), torch.tensor([1.8, 0.5], dtype=torch.float64)
    S0 = torch.tensor([[0.5, 0.15], [0.15, 0.3]], dtype=torch.float64)
    axes = torch.diag(torch.tensor([0.35 * stretch**2, 0.35], dtype=torch.float64))
    S1 = rotation @ axes @ rotation.T
    noise0, noise1 = _drawn(count, seed)
    x = m0 + noise0 @ torch.linalg.cholesky(S0).T
    side = min(SIDE, width)
    canvas = Canvas((-4.5, 4.5), (-4.5, 4.5), side, side, bare=True)
    A, b = monge_gaussian(m0, S0, m1, S1)
    if case == "Gaussians":
        target = x @ A.T + b
        for mean, covariance, color in ((m0, S0, P), (m1, S1, Q)):
            for radius in (1, 2):
                canvas.line(*_ellipse(mean, covariance, radius), color, read=False)
        grid = torch.cartesian_prod(*[torch.linspace(-4, 4, 25, dtype=torch.float64)] * 2)
        mu, nu = MultivariateNormal(m0, S0), MultivariateNormal(m1, S1)
        residual = pushforward_residual(
            lambda s: mu.log_prob(s).exp(), lambda s: nu.log_prob(s).exp(), lambda s: s @ A.T + b, grid
        )
        low, high = torch.linalg.eigvalsh(A).tolist()
        numbers = equations(
            (r"|\det J_T(x)|\,q(T(x))=p(x)", f"holds to {tiny(residual.abs().max().item())} on 625 points"),
            (
                r"T(x)=A\,x+b",
                f"A symmetric, its eigenvalues {number(low)} and {number(high)}: a convex function's slope",
            ),
            (r"W_2(p,q)", f"= {number(wasserstein_gaussian(m0, S0, m1, S1).item())}, in closed form"),
        )
        says = f"The closed-form map between two Gaussians on {count} samples of p; ellipses at one and two deviations."
    else:
        y = m1 + noise1 @ torch.linalg.cholesky(S1).T
        C = (x[:, None] - y).square().sum(-1)
        even = torch.full((count,), 1 / count, dtype=torch.float64)
        plan = exact_plan(even, even, C)
        target = y[plan.argmax(1)]
        canvas.dots(y[:, 0].tolist(), y[:, 1].tolist(), Q, 3.5)
        numbers = equations(
            (r"W_2(\hat p,\hat q)", f"= {number((plan * C).sum().sqrt().item())} between the two clouds"),
            (
                r"W_2(p,q)",
                f"= {number(wasserstein_gaussian(m0, S0, m1, S1).item())} between the laws they were drawn from",
            ),
        )
        says = (
            f"{count} points to as many: the cheapest plan sends each to one other, so it is a map. Paths do not cross."
        )
    now = (1 - way) * x + way * target
    canvas.arrows(x.tolist(), now.tolist(), "var(--quiet)")
    canvas.dots(x[:, 0].tolist(), x[:, 1].tolist(), P, 2.5)
    canvas.dots(now[:, 0].tolist(), now[:, 1].tolist(), MOVED, 3)
    picture = figure(
        "Mass on its way",
        canvas.svg(f"{count} points carried {number(way)} of the way, arrows behind them"),
        says,
        unit="a plane, 9 units wide",
        entries=[("p", P, ""), ("q", Q, ""), ("on the way", MOVED, "")],
    )
    return {"first": picture, "second": "", "numbers": numbers}


def _atom(width: int) -> dict[str, str]:
    one = min(SIDE, width)
    canvas = Canvas((-2, 2), (0, 1.2), one, 220)
    for x, height, color in ((0, 1, P), (-1, 0.5, Q), (1, 0.5, Q)):
        canvas.arrows([(x, 0)], [(x, height)], color)
    canvas.arrows([(0, 0.35)] * 2, [(-0.9, 0.35), (0.9, 0.35)], "var(--quiet)")
    plan = exact_plan(torch.ones(1), torch.tensor([0.5, 0.5]), torch.ones(1, 2))
    picture = figure(
        "One atom, two places",
        canvas.svg("One atom at 0 whose halves go to -1 and 1"),
        "All mass of p lies at 0, half of q at -1 and half at 1. A map would have to send 0 to one place.",
        unit="mass",
        entries=[("p", P, ""), ("q", Q, "")],
        x_label="x",
    )
    numbers = equations(
        (r"T(0)=?", "no map carries p to q"),
        (r"P", f"= ({number(plan[0, 0].item())}, {number(plan[0, 1].item())}): Kantorovich's plan exists all the same"),
        (r"W_1", "= 1"),
    )
    return {"first": picture, "second": "", "numbers": numbers}


def _ellipse(mean: Tensor, covariance: Tensor, radius: float) -> tuple[list[float], list[float]]:
    around = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    circle = torch.stack([around.cos(), around.sin()], 1) * radius
    points = mean + circle @ torch.linalg.cholesky(covariance).T
    return points[:, 0].tolist(), points[:, 1].tolist()


MONGE = Tool(
    name="monge",
    title="A map that preserves measure",
    lead="Monge asked for a map: every grain of p goes to one place, and q comes out. Move along the way, turn and "
    "stretch q, and see where there is no map at all.",
    answer=monge,
    slots=("first", "second", "numbers"),
    presets=(
        Preset(
            "Halfway", "Brenier: the best map is the slope of a convex function, so paths never cross.", {"way": 0.5}
        ),
        Preset("On the line", "In one dimension it matches quantiles.", {"case": "on the line", "way": 0.6}),
        Preset("Two clouds", "A measure-preserving map of least cost, found among all pairings.", {"case": "points"}),
        Preset("No map", "An atom cannot split; a plan can split it.", {"case": "an atom that must split"}),
    ),
    folded=("count", "seed"),
)
