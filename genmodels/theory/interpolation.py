"""Paths between two points of a latent space: straight, or along the sphere."""

import torch
from torch import Tensor


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The point a + t (b - a), t in [0, 1]; exactly a at 0 and b at 1. Shapes (..., d); t broadcasts."""
    return torch.lerp(a, b, torch.as_tensor(t, dtype=a.dtype, device=a.device))


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985) of directions, (..., d); the norm goes linearly from |a| to |b|.

    Samples of a normal distribution in many dimensions lie near a sphere, which a straight line leaves. Nearly
    parallel vectors are interpolated linearly. Raises ValueError for opposite vectors, between which no shortest way
    is the only one, and for zero vectors beside others.
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    norm_a, norm_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    if bool(((norm_a == 0) | (norm_b == 0)).any()):
        raise ValueError("A zero vector has no direction: take lerp.")
    unit_a, unit_b = a / norm_a, b / norm_b
    # Half angles by atan2 keep their precision where the arc cosine loses it.
    angle = 2 * torch.atan2((unit_a - unit_b).norm(dim=-1, keepdim=True), (unit_a + unit_b).norm(dim=-1, keepdim=True))
    if bool((torch.pi - angle < 1e-4).any()):
        raise ValueError("Opposite vectors have no single way between them: move one a little.")
    near = angle < 1e-4
    sine = torch.where(near, torch.ones_like(angle), angle.sin())
    along_a = torch.where(near, 1 - t, ((1 - t) * angle).sin() / sine)
    along_b = torch.where(near, t * torch.ones_like(angle), (t * angle).sin() / sine)
    return (along_a * unit_a + along_b * unit_b) * torch.lerp(norm_a, norm_b, t)
