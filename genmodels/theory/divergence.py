"""How far apart two distributions are, as one of them slides: exact, by quadrature, or estimated from samples.

p stands still at 0; q is moved by t and, where a family allows it, stretched by `scale`. All in nats and float64.
What has no closed form (JS of Gaussians, all but W of mixtures) is right to 1e-9, and its slope to 1e-6.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from genmodels.theory.information import js, kl, total_variation
from genmodels.theory.transport import wasserstein_1d

REACH = 9.0  # standard deviations that quadrature looks to both sides: what lies beyond is below 1e-18
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
    """N(0, 1) and N(t, scale^2). All in closed form, but JS by quadrature."""
    forward = math.log(scale) + (1 + t**2) / (2 * scale**2) - 0.5
    backward = -math.log(scale) + (scale**2 + t**2) / 2 - 0.5
    js, tv = _js_gaussians(t, scale), _tv_gaussians(t, scale)
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
    """Two narrow modes at -2 and 2, and the same moved by t: KL and JS by quadrature, TV from the distribution
    functions where the densities cross; W is exact, for a shift is optimal.

    JS has a second valley where one mode meets the other's place, W has none.
    """

    shift = t.detach()
    x = torch.linspace(MODES[0] - REACH * NARROW, MODES[1] + REACH * NARROW, 801, dtype=torch.float64)
    kl, half, ratio = _seen_from_p(x, shift)
    # Seen from q, p is moved by -t; integrals need fewer nodes than crossings do.
    reverse_kl, other_half, _ = _seen_from_p(x[::2], -shift)
    values = (kl[0], reverse_kl[0], (half[0] + other_half[0]) / 2)
    slopes = (kl[1], -reverse_kl[1], (half[1] - other_half[1]) / 2)
    tv, tv_slope = _tv_mixtures(x, shift, ratio)
    # Their slopes are known, and autograd need not go through the integrals.
    moved = [v + s * (t - shift) for v, s in zip((*values, tv), (*slopes, tv_slope), strict=True)]
    return Distances(*moved, t.abs(), t.abs())


FAMILIES: dict[str, Callable[..., Distances]] = {
    "points": points,
    "gaussians": gaussians,
    "uniforms": uniforms,
    "mixtures": mixtures,
    "segments": segments,
}


def slopes(family: Callable[..., Distances], t: Tensor, **options: float) -> tuple[Distances, Distances]:
    """The distances at t (T,) and their derivatives by t: NaN where a distance is infinite, 0 where it does not
    change, and 0 where p = q, although some jump or have a kink there."""
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


def from_samples(x: Tensor, y: Tensor) -> Distances:
    """Estimates from samples x (..., N) and y (..., M): KL, JS and TV of histograms, W1 and W2 of the samples.

    There are 2 n^(1/3) common bins (Rice's rule, n the smaller of N and M), each with the same share of (p + q) / 2:
    bins of equal width are empty in the tails, and KL infinite, for samples of one law. ValueError for samples that
    are empty or not finite.
    """
    w1, w2 = wasserstein_1d(x, y), wasserstein_1d(x, y, 2)
    count = min(x.shape[-1], y.shape[-1])
    bins = max(2, round(2 * count ** (1 / 3)))
    levels = torch.linspace(0, 1, count, dtype=torch.float64)
    both = torch.cat([s.double().quantile(levels, -1).expand(-1, *w1.shape) for s in (x, y)])
    inner = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
    edges = both.quantile(inner, 0).movedim(0, -1).contiguous()
    p, q = (_shares(s.double().expand(*w1.shape, -1), edges) for s in (x, y))
    return Distances(kl(p, q), kl(q, p), js(p, q), total_variation(p, q), w1, w2)


def floor(draw: Callable[[torch.Generator], Tensor], repeats: int = 20, seed: int = 0) -> Distances:
    """What `from_samples` finds between two samples of the same law, which is not 0: the mean over repeats."""
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.stack([draw(generator) for _ in range(repeats)]) for _ in range(2))
    return Distances(*(values.mean() for values in from_samples(x, y)))


def js_bound(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """JS >= log 2 + V / 2 for a discriminator's logits on samples it never saw (Goodfellow et al. 2014, theorem 1)."""
    return math.log(2) + (logsigmoid(real_logits).mean(-1) + logsigmoid(-fake_logits).mean(-1)) / 2


def kl_gaussian(m0: Tensor, S0: Tensor, m1: Tensor, S1: Tensor) -> Tensor:
    """KL(N(m0, S0) || N(m1, S1)) = (tr(S1^-1 S0) + |m1 - m0|^2_{S1^-1} - D + log det S1 / det S0) / 2, means (..., D)
    and covariances (..., D, D). ValueError unless both covariances are positive definite."""
    m0, S0, m1, S1 = (torch.as_tensor(t, dtype=torch.float64) for t in (m0, S0, m1, S1))
    if any(torch.linalg.cholesky_ex(S).info.any() for S in (S0, S1)):
        raise ValueError("A covariance is not positive definite.")
    apart = m1 - m0
    trace = torch.linalg.solve(S1, S0).diagonal(dim1=-2, dim2=-1).sum(-1)
    mahalanobis = (apart * torch.linalg.solve(S1, apart[..., None])[..., 0]).sum(-1)
    return (trace + mahalanobis - m0.shape[-1] + torch.logdet(S1) - torch.logdet(S0)) / 2


def mmd(x: Tensor, y: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """The unbiased estimate of MMD^2 from points x (..., N, D) and y (..., M, D) under the kernel
    sum_s exp(-|a - b|^2 / 2s), s the bandwidths, squared lengths (Gretton et al. 2012, equation 3): without the pairs
    of a point with itself, its mean is 0 where both laws are equal, and a single value may be negative."""
    x, y = (torch.as_tensor(t, dtype=torch.float64) for t in (x, y))
    n, m = x.shape[-2], y.shape[-2]
    if min(n, m) < 2:
        raise ValueError("An unbiased estimate needs at least two points of each.")
    itself = len(bandwidths)  # k(a, a)
    within_x = (_kernels(x, x, bandwidths) - n * itself) / (n * (n - 1))
    within_y = (_kernels(y, y, bandwidths) - m * itself) / (m * (m - 1))
    return within_x + within_y - 2 * _kernels(x, y, bandwidths) / (n * m)


def mmd_gaussians(m0: Tensor, S0: Tensor, m1: Tensor, S1: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """MMD^2 between N(m0, S0) and N(m1, S1) under the same kernel, in closed form; means (..., D), covariances
    (..., D, D): E exp(-|a - b|^2 / 2s) = det(I + S/s)^-1/2 exp(-d' (sI + S)^-1 d / 2) for a - b ~ N(d, S)."""
    m0, S0, m1, S1 = (torch.as_tensor(t, dtype=torch.float64) for t in (m0, S0, m1, S1))
    unit = torch.eye(m0.shape[-1], dtype=torch.float64)

    def mean(apart: Tensor, S: Tensor) -> Tensor:
        total = apart.new_zeros(())
        for s in bandwidths:
            square = (apart * torch.linalg.solve(s * unit + S, apart[..., None])[..., 0]).sum(-1)
            total = total + torch.exp(-square / 2) / torch.linalg.det(unit + S / s).sqrt()
        return total

    still = torch.zeros_like(m0 - m1)
    return mean(still, 2 * S0) + mean(still, 2 * S1) - 2 * mean(m0 - m1, S0 + S1)


def _kernels(a: Tensor, b: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """The sum of the kernel over all pairs of points."""
    squares = (a.square().sum(-1)[..., None] + b.square().sum(-1)[..., None, :] - 2 * a @ b.mT).clamp(min=0)
    return sum(torch.exp(squares / (-2 * s)).sum((-2, -1)) for s in bandwidths)


def _shares(samples: Tensor, edges: Tensor) -> Tensor:
    """The share of samples (..., N) in each bin between, below and above edges (..., bins - 1)."""
    index = torch.searchsorted(edges, samples.contiguous())
    counts = samples.new_zeros(*edges.shape[:-1], edges.shape[-1] + 1)
    return counts.scatter_add(-1, index, torch.ones_like(samples)) / samples.shape[-1]


def _normal(x: Tensor, mean: Tensor | float, deviation: float) -> Tensor:
    return torch.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def _js_gaussians(t: Tensor, scale: float) -> Tensor:
    """JS = log 2 - (E_p log(1 + q/p) + E_q log(1 + p/q)) / 2, each mean on nodes of its own."""
    z, weight = _standard_nodes(min(1.0, scale))
    of_p = z**2 / 2 - ((z - t[:, None]) / scale) ** 2 / 2 - math.log(scale)  # log q/p at z
    p_half = softplus(of_p, threshold=40) @ weight
    z, weight = _standard_nodes(min(1.0, 1 / scale))
    of_q = z**2 / 2 - (t[:, None] + scale * z) ** 2 / 2 + math.log(scale)  # log p/q at t + scale z
    q_half = softplus(of_q, threshold=40) @ weight
    return (math.log(2) - (p_half + q_half) / 2).clamp(min=0)


def _standard_nodes(finest: float) -> tuple[Tensor, Tensor]:
    """Nodes and weights for means under N(0, 1) of what changes within `finest`."""
    z = torch.linspace(-REACH, REACH, math.ceil(2 * REACH * 5 / finest) + 1, dtype=torch.float64)
    return z, _normal(z, 0.0, 1.0) * (z[1] - z[0])


def _tv_gaussians(t: Tensor, scale: float) -> Tensor:
    """The densities cross where (s^2 - 1) x^2 + 2 t x = t^2 + 2 s^2 log s; between, one of them is above."""
    if scale == 1:
        return torch.erf(t.abs() / math.sqrt(8))
    with torch.no_grad():  # the derivative by where they cross is 0: the densities are equal there
        a = scale**2 - 1
        root = scale * (t**2 + 2 * a * math.log(scale)).sqrt()
        far = -(t + torch.copysign(root, t))
        x = torch.stack([far / a, -(t**2 + 2 * scale**2 * math.log(scale)) / far])
    lead = torch.special.ndtr(x) - torch.special.ndtr((x - t) / scale)
    return (lead[0] - lead[1]).abs()


def _log_mixture(y: Tensor) -> tuple[Tensor, Tensor]:
    """The log density of the two modes, and its derivative."""
    left, right = MODES
    odds = (y - (left + right) / 2) * ((right - left) / NARROW**2)  # log of the right mode's over the left's
    normal = -(((y - left) / NARROW) ** 2) / 2 - math.log(2 * NARROW * math.sqrt(2 * math.pi))
    return normal + softplus(odds, threshold=40), (left - y + (right - left) * torch.sigmoid(odds)) / NARROW**2


def _seen_from_p(x: Tensor, t: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
    """KL(p || q) and KL(p || m), each with its slope by t, for q = p moved by t; and log q/p (T, nodes)."""
    log_p, _ = _log_mixture(x)
    weight = log_p.exp() * (x[1] - x[0])
    log_q, score = _log_mixture(x - t[:, None])
    ratio = log_q - log_p  # its logarithm stays finite where q itself is too small for a number
    half = math.log(2) - softplus(ratio, threshold=40) @ weight
    return (-ratio @ weight, score @ weight), (half, (torch.sigmoid(ratio) * score) @ weight), ratio


def _tv_mixtures(x: Tensor, t: Tensor, ratio: Tensor) -> tuple[Tensor, Tensor]:
    """TV and its slope by t (T,), from log q/p (T, nodes): where the densities cross, F_p - F_q turns."""
    above = ratio > 0
    above[:, [0, -1]] = True  # beyond the nodes there is no p
    row, cell = (above[:, 1:] != above[:, :-1]).nonzero(as_tuple=True)
    low, high, at, left = x[cell], x[cell + 1], t[row], above[row, cell]
    for _ in range(30):
        middle = (low + high) / 2
        same = (_log_mixture(middle - at)[0] > _log_mixture(middle)[0]) == left
        low, high = torch.where(same, middle, low), torch.where(same, high, middle)
    sign = 1 - 2 * left.double()
    lead = sum(torch.special.ndtr((low - m) / NARROW) - torch.special.ndtr((low - at - m) / NARROW) for m in MODES)
    change = _log_mixture(low - at)[0].exp()
    none = torch.zeros_like(t)
    return none.index_add(0, row, sign * lead / len(MODES)), none.index_add(0, row, sign * change)
