"""Entropic optimal transport: min <P, C> + eps KL(P || a b') over couplings P of a and b, in the log domain.

(Cuturi 2013; Peyre & Cuturi 2019, chapter 4; Feydy et al. 2019 for the divergence.)
"""

from typing import NamedTuple

import torch
from torch import Tensor

ROUNDING = torch.finfo(torch.float64).eps
SMALLEST = 1e-8  # eps over the largest cost: rounding of (f + g - C) / eps is an error of the plan
SCALING = 0.5  # eps falls by this factor from the largest cost to its value: small eps alone would take for ever
WARM = 1e-4  # error at which the next smaller eps may begin
DAMPING = 0.1  # of Newton's steps, times the error


class Entropic(NamedTuple):
    """The plan (N, M), its potentials f (N,) and g (M,), the value <f, a> + <g, b>, and the largest error of a
    marginal, in probability: what is left to converge."""

    plan: Tensor
    f: Tensor
    g: Tensor
    value: Tensor
    error: float


class _Point(NamedTuple):
    """Potentials whose plan has the right rows, the sum of its columns' errors, and the dual value."""

    f: Tensor
    g: Tensor
    plan: Tensor
    error: float
    value: float


def entropic(a: Tensor, b: Tensor, C: Tensor, eps: float, tolerance: float = 1e-10, most: int = 500) -> Entropic:
    """Sinkhorn's iterations for weights a (N,), b (M,) that sum to 1 and costs C (N, M), in float64.

    They end when the marginals are right to `tolerance`, or as right as rounding allows, or after `most` iterations
    with the last eps. At eps = infinity the plan is a b' and the value <a b', C>; an eps under 1e-8 of the largest
    cost counts as that much. ValueError for an eps that is not positive.
    """
    if not eps > 0:
        raise ValueError(f"eps must be positive, not {eps}: at 0 the plan is the exact one.")
    a, b, C = a.double(), b.double(), C.double()
    rows, columns = a > 0, b > 0  # what has no weight takes no part
    whole, a, b, C = C, a[rows], b[columns], C[rows][:, columns]
    if eps == torch.inf:
        f, g, small, error = C @ b, torch.zeros_like(b), a[:, None] * b, 0.0
    else:
        f, g, small = _solve(a, b, C, eps, tolerance, most)
        error = max((small.sum(1) - a).abs().max(), (small.sum(0) - b).abs().max()).item()
    plan = whole.new_zeros(whole.shape).masked_scatter(rows[:, None] & columns, small)
    return Entropic(plan, _spread(f, rows), _spread(g, columns), f @ a + g @ b, error)


def _solve(a: Tensor, b: Tensor, C: Tensor, eps: float, tolerance: float, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Potentials and plan, by way of ever smaller eps."""
    largest = C.abs().max().item()
    eps = max(eps, SMALLEST * largest)
    tolerance = max(tolerance, ROUNDING * largest / eps)
    now, g, slope = max(eps, largest), torch.zeros_like(b), torch.zeros_like(b)
    before = None
    while True:
        last = now <= eps
        point = _answer(a, b, C, now, g)
        for _ in range(most):
            if point.error <= (tolerance if last else WARM):
                break
            point = _step(a, b, C, now, point)
        if last:
            return point.f, point.g, point.plan
        # For small eps potentials are straight lines in eps: follow the line to the next one.
        if before:
            slope = (point.g - before[0]) / (now - before[1])
        before, now = (point.g, now), max(eps, now * SCALING)
        g = point.g + slope * (now - before[1])


def _step(a: Tensor, b: Tensor, C: Tensor, eps: float, point: _Point) -> _Point:
    """Newton's step on the concave dual, damped and if need be shortened, or else Sinkhorn's, which always climbs but
    at small eps too slowly to arrive."""
    plain = _answer(a, b, C, eps, _softmin(C - point.f[:, None], a[:, None], eps, 0))
    columns = point.plan.sum(0)
    curvature = torch.diag(columns) - point.plan.T @ (point.plan / a[:, None])
    curvature.diagonal().add_((1e-13 + DAMPING * point.error) * columns.max())
    factor, failed = torch.linalg.cholesky_ex(curvature)
    if failed:
        return plain
    direction = eps * torch.cholesky_solve((b - columns)[:, None], factor)[:, 0]
    for halvings in range(6):
        newton = _answer(a, b, C, eps, point.g + direction / 2**halvings)
        # Near the top values differ by rounding alone, and the error tells.
        if newton.error < point.error / 2 or newton.value > plain.value:
            return newton
    return plain


def _answer(a: Tensor, b: Tensor, C: Tensor, eps: float, g: Tensor) -> _Point:
    """The best f for a g."""
    f = _softmin(C - g, b, eps, 1)
    plan = torch.exp((f[:, None] + g - C) / eps + a.log()[:, None] + b.log())
    return _Point(f, g, plan, (plan.sum(0) - b).abs().sum().item(), (f @ a + g @ b).item())


def _softmin(C: Tensor, weights: Tensor, eps: float, axis: int) -> Tensor:
    """-eps log sum w exp(-C / eps), for weights that sum to 1 along the axis."""
    scaled = -C / eps
    if scaled.abs().max() < 0.1:  # of a number near 1 the logarithm would keep nothing
        return -eps * torch.log1p((weights * torch.expm1(scaled)).sum(axis))
    return -eps * torch.logsumexp(scaled + weights.log(), axis)


def _spread(values: Tensor, support: Tensor) -> Tensor:
    """Values on their support, 0 elsewhere."""
    return values.new_zeros(support.shape).masked_scatter(support, values)
