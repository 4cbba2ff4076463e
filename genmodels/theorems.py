"""Theorems put to the test with the project's own functions: what theory says, what was computed, and how far apart
they may be. `genmodels.selfcheck` says which is which."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.theory import divergence, information, norms, tables, transport


class Finding(NamedTuple):
    """What theory says, what was computed, and how far apart they may be."""

    expected: float
    found: float
    tolerance: float


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _distribution(*shape: int, seed: int) -> Tensor:
    return tables.normalised(torch.rand(shape, generator=_random(seed), dtype=torch.float64))


def _gaussians() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Means and covariances of two Gaussians in three dimensions."""
    generator = _random(0)
    mixing = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
    means = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    covariances = mixing @ mixing.mT + 0.5 * torch.eye(3, dtype=torch.float64)
    return means[0], covariances[0], means[1], covariances[1]


def gaussian_kl() -> Finding:
    m0, S0, m1, S1 = _gaussians()  # noqa: N806  as in the books
    count = 200_000
    normal = torch.randn(count, 3, generator=_random(1), dtype=torch.float64)
    x = m0 + normal @ torch.linalg.cholesky(S0).T
    ratios = MultivariateNormal(m0, S0).log_prob(x) - MultivariateNormal(m1, S1).log_prob(x)
    error = ratios.std().item() / math.sqrt(count)
    return Finding(divergence.kl_gaussian(m0, S0, m1, S1).item(), ratios.mean().item(), 4 * error)


def shift() -> Finding:
    x = torch.randn(1000, generator=_random(2), dtype=torch.float64)
    return Finding(1.7, transport.wasserstein_1d(x, x - 1.7).item(), 1e-9)


def quantile_coupling() -> Finding:
    x, y = torch.randn(2, 24, generator=_random(3), dtype=torch.float64)
    a, b = _distribution(24, seed=4), _distribution(24, seed=5)
    costs = (x[:, None] - y).square()
    programme = (transport.exact_plan(a, b, costs) * costs).sum()
    return Finding(programme.item(), transport.wasserstein_1d(x, y, 2, a, b).item() ** 2, 1e-9)


def duality() -> Finding:
    a, b = _distribution(15, seed=6), _distribution(20, seed=7)
    costs = torch.rand(15, 20, generator=_random(8), dtype=torch.float64)
    u, v = transport.potentials(a, b, costs)
    least = (transport.exact_plan(a, b, costs) * costs).sum()
    return Finding(least.item(), ((u * a).sum() + (v * b).sum()).item(), 1e-9)


def sinkhorn() -> Finding:
    points = torch.rand(2, 12, 2, generator=_random(9), dtype=torch.float64)
    costs = torch.cdist(points[0], points[1]).square()
    even = torch.full((12,), 1 / 12, dtype=torch.float64)
    exact = (transport.exact_plan(even, even, costs) * costs).sum()
    eps = 1e-3
    entropic = (transport.sinkhorn_plan(even, even, costs, eps, tolerance=1e-6) * costs).sum()
    return Finding(exact.item(), entropic.item(), eps * math.log(12))  # the entropy of a plan is at most this far off


def brenier() -> Finding:
    m0, S0, m1, S1 = _gaussians()  # noqa: N806
    A, b = transport.monge_gaussian(m0, S0, m1, S1)  # noqa: N806
    still = torch.eye(3, dtype=torch.float64) - A
    moved = (still @ S0 @ still.T).trace() + (still @ m0 - b).square().sum()
    return Finding(transport.wasserstein_gaussian(m0, S0, m1, S1).item() ** 2, moved.item(), 1e-9)


def js_at_most() -> Finding:
    weights = (_distribution(200, 8, seed=10), _distribution(200, 8, seed=11))
    p, q = (some / some.sum(-1, keepdim=True) for some in weights)
    apart = torch.eye(2, dtype=torch.float64)
    values = torch.cat([information.js(p, q), information.js(apart[0], apart[1])[None]])
    return Finding(math.log(2), values.max().item(), 1e-9)


def js_by_entropies() -> Finding:
    p, q = _distribution(8, seed=12), _distribution(8, seed=13)
    halves = (information.entropy(p) + information.entropy(q)) / 2
    return Finding((information.entropy((p + q) / 2) - halves).item(), information.js(p, q).item(), 1e-9)


def discriminator() -> Finding:
    p, q = _distribution(6, seed=14), _distribution(6, seed=15)
    # As many samples of each outcome as its probability says, in ten thousandths.
    p, q = ((some * 10_000).round() for some in (p, q))
    logits = (p / p.sum()).log() - (q / q.sum()).log()
    bound = divergence.js_bound(*(logits.repeat_interleave(some.long()) for some in (p, q)))
    return Finding(information.js(p / p.sum(), q / q.sum()).item(), bound.item(), 1e-9)


def chain_rule() -> Finding:
    p = _distribution(3, 4, 5, seed=16)
    x, y, z, product = information.chain_rule(p)
    wrong = (product - p).abs().max() + (x[:, None, None] * y[..., None] * z - p).abs().max()
    return Finding(0.0, wrong.item(), 1e-9)


def cross_entropy() -> Finding:
    p, q = _distribution(9, seed=17), _distribution(9, seed=18)
    parts = information.entropy(p) + information.kl(p, q)
    return Finding(parts.item(), information.cross_entropy(p, q).item(), 1e-9)


def mutual_information() -> Finding:
    p = _distribution(4, 5, seed=19)
    rows, _ = information.marginals(p)
    difference = information.entropy(rows) - information.conditional_entropy(p)
    return Finding(difference.item(), information.mutual_information(p).item(), 1e-9)


def segments() -> Finding:
    found = divergence.segments(torch.tensor([-0.5, 0.25, 2.0], dtype=torch.float64))
    t = torch.tensor([0.5, 0.25, 2.0], dtype=torch.float64)
    wrong = (found.w1 - t).abs() + (found.js - math.log(2)).abs() + (found.tv - 1).abs() + (found.kl != math.inf)
    return Finding(0.0, wrong.sum().item(), 1e-9)


def penalty() -> Finding:
    model = build("wgan_gp", (1, 3, 3), 10, width=16, penalty_weight=10.0)
    weights = torch.randn(9, generator=_random(20), dtype=torch.float64)
    linear = nn.Linear(9, 1).double()
    with torch.no_grad():
        linear.weight.copy_(weights)
    model.discriminator = nn.Sequential(nn.Flatten(), linear)
    images = torch.randn(16, 1, 3, 3, generator=_random(21), dtype=torch.float64)
    batch = Batch(images, torch.zeros(16, dtype=torch.int64), _random(22))
    # Against itself a critic sees no gap: what is left of its loss is the penalty.
    loss = model.discriminator_loss(images, images, batch)["loss"]
    length = norms.norm(weights, 1)
    return Finding(10 * (length.item() - 1) ** 2, loss.item(), 1e-6)


def _linear_gaussian() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A VAE whose decoder is W z + b with noise sigma and whose encoder is the exact posterior, which is diagonal, for
    W has orthogonal columns; images and log p(x) of each; and the posterior's log variance."""
    model = build("vae", (1, 3, 3), 10, latent=2, depth=0, likelihood="gaussian").double()
    generator = _random(23)
    columns, _ = torch.linalg.qr(torch.randn(9, 2, generator=generator, dtype=torch.float64))
    W = columns * torch.tensor([1.5, 0.7], dtype=torch.float64)  # noqa: N806
    b, variance = torch.linspace(-1, 1, 9, dtype=torch.float64), math.exp(2 * model.log_sigma.item())
    precision = W.T @ W + variance * torch.eye(2, dtype=torch.float64)
    mean = torch.linalg.solve(precision, W.T)
    log_variance = torch.log(variance / precision.diagonal())
    decoder, encoder = model.decoder.network.linear[0], model.encoder.connected.linear[0]
    with torch.no_grad():
        decoder.weight.copy_(W)
        decoder.bias.copy_(b)
        encoder.weight.copy_(torch.cat([mean, torch.zeros_like(mean)]))
        encoder.bias.copy_(torch.cat([-mean @ b, log_variance]))
    covariance = W @ W.T + variance * torch.eye(9, dtype=torch.float64)
    x = b + torch.randn(6, 9, generator=generator, dtype=torch.float64) @ torch.linalg.cholesky(covariance).T
    return model, x.view(-1, 1, 3, 3), MultivariateNormal(b, covariance).log_prob(x), log_variance


@torch.no_grad()
def bound_is_tight() -> Finding:
    model, x, evidence, _ = _linear_gaussian()
    return Finding(evidence.mean().item(), model.bound(x, None, 1, _random(24)).mean().item(), 1e-9)


@torch.no_grad()
def bound_is_below() -> Finding:
    model, x, evidence, log_variance = _linear_gaussian()
    move, wider = torch.tensor([0.15, -0.1], dtype=torch.float64), torch.tensor([0.8, -0.5], dtype=torch.float64)
    model.encoder.connected.linear[0].bias += torch.cat([move, wider])
    exact, wrong = (torch.diag(some.exp()) for some in (log_variance, log_variance + wider))
    gap = divergence.kl_gaussian(move, wrong, torch.zeros(2, dtype=torch.float64), exact).item()
    count = 2000
    bounds = torch.stack([model.bound(x.repeat(count, 1, 1, 1), None, 1, _random(25)).view(count, -1)]).mean(-1)
    error = bounds.std().item() / math.sqrt(count)
    return Finding(evidence.mean().item() - gap, bounds.mean().item(), 4 * error)


@torch.no_grad()
def sums_to_one() -> Finding:
    model = build("made", (1, 3, 3), 10, width=32).double()
    generator = _random(26)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 9).view(-1, 1, 3, 3)
    return Finding(1.0, model.log_prob(images).exp().sum().item(), 1e-9)
