"""Information theory of finite distributions, in nats and float64.

A distribution lies along the last axis, a joint one p(x, y) or p(x, y, z) along the last two or three; axes before
are a batch. ValueError for what is no distribution. 0 log 0 = 0 throughout. (Cover & Thomas, Elements of
Information Theory, chapter 2.)
"""

import math

import torch
from torch import Tensor

TOLERANCE = 1e-6  # of a sum


def self_information(p: Tensor) -> Tensor:
    """-log p of every outcome, infinite for the impossible ones; the shape of p."""
    return 0.0 - distribution(p).log()  # and not -0 for the certain


def entropy(p: Tensor) -> Tensor:
    """H(X) = -sum p log p."""
    return _entropy(distribution(p), 1)


def joint_entropy(pxy: Tensor) -> Tensor:
    """H(X, Y)."""
    return _entropy(distribution(pxy, 2), 2)


def conditional_entropy(pxy: Tensor) -> Tensor:
    """H(X|Y) = H(X, Y) - H(Y), X along the second last axis and Y along the last."""
    pxy = distribution(pxy, 2)
    return (_entropy(pxy, 2) - _entropy(pxy.sum(-2), 1)).clamp(min=0)


def mutual_information(pxy: Tensor) -> Tensor:
    """I(X; Y) = KL(p(x, y) || p(x) p(y))."""
    pxy = distribution(pxy, 2)
    px, py = pxy.sum(-1, keepdim=True), pxy.sum(-2, keepdim=True)
    # Where p(x, y) > 0 both marginals are; three logarithms, for a product may underflow.
    return (torch.xlogy(pxy, pxy) - torch.xlogy(pxy, px) - torch.xlogy(pxy, py)).sum((-2, -1)).clamp(min=0)


def marginals(pxy: Tensor) -> tuple[Tensor, Tensor]:
    """p(x) and p(y)."""
    pxy = distribution(pxy, 2)
    return pxy.sum(-1), pxy.sum(-2)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """H(p, q) = -sum p log q, infinite where q is 0 and p is not."""
    p, q = _both(p, q)
    return 0.0 - torch.xlogy(p, q).sum(-1)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) = sum p log(p / q), infinite where q is 0 and p is not."""
    p, q = _both(p, q)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1).clamp(min=0)


def js(p: Tensor, q: Tensor) -> Tensor:
    """The Jensen-Shannon divergence KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2; from 0 to log 2."""
    p, q = _both(p, q)
    m = ((p + q) / 2).clamp(min=torch.finfo(torch.float64).tiny)  # half of the smallest number would be 0
    halves = torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)
    return (halves.sum(-1) / 2).clamp(0, math.log(2))


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of |p - q|: the largest difference in the probability of any event."""
    p, q = _both(p, q)
    return (p - q).abs().sum(-1) / 2


def chain_rule(pxyz: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """p(x) (..., X), p(y|x) (..., X, Y), p(z|x,y) (..., X, Y, Z), and their product, which is p(x, y, z) again.

    What follows upon the impossible is left uniform: its product is 0 all the same.
    """
    pxyz = distribution(pxyz, 3)
    pxy = pxyz.sum(-1)
    px = pxy.sum(-1)
    y_given_x, z_given_xy = _given(pxy, px), _given(pxyz, pxy)
    return px, y_given_x, z_given_xy, px[..., None, None] * y_given_x[..., None] * z_given_xy


def distribution(p: Tensor, axes: int = 1) -> Tensor:
    """p in float64 if it is a distribution along its last `axes` axes; else a ValueError that says what it lacks."""
    p = torch.as_tensor(p, dtype=torch.float64)
    if p.dim() < axes or p.numel() == 0:
        needed = "an axis" if axes == 1 else f"{axes} axes"
        raise ValueError(f"This is no distribution: it needs {needed} and at least one outcome.")
    if p.isnan().any():
        raise ValueError("This is no distribution: a probability is not a number.")
    if (p < 0).any():
        raise ValueError("This is no distribution: a probability is negative.")
    sums = p.flatten(-axes).sum(-1)
    worst = sums.flatten()[(sums - 1).abs().argmax()]
    if (worst - 1).abs() > TOLERANCE:
        raise ValueError(f"This is no distribution: it sums to {worst:.7g}, not 1.")
    return p


def _both(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    p, q = distribution(p), distribution(q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p has {p.shape[-1]} outcomes and q has {q.shape[-1]}: they must be the same.")
    return p, q


def _entropy(p: Tensor, axes: int) -> Tensor:
    return (0.0 - torch.xlogy(p, p).flatten(-axes).sum(-1)).clamp(min=0)


def _given(joint: Tensor, condition: Tensor) -> Tensor:
    share = joint / condition[..., None].clamp(min=torch.finfo(torch.float64).tiny)
    return torch.where(condition[..., None] > 0, share, 1 / joint.shape[-1])
