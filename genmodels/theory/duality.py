"""The dual of W1 on the line, exactly: W1 = sup over 1-Lipschitz f of E_p f - E_q f, between samples x (N,) and y (M,).

E_p f - E_q f = integral of f' (F_q - F_p), so the best slope is the sign of F_q - F_p, which is constant between
neighbouring samples. In float64.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from genmodels.theory.lipschitz import Function

TIE = 1e-12  # distribution functions that differ by rounding alone are equal


class Penalised(NamedTuple):
    """The best critic under a gradient penalty: its signed slope (K,) in each of the cells between `edges` (K + 1,),
    and the E_p f - E_q f that it reads."""

    edges: Tensor
    slopes: Tensor
    estimate: Tensor


def gap(f: Function, x: Tensor, y: Tensor) -> Tensor:
    """E_p f - E_q f over the samples."""
    return f(x).mean() - f(y).mean()


def potential(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """A Kantorovich potential at points `at` (L,): its slope is 1, -1, or 0 where no mass must cross, and its gap is
    W1. It is 0 at the lowest sample, flat beyond the samples, and one of many: a constant changes nothing."""
    edges, lead = _lead(x, y)
    if len(edges) == 1:
        return torch.zeros_like(at)
    slope = lead.sign()
    heights = torch.cat([slope.new_zeros(1), (slope * edges.diff()).cumsum(0)])
    cell = (torch.searchsorted(edges, at.double().contiguous()) - 1).clamp(0, len(slope) - 1)
    inside = at.double().clamp(edges[0], edges[-1])
    return heights[cell] + slope[cell] * (inside - edges[cell])


def penalised(x: Tensor, y: Tensor, weight: float) -> Penalised:
    """The critic that maximises E_p f - E_q f - weight E (|f'(x^)| - 1)^2, x^ uniform between a sample of each.

    With r the density of x^ the best slope is |f'| = 1 + |F_q - F_p| / (2 weight r), point by point, so that the
    estimate is W1 + integral (F_q - F_p)^2 / r / (2 weight) >= W1 (1 + W1 / (2 weight)) by Cauchy and Schwarz: for two
    points equality, as `lipschitz.penalised` says. ValueError for a weight that is not positive.
    """
    if not weight > 0:
        raise ValueError(f"The weight of the penalty must be positive, not {weight}.")
    edges, lead = _lead(x, y)
    low, high = torch.minimum(x[:, None], y).double().flatten(), torch.maximum(x[:, None], y).double().flatten()
    apart = high > low  # a pair of equal samples looks at one point, which no slope in a cell depends on
    share = 1 / ((high - low)[apart] * len(low))
    steps = torch.zeros_like(edges)
    steps.index_add_(0, torch.searchsorted(edges, low[apart]), share)
    steps.index_add_(0, torch.searchsorted(edges, high[apart]), -share)
    looked = steps.cumsum(0)[:-1].clamp(min=0)
    excess = torch.where(lead == 0, 0.0, lead.abs() / (2 * weight * looked))
    slopes = lead.sign() * (1 + excess)
    return Penalised(edges, slopes, (slopes * lead * edges.diff()).sum())


def _lead(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The places of all samples in rising order (K + 1,), and F_q - F_p between them (K,)."""
    if not (len(x) and len(y)):
        raise ValueError("There must be at least one sample of each.")
    x, y = (sample.double().sort().values for sample in (x, y))
    edges = torch.cat([x, y]).unique()
    below_x, below_y = (torch.searchsorted(sample, edges[:-1], right=True) / len(sample) for sample in (x, y))
    lead = below_y.double() - below_x.double()
    return edges, torch.where(lead.abs() < TIE, 0.0, lead)
