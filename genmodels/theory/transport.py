"""Optimal transport between finite distributions and between Gaussians, in float64.

Weights default to equal ones. W_p is the p-th root of the least mean of |x - y|^p; where a text writes the cost with
1/2 |x - T(x)|^2, its least cost is W_2^2 / 2. (Peyre & Cuturi, Computational Optimal Transport, 2019.)
"""

from collections.abc import Callable

import torch
from torch import Tensor

from genmodels.theory.information import distribution
from genmodels.theory.sinkhorn import entropic

Density = Callable[[Tensor], Tensor]


def wasserstein_1d(x: Tensor, y: Tensor, p: float = 1, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
    """W_p between atoms x (..., N) and y (..., M) on a line, with weights a and b of the same shapes.

    In one dimension the quantile coupling is optimal for every p >= 1: W_p^p = int_0^1 |F^-1(u) - G^-1(u)|^p du, here
    summed exactly over the steps of both quantile functions.
    """
    if not 1 <= p < torch.inf:
        raise ValueError(f"p must be a finite number from 1, not {p}.")
    x, steps_x = _quantiles(x, a)
    y, steps_y = _quantiles(y, b)
    steps_x, steps_y = _batched(steps_x, steps_y)
    u = torch.cat([steps_x, steps_y], -1).sort(-1).values.clamp(max=1)
    width = u.diff(dim=-1, prepend=torch.zeros_like(u[..., :1]))
    middle = u - width / 2  # inside a step, where both functions are constant
    return (width * (_at(x, steps_x, middle) - _at(y, steps_y, middle)).abs() ** p).sum(-1) ** (1 / p)


def exact_plan(a: Tensor, b: Tensor, C: Tensor) -> Tensor:
    """The coupling (N, M) of a (N,) and b (M,) of least cost <P, C>, by POT's network simplex."""
    import ot  # costs a second to import, which pages need not wait for

    a, b, C = _problem(a, b, C)
    return torch.from_numpy(ot.emd(a.numpy(), b.numpy(), C.numpy(), numItermax=1_000_000))


def sinkhorn_plan(a: Tensor, b: Tensor, C: Tensor, eps: float, tolerance: float = 1e-10) -> Tensor:
    """The coupling (N, M) that minimises <P, C> + eps KL(P || a b'): exact at eps 0, the product a b' at infinity.

    `entropic` gives the marginals' error beside the plan.
    """
    a, b, C = _problem(a, b, C)
    return exact_plan(a, b, C) if eps == 0 else entropic(a, b, C, eps, tolerance).plan


def sinkhorn_divergence(x: Tensor, y: Tensor, eps: float, p: float = 2, tolerance: float = 1e-10) -> Tensor:
    """OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 of the entropic cost between points x (N, D) and y (M, D) of equal
    weights, with cost |x - y|^p (Feydy et al. 2019): W_p^p at eps 0, half the MMD^2 of the kernel -d^p at infinity."""
    x, y = (torch.as_tensor(t, dtype=torch.float64) for t in (x, y))

    def least(x: Tensor, y: Tensor) -> Tensor:
        a, b, C = _problem(_even(x), _even(y), (x[:, None] - y).norm(dim=-1) ** p)
        return (exact_plan(a, b, C) * C).sum() if eps == 0 else entropic(a, b, C, eps, tolerance).value

    return least(x, y) - least(x, x) / 2 - least(y, y) / 2


def potentials(a: Tensor, b: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """Kantorovich potentials u (N,) and v (M,): u_i + v_j <= C_ij, and <u, a> + <v, b> is the least cost."""
    import ot

    a, b, C = _problem(a, b, C)
    _, log = ot.emd(a.numpy(), b.numpy(), C.numpy(), numItermax=1_000_000, log=True)
    v = torch.from_numpy(log["v"])
    v = torch.where(b > 0, v, -torch.inf)  # what has no weight says nothing: its v follows from u
    u = (C - v).amin(1)
    return u, (C - u[:, None]).amin(0)


def duality_gap(plan: Tensor, C: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """<P, C> - <u, a> - <v, b> with the plan's own marginals: 0 where plan and potentials are both optimal."""
    return (plan * C).sum() - (u * plan.sum(1)).sum() - (v * plan.sum(0)).sum()


def wasserstein_gaussian(m0: Tensor, S0: Tensor, m1: Tensor, S1: Tensor) -> Tensor:
    """W_2 between N(m0, S0) and N(m1, S1), means (..., D) and covariances (..., D, D), singular ones too:
    W_2^2 = |m0 - m1|^2 + tr(S0 + S1 - 2 (S0^1/2 S1 S0^1/2)^1/2)."""
    m0, S0, m1, S1 = (torch.as_tensor(t, dtype=torch.float64) for t in (m0, S0, m1, S1))
    root0, root1 = _power(S0, 0.5), _power(S1, 0.5)
    left, _, right = torch.linalg.svd(root1 @ root0)
    # The trace is min |S0^1/2 - S1^1/2 U|^2 over rotations U; in this form nothing cancels where S0 is near S1.
    return ((m0 - m1).square().sum(-1) + (root0 - root1 @ left @ right).square().sum((-2, -1))).sqrt()


def monge_gaussian(m0: Tensor, S0: Tensor, m1: Tensor, S1: Tensor) -> tuple[Tensor, Tensor]:
    """A (..., D, D) and b (..., D) of the optimal map x -> A x + b from N(m0, S0) to N(m1, S1).

    A = S0^-1/2 (S0^1/2 S1 S0^1/2)^1/2 S0^-1/2 is symmetric and positive: the map is the gradient of a convex
    function (Brenier 1991). ValueError where S0 is singular: no map can thicken what is flat.
    """
    m0, S0, m1, S1 = (torch.as_tensor(t, dtype=torch.float64) for t in (m0, S0, m1, S1))
    values = torch.linalg.eigvalsh(S0)
    if (values[..., 0] <= 1e-12 * values[..., -1]).any():
        raise ValueError("The first covariance is singular: there may be no map, only a plan.")
    root, inverse = _power(S0, 0.5), _power(S0, -0.5)
    A = inverse @ _power(root @ S1 @ root, 0.5) @ inverse
    return A, m1 - (A @ m0[..., None])[..., 0]


def monge_1d(x: Tensor, y: Tensor) -> Tensor:
    """T(x) (..., N): the monotone map from atoms x to as many y (..., N), all of one weight; it is optimal for every
    p >= 1. ValueError for unequal numbers: atoms would have to split, and no map exists in general."""
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"{x.shape[-1]} atoms cannot be mapped onto {y.shape[-1]} of equal weight: some would split.")
    rank = x.argsort(dim=-1, stable=True).argsort(dim=-1)
    return y.sort(-1).values.gather(-1, rank.expand(y.shape))


def pushforward_residual(mu: Density, nu: Density, transport: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|det J_T(x)| nu(T(x)) - mu(x) at points x (N, D): 0 everywhere where T carries mu to nu one to one.

    Densities map (N, D) to (N,), T maps (N, D) to (N, D) and is differentiated by autograd.
    """
    x = x.detach().requires_grad_()
    moved = transport(x) + 0 * x  # a constant map has a Jacobian too
    rows = [torch.autograd.grad(moved[:, i].sum(), x, retain_graph=True)[0] for i in range(x.shape[1])]
    with torch.no_grad():
        return torch.linalg.det(torch.stack(rows, 1)).abs() * nu(moved) - mu(x)


def sliced_wasserstein(
    x: Tensor, y: Tensor, p: float = 2, projections: int = 128, generator: torch.Generator | None = None
) -> Tensor:
    """The p-th root of the mean of W_p^p over random directions, points x (N, D) and y (M, D)."""
    directions = torch.randn(x.shape[-1], projections, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=0)
    return (wasserstein_1d((x.double() @ directions).T, (y.double() @ directions).T, p) ** p).mean() ** (1 / p)


def _even(x: Tensor) -> Tensor:
    return torch.full((len(x),), 1 / max(1, len(x)), dtype=torch.float64)


def _problem(a: Tensor, b: Tensor, C: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights and costs that fit one another, the weights' sums made exactly equal; else a ValueError."""
    a, b = distribution(a), distribution(b)
    C = torch.as_tensor(C, dtype=torch.float64)
    if (a.dim(), b.dim()) != (1, 1):
        raise ValueError("The weights must be two vectors.")
    if C.shape != (len(a), len(b)):
        raise ValueError(f"The costs must be {len(a)} x {len(b)}, not {' x '.join(map(str, C.shape))}.")
    if not C.isfinite().all():
        raise ValueError("Every cost must be a finite number.")
    return a / a.sum(), b / b.sum(), C.contiguous()


def _quantiles(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Atoms in rising order and the steps of the distribution function at them."""
    x = torch.as_tensor(x, dtype=torch.float64)
    if x.shape[-1] == 0 or not x.isfinite().all():
        raise ValueError("Points must be finite numbers, and at least one.")
    weights = torch.full_like(x, 1 / x.shape[-1]) if weights is None else distribution(weights).expand(x.shape)
    x, order = x.sort(-1)
    steps = weights.gather(-1, order).cumsum(-1)
    return x, steps / steps[..., -1:]


def _at(x: Tensor, steps: Tensor, u: Tensor) -> Tensor:
    """The quantile function at u."""
    x, steps, u = _batched(x, steps, u)
    index = torch.searchsorted(steps.contiguous(), u.contiguous()).clamp(max=x.shape[-1] - 1)
    return x.gather(-1, index)


def _batched(*tensors: Tensor) -> list[Tensor]:
    """The same leading axes on all."""
    leading = torch.broadcast_shapes(*(t.shape[:-1] for t in tensors))
    return [t.expand(*leading, t.shape[-1]) for t in tensors]


def _power(S: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive matrix; eigenvalues no larger than rounding are 0."""
    values, vectors = torch.linalg.eigh(S)
    rounding = S.shape[-1] * torch.finfo(S.dtype).eps * values[..., -1:]
    values = torch.where(values > rounding, values, torch.zeros_like(values))
    return vectors * values.pow(exponent)[..., None, :] @ vectors.mT
