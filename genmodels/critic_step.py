"""A step of a small critic's training by hand: for networks this small the bookkeeping of autograd takes several times
as long as the sums themselves, and whoever moves a slider waits for hundreds of steps.

The critic maps (N, 1) to (N, 1) by layers (matrix, bias) with leaky ReLUs between them. Its slope is a product of the
matrices and of the ReLUs' factors, which no small change of the weights changes.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from genmodels.playground.model import SLOPE

BETAS = (0.5, 0.99)  # of Adam, as in the playground

Layers = list[tuple[Tensor, Tensor]]


class Spectral(NamedTuple):
    """Layers with each weight divided by its largest singular value, found by a step of power iteration; the values
    and their singular vectors."""

    layers: Layers
    norms: list[Tensor]
    left: list[Tensor]
    right: list[Tensor]


def views(flat: Tensor, sizes: Sequence[int]) -> Layers:
    """The layers between these sizes, as parts of the vector in which they lie one after another."""
    layers, at = [], 0
    for inputs, outputs in pairwise(sizes):
        middle, end = at + inputs * outputs, at + (inputs + 1) * outputs
        layers.append((flat[at:middle].view(outputs, inputs), flat[middle:end]))
        at = end
    return layers


def slope(layers: Layers, x: Tensor, y: Tensor, between: Tensor, weight: float, out: Layers) -> Tensor:
    """Writes into `out` the slope by all layers of -(E_p f - E_q f) + weight E (|f'(x^)| - 1)^2, over samples x (N, 1),
    y (M, 1) and x^ (L, 1), L may be 0. Returns the estimate E_p f - E_q f."""
    count = len(x) + len(y)
    values, tangent = torch.cat([x, y, between]), torch.ones_like(between)
    signals, factors = [torch.cat([values[:count], tangent])], []
    for matrix, bias in layers[:-1]:
        values = torch.addmm(bias, values, matrix.T)
        factor = (values > 0).to(values.dtype).mul_(1 - SLOPE).add_(SLOPE)
        values = values * factor
        tangent = (tangent @ matrix.T) * factor[count:]
        signals.append(torch.cat([values[:count], tangent]))
        factors.append(factor)
    matrix, bias = layers[-1]
    f, steepness = torch.addmm(bias, values[:count], matrix.T), tangent @ matrix.T
    # Values and tangents go back through the same weights and factors: one pass for both.
    excess = (steepness.abs() - 1) * steepness.sign() * (2 * weight / max(1, len(between)))
    back = torch.cat([torch.full_like(x, -1 / len(x)), torch.full_like(y, 1 / len(y)), excess])
    for i in reversed(range(len(layers))):
        torch.mm(back.T, signals[i], out=out[i][0])
        torch.sum(back[:count], 0, out=out[i][1])
        if i:
            back = (back @ layers[i][0]).mul_(factors[i - 1])
    return f[: len(x)].mean() - f[len(x) :].mean()


def spectral(layers: Layers, directions: list[Tensor]) -> Spectral:
    """Spectral normalisation (Miyato 2018, algorithm 1), from the left singular vectors found before."""
    normalised = Spectral([], [], [], [])
    for (matrix, bias), left in zip(layers, directions, strict=True):
        right = matrix.T @ left
        right = right / right.norm()
        image = matrix @ right
        norm = image.norm()
        for part, of_layer in zip(normalised, ((matrix / norm, bias), norm, image / norm, right), strict=True):
            part.append(of_layer)
    return normalised


def through(normalised: Spectral, out: Layers) -> None:
    """Turns slopes by normalised weights into slopes by the weights themselves (Miyato 2018, equation 12)."""
    for (by, _), (matrix, _), norm, left, right in zip(out, *normalised, strict=True):
        by.sub_((by * matrix).sum() * torch.outer(left, right)).div_(norm)


def adam(flat: Tensor, by: Tensor, first: Tensor, second: Tensor, number: int, rate: float) -> None:
    """Step `number`, from 1, of Adam (Kingma & Ba 2015, algorithm 1) down the slope `by`, in place."""
    first.lerp_(by, 1 - BETAS[0])
    second.lerp_(by * by, 1 - BETAS[1])
    scale = (second / (1 - BETAS[1] ** number)).sqrt_().add_(1e-8)
    flat.addcdiv_(first, scale, value=-rate / (1 - BETAS[0] ** number))
