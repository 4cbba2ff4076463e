"""How far apart two distributions are, as one of them slides: exact, by quadrature, or estimated from samples.

p stands still at 0; q is moved by t and, where a family allows it, stretched by `scale`. All in nats and float64.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from genmodels.theory.information import js, kl, total_variation
from genmodels.theory.transport import wasserstein_1d

NODES = (
    1001  # of the trapezoidal rule: the error of JS is below 1e-9, that of TV, whose integrand has kinks, below 1e-4
)
MODES = (-2.0, 2.0)  # of the mixtures
NARROW = 0.4  # their standard deviation


class Distances(NamedTuple):
    """KL(p || q), KL(q || p), JS, TV, W1 and W2, each (T,)."""

    kl: Tensor
    reverse_kl: Tensor
    js: Tensor
    tv: Tensor
    w1: Tensor
    w2: Tensor


def points(t: Tensor) -> Distances:
    """A unit mass at 0 and one at t."""
    apart = (t != 0).double()
    gone = torch.where(t != 0, torch.inf, 0.0).double()
    return Distances(gone, gone, math.log(2) * apart, apart, t.abs(), t.abs())


def segments(t: Tensor) -> Distances:
    """The parallel lines of Arjovsky et al. 2017, example 1: (0, Z) and (t, Z) with Z uniform on [0, 1]. What holds
    for two points holds for them: every point of one moves straight across."""
    return points(t)


def gaussians(t: Tensor, scale: float = 1.0) -> Distances:
    """N(0, 1) and N(t, scale^2). KL, W1 and W2 in closed form, JS and TV by quadrature."""
    forward = math.log(scale) + (1 + t**2) / (2 * scale**2) - 0.5
    backward = -math.log(scale) + (scale**2 + t**2) / 2 - 0.5
    js, tv = _by_quadrature(lambda x: _normal(x, 0.0, 1.0), lambda x: _normal(x, t[:, None], scale), _line(t, 9, scale))
    # T(x) - x = t + (scale - 1) x is N(t, (scale - 1)^2) under p: W1 is the mean of its absolute value.
    spread = abs(scale - 1)
    if spread == 0:
        w1 = t.abs()
    else:
        z = t / spread
        w1 = t * torch.erf(z / math.sqrt(2)) + spread * math.sqrt(2 / math.pi) * torch.exp(-(z**2) / 2)
    return Distances(forward, backward, js, tv, w1, (t**2 + (1 - scale) ** 2 + 1e-300).sqrt())


def uniforms(t: Tensor, scale: float = 1.0) -> Distances:
    """U[-1/2, 1/2] and the uniform distribution of width `scale` around t, all in closed form."""
    low, high = torch.maximum(-t.new_ones(()) / 2, t - scale / 2), torch.minimum(t.new_ones(()) / 2, t + scale / 2)
    shared = (high - low).clamp(min=0)
    p_alone, q_alone = 1 - shared, 1 - shared / scale  # probability where the other has none
    infinite = torch.full_like(t, torch.inf)
    forward = torch.where(p_alone > 1e-12, infinite, torch.full_like(t, math.log(scale)))
    backward = torch.where(q_alone > 1e-12, infinite, torch.full_like(t, -math.log(scale)))
    q = 1 / scale
    m = (1 + q) / 2
    inside = (math.log(1 / m) + q * math.log(q / m)) * shared / 2
    js = inside + math.log(2) * (p_alone + q_alone) / 2
    tv = (p_alone + q_alone + abs(1 - q) * shared) / 2
    # T(x) - x = t + (scale - 1) x is uniform of half width |scale - 1| / 2 around t.
    half = abs(scale - 1) / 2
    within = (t**2 + half**2) / (2 * half) if half else t.abs()
    w1 = torch.where(t.abs() >= half, t.abs(), within)
    return Distances(forward, backward, js, tv, w1, (t**2 + half**2 / 3 + 1e-300).sqrt())


def mixtures(t: Tensor) -> Distances:
    """Two narrow modes at -2 and 2, and the same moved by t, by quadrature; W is exact, for a shift is optimal.

    JS has a second valley where one mode meets the other's place, W has none.
    """

    def density(x: Tensor) -> Tensor:
        return sum(_normal(x, mode, NARROW) for mode in MODES) / len(MODES)

    x = _line(t, MODES[1] + 9 * NARROW, 1.0)
    p, q = density(x), density(x - t[:, None])
    js, tv = _by_quadrature(density, lambda x: density(x - t[:, None]), x)
    forward, backward = (_integral(torch.where(a > 0, torch.xlogy(a, a / b), 0.0), x) for a, b in ((p, q), (q, p)))
    return Distances(forward, backward, js, tv, t.abs(), t.abs())


FAMILIES: dict[str, Callable[..., Distances]] = {
    "points": points,
    "gaussians": gaussians,
    "uniforms": uniforms,
    "mixtures": mixtures,
    "segments": segments,
}


def slopes(family: Callable[..., Distances], t: Tensor, **options: float) -> tuple[Distances, Distances]:
    """The distances at t (T,) and their derivatives by t: no number where a distance is infinite, 0 where it does not
    change."""
    t = t.detach().double().requires_grad_()
    values = family(t, **options)
    found = []
    for value in values:
        slope = (
            torch.autograd.grad(value.sum(), t, retain_graph=True, allow_unused=True)[0]
            if value.requires_grad
            else None
        )
        slope = torch.zeros_like(t) if slope is None else slope
        found.append(torch.where(value.isfinite(), slope, torch.nan).detach())
    return Distances(*(value.detach() for value in values)), Distances(*found)


def densities(family: str, x: Tensor, t: float, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """p and q at x (N,), for the families that have a density on the line."""
    if family == "uniforms":
        return (x.abs() <= 0.5).double(), ((x - t).abs() <= scale / 2).double() / scale
    if family == "mixtures":
        return tuple(sum(_normal(y, mode, NARROW) for mode in MODES) / len(MODES) for y in (x, x - t))
    return _normal(x, 0.0, 1.0), _normal(x, t, scale)


def draw(family: str, count: int, t: float, scale: float, generator: torch.Generator) -> Tensor:
    """Samples (count,) of q; of p where t is 0 and scale 1."""
    noise = torch.randn(count, generator=generator, dtype=torch.float64)
    if family == "points":
        return torch.full_like(noise, t)
    if family == "gaussians":
        return t + scale * noise
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    if family == "uniforms":
        return t + scale * (uniform - 0.5)
    return t + torch.where(uniform < 0.5, *MODES) + NARROW * noise


def from_samples(x: Tensor, y: Tensor, bins: int | None = None) -> Distances:
    """Estimates from samples x (N,) and y (M,): KL, JS and TV of histograms with common bins over the range of both,
    2 n^(1/3) of them (Rice's rule) unless said otherwise; W1 and W2 of the samples themselves."""
    bins = bins or max(2, round(2 * min(len(x), len(y)) ** (1 / 3)))
    low, high = min(x.min(), y.min()).item(), max(x.max(), y.max()).item()
    high = high if high > low else low + 1
    p, q = (torch.histc(s.double(), bins, low, high) for s in (x, y))
    p, q = p / p.sum(), q / q.sum()
    return Distances(kl(p, q), kl(q, p), js(p, q), total_variation(p, q), wasserstein_1d(x, y), wasserstein_1d(x, y, 2))


def floor(draw: Callable[[torch.Generator], Tensor], repeats: int = 20, seed: int = 0) -> Distances:
    """What `from_samples` finds between two samples of the same law, which is not 0: the mean over repeats."""
    generator = torch.Generator().manual_seed(seed)
    found = [from_samples(draw(generator), draw(generator)) for _ in range(repeats)]
    return Distances(*(torch.stack(values).mean() for values in zip(*found, strict=True)))


def js_bound(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """JS >= log 2 + V / 2 for a discriminator's logits on samples it never saw (Goodfellow et al. 2014, theorem 1)."""
    value = torch.nn.functional.logsigmoid(real_logits).mean() + torch.nn.functional.logsigmoid(-fake_logits).mean()
    return math.log(2) + value / 2


def kl_gaussian(m0: Tensor, S0: Tensor, m1: Tensor, S1: Tensor) -> Tensor:
    """KL(N(m0, S0) || N(m1, S1)) = (tr(S1^-1 S0) + |m1 - m0|^2_{S1^-1} - D + log det S1 / det S0) / 2, means (..., D)
    and regular covariances (..., D, D)."""
    m0, S0, m1, S1 = (torch.as_tensor(t, dtype=torch.float64) for t in (m0, S0, m1, S1))
    apart = m1 - m0
    trace = torch.linalg.solve(S1, S0).diagonal(dim1=-2, dim2=-1).sum(-1)
    mahalanobis = (apart * torch.linalg.solve(S1, apart[..., None])[..., 0]).sum(-1)
    return (trace + mahalanobis - m0.shape[-1] + torch.logdet(S1) - torch.logdet(S0)) / 2


def _normal(x: Tensor, mean: Tensor | float, deviation: float) -> Tensor:
    return torch.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def _line(t: Tensor, reach: float, scale: float) -> Tensor:
    """Nodes (T, NODES) that hold both distributions for each t."""
    unit = torch.linspace(0, 1, NODES, dtype=torch.float64)
    low = torch.minimum(torch.full_like(t, -reach), t - reach * scale).detach()
    high = torch.maximum(torch.full_like(t, reach), t + reach * scale).detach()
    return low[:, None] + (high - low)[:, None] * unit


def _integral(values: Tensor, x: Tensor) -> Tensor:
    return torch.trapezoid(values, x, dim=-1)


def _by_quadrature(p: Callable[[Tensor], Tensor], q: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """JS and TV of two densities."""
    a, b = p(x).expand(x.shape), q(x)
    m = (a + b) / 2
    safe = m.clamp(min=1e-300)  # xlogy has no gradient to give at 0 / 0
    terms = torch.xlogy(a, a.clamp(min=1e-300) / safe) + torch.xlogy(b, b.clamp(min=1e-300) / safe)
    return _integral(terms, x) / 2, _integral((a - b).abs(), x) / 2
