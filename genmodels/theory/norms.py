"""Norms that come from inner products: ||T||^2 = <T, T>, whatever the shape of T."""

from torch import Tensor


def inner_product(a: Tensor, b: Tensor, axes: int = 1) -> Tensor:
    """Sum of products of entries over the last `axes` axes: of vectors the dot product, of matrices trace(a^T b)
    (Frobenius), of tensors the same with more indices. Shapes (..., entries) to (...)."""
    return (a * b).flatten(-axes).sum(-1)


def norm(a: Tensor, axes: int = 1) -> Tensor:
    """The length sqrt(<a, a>) over the last `axes` axes."""
    return inner_product(a, a, axes).sqrt()
