"""Entropic optimal transport: min <P, C> + eps KL(P || a b') over couplings P of a and b, in the log domain.

(Cuturi 2013; Peyre & Cuturi 2019, chapter 4; Feydy et al. 2019 for the divergence.)
"""

from typing import NamedTuple

import torch
from torch import Tensor

SCALING = 0.5  # eps falls by this factor from the largest cost to its value: small eps alone would take for ever


class Entropic(NamedTuple):
    """The plan (N, M), its potentials f (N,) and g (M,), the value <f, a> + <g, b>, and the largest error of a
    marginal, in probability: what is left to converge."""

    plan: Tensor
    f: Tensor
    g: Tensor
    value: Tensor
    error: float


def entropic(a: Tensor, b: Tensor, C: Tensor, eps: float, tolerance: float = 1e-10, most: int = 5000) -> Entropic:
    """Sinkhorn's iterations for weights a (N,), b (M,) that sum to 1 and costs C (N, M), in float64.

    They end when the marginals are right to `tolerance`, or after `most` iterations with the last eps. At eps =
    infinity the plan is a b' and the value <a b', C>. ValueError for an eps that is not positive.
    """
    if not eps > 0:
        raise ValueError(f"eps must be positive, not {eps}: at 0 the plan is the exact one.")
    rows, columns = a > 0, b > 0  # what has no weight takes no part
    whole, C = C, C[rows][:, columns]
    log_a, log_b = a[rows].log(), b[columns].log()
    if eps == torch.inf:
        f, g = (C * b[columns]).sum(1), torch.zeros_like(log_b)
        plan = a[:, None] * b
        return Entropic(plan, _spread(f, rows), _spread(g, columns), (plan * whole).sum(), 0.0)
    f, g = torch.zeros_like(log_a), torch.zeros_like(log_b)
    now = max(eps, C.max().item())
    while True:
        last = now <= eps
        for _ in range(most if last else 10):
            g = -now * torch.logsumexp((f[:, None] - C) / now + log_a[:, None], 0)
            step = -now * torch.logsumexp((g - C) / now + log_b, 1) - f
            f = f + step
            # Before the step the columns were right, and each row off by this factor.
            if last and ((-step / now).exp() - 1).abs().mul(log_a.exp()).max() < tolerance:
                break
        if last:
            break
        now = max(eps, now * SCALING)
    small = torch.exp((f[:, None] + g - C) / eps + log_a[:, None] + log_b)
    error = max((small.sum(1) - log_a.exp()).abs().max(), (small.sum(0) - log_b.exp()).abs().max()).item()
    plan = whole.new_zeros(whole.shape)
    plan[rows[:, None] & columns] = small.flatten()
    value = (f * log_a.exp()).sum() + (g * log_b.exp()).sum()
    return Entropic(plan, _spread(f, rows), _spread(g, columns), value, error)


def _spread(values: Tensor, support: Tensor) -> Tensor:
    """Values on their support, 0 elsewhere."""
    return values.new_zeros(support.shape).masked_scatter(support, values)
