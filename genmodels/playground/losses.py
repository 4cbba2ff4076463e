"""The games of the playground as functions of scores (N,): what each player minimises, and what D's score measures.

Every discriminator is a measuring instrument: its own objective, on points it never saw, bounds a divergence between
data and fakes from below (Nowozin, Cseke & Tomioka 2016), and reaches it where D is at its best.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Pair = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """One game. `field` maps a score to [0, 1], from fake to real; a critic's score has no zero of its own."""

    discriminator: Pair  # of the scores of real points and of fakes, to be minimised
    generator: Callable[[Tensor], Tensor]  # of the scores of fakes, to be minimised
    reading: Pair  # what the discriminator measures
    measures: str  # the divergence it bounds or estimates, as `measures.divergences` names it
    objective: str  # D's, in TeX
    field: Callable[[Tensor], Tensor] | None = None


def value(real: Tensor, fake: Tensor) -> Tensor:
    """V = E log sigma(D(x)) + E log(1 - sigma(D(G(z)))) (Goodfellow 2014, equation 1)."""
    return -softplus(-real).mean() - softplus(fake).mean()


def log_loss(real: Tensor, fake: Tensor) -> Tensor:
    return -value(real, fake)


def js_bound(real: Tensor, fake: Tensor) -> Tensor:
    """JS >= log 2 + V / 2 (Goodfellow 2014, theorem 1), nats."""
    return math.log(2) + value(real, fake) / 2


def squares(real: Tensor, fake: Tensor) -> Tensor:
    """E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2 (Mao 2017, equation 2 with a = 0, b = 1)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def triangular_bound(real: Tensor, fake: Tensor) -> Tensor:
    """The best D is p / (p + q), which leaves the loss at least 1/4 - T / 8 with T = integral (p - q)^2 / (p + q)."""
    return 2 - 8 * squares(real, fake)


def gap(real: Tensor, fake: Tensor) -> Tensor:
    """E f(x) - E f(G(z)) (Arjovsky 2017, equation 2)."""
    return real.mean() - fake.mean()


def negative_gap(real: Tensor, fake: Tensor) -> Tensor:
    return -gap(real, fake)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) (Miyato 2018, equation 16)."""
    return (1 - real).relu().mean() + (1 + fake).relu().mean()


def variation_bound(real: Tensor, fake: Tensor) -> Tensor:
    """TV >= 1 - hinge / 2: the best D is the sign of p - q, which leaves integral 2 min(p, q)."""
    return 1 - hinge(real, fake) / 2


def _clamped(score: Tensor) -> Tensor:
    return score.clamp(0, 1)


_LOG = r"-\mathrm{E}\,\log \sigma(D(x)) - \mathrm{E}\,\log(1 - \sigma(D(G(z))))"
_SQUARES = r"\frac{1}{2}\,\mathrm{E}\,(D(x) - 1)^2 + \frac{1}{2}\,\mathrm{E}\,D(G(z))^2"
_GAP = r"\mathrm{E}\,f(G(z)) - \mathrm{E}\,f(x)"
_PENALTY = _GAP + r" + \lambda\,\mathrm{E}\,(|\nabla f| - 1)^2"
_HINGE = r"\mathrm{E}\,\max(0, 1 - D(x)) + \mathrm{E}\,\max(0, 1 + D(G(z)))"

CLIP, PENALTY, HINGE = "Wasserstein, clip", "Wasserstein, penalty", "hinge, spectral norm"

LOSSES: dict[str, Loss] = {
    "non-saturating": Loss(log_loss, lambda fake: softplus(-fake).mean(), js_bound, "js", _LOG, torch.sigmoid),
    "minimax": Loss(log_loss, lambda fake: -softplus(fake).mean(), js_bound, "js", _LOG, torch.sigmoid),
    "least squares": Loss(
        squares, lambda fake: (fake - 1).square().mean() / 2, triangular_bound, "triangular", _SQUARES, _clamped
    ),
    CLIP: Loss(negative_gap, lambda fake: -fake.mean(), gap, "w1", _GAP),
    PENALTY: Loss(negative_gap, lambda fake: -fake.mean(), gap, "w1", _PENALTY),
    HINGE: Loss(
        hinge, lambda fake: -fake.mean(), variation_bound, "variation", _HINGE, lambda score: _clamped((score + 1) / 2)
    ),
}
