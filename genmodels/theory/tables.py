"""Small distributions with a name, as tables in float64: where experiments with information begin."""

import torch
from torch import Tensor


def normalised(weights: Tensor) -> Tensor:
    """Weights of any shape divided by their sum; ValueError where one is negative or all are 0."""
    total = weights.sum()
    if not (weights >= 0).all() or not 0 < total < torch.inf:
        raise ValueError("Nothing has any probability: give some of it a share.")
    return weights / total


def independent(size: int) -> Tensor:
    """p(x, y) = p(x) p(y) with p(x) falling and p(y) rising linearly, (size, size)."""
    rising = normalised(torch.arange(1, size + 1, dtype=torch.float64))
    return rising.flip(0)[:, None] * rising


def channel(size: int, noise: float) -> Tensor:
    """Every x equally likely; y is x, but with probability `noise` any other value, all alike: (size, size)."""
    wrong = torch.full((size, size), noise / (size - 1), dtype=torch.float64).fill_diagonal_(1 - noise)
    return wrong / size


def xor(noise: float) -> Tensor:
    """Two fair coins x and y, and z that says whether they differ, but lies with probability `noise`: (2, 2, 2)."""
    says = channel(2, noise) / 2
    return torch.stack([says, says.flip(0)]).reshape(2, 2, 2)


def tree(branches: Tensor) -> Tensor:
    """p(x) p(y|x) p(z|x,y), (2, 2, 2), from seven probabilities of a 1: of x, of y after x = 0 and 1, and of z after
    (x, y) = (0, 0), (0, 1), (1, 0) and (1, 1)."""
    x, y, z = (torch.stack([1 - some, some], -1) for some in branches.split([1, 2, 4]))
    return x.view(2, 1, 1) * y.view(2, 2, 1) * z.view(2, 2, 2)
