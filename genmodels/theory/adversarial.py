"""Adversarial examples: the small change of an image that a classifier answers with another class.

`logits` is any function from images (N, ...) in [-1, 1] to logits (N, classes) that gradients pass through. The
budget eps is in the scale of x: 0.3 on [0, 1] is 0.6 here. Results lie in [-1, 1] and are detached.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Logits = Callable[[Tensor], Tensor]


def fgsm(logits: Logits, x: Tensor, y: Tensor, eps: float, *, targeted: bool = False) -> Tensor:
    """One step x + eps sign(grad_x loss) (Goodfellow, Shlens & Szegedy 2015, section 4), away from the labels y (N,)
    or, if `targeted`, towards them. ValueError for an eps that is negative or no number."""
    _check(eps)
    _, slope = _ascent(logits, x, y, targeted)
    return (x + eps * slope.sign()).clamp(-1, 1).detach()


def pgd(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    eps: float,
    *,
    norm: str = "linf",
    steps: int = 20,
    step: float | None = None,
    restarts: int = 1,
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient ascent on the loss within the ball of radius eps around x (Madry et al. 2018, section 2.1).

    `norm` is "linf" or "l2"; steps follow the gradient's sign, or its direction. The first try starts at x, every
    further one of the `restarts` at random in the ball; each image keeps the point of the greatest loss met
    anywhere. `step` is 2.5 eps / steps unless given. ValueError for another norm, for fewer than one step or
    start, and for an eps or step that is negative or no number.
    """
    step = 2.5 * eps / max(steps, 1) if step is None else step
    _check(eps)
    _check(step)
    if norm not in ("linf", "l2"):
        raise ValueError(f"norm must be linf or l2, not {norm}.")
    if steps < 1 or restarts < 1:
        raise ValueError("steps and restarts must be at least 1.")
    best, highest = x.detach().clone(), x.new_full((len(x),), -torch.inf)
    for attempt in range(restarts):
        point = x.detach() if attempt == 0 else _random_start(x, eps, norm, generator)
        for move in range(steps + 1):
            loss, slope = _ascent(logits, point, y, targeted)
            better = loss > highest
            highest = torch.where(better, loss, highest)
            best = torch.where(_over(better, x), point, best)
            if move < steps:
                direction = slope.sign() if norm == "linf" else slope / _length(slope).clamp(min=1e-12)
                point = _project(point + step * direction, x, eps, norm)
    return best


def _ascent(logits: Logits, x: Tensor, y: Tensor, targeted: bool) -> tuple[Tensor, Tensor]:
    """What an attack wants to grow (N,), and its gradient by x."""
    x = x.detach().requires_grad_()
    loss = functional.cross_entropy(logits(x), y, reduction="none")
    loss = -loss if targeted else loss
    return loss.detach(), torch.autograd.grad(loss.sum(), x)[0]


def _project(point: Tensor, x: Tensor, eps: float, norm: str) -> Tensor:
    """The point moved back into the ball around x and, staying in it, into [-1, 1], which holds x."""
    change = point - x
    if norm == "linf":
        change = change.clamp(-eps, eps)
    else:
        change = change * (eps / _length(change).clamp(min=1e-12)).clamp(max=1)
    return (x + change).clamp(-1, 1).detach()


def _random_start(x: Tensor, eps: float, norm: str, generator: torch.Generator | None) -> Tensor:
    """Uniform in the cube; for l2 a uniform direction at a uniform part of the radius."""
    if norm == "linf":
        uniform = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return _project(x + eps * (2 * uniform - 1), x, eps, norm)
    direction = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    radius = eps * _over(torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device), x)
    return _project(x + radius * direction / _length(direction), x, eps, norm)


def _length(x: Tensor) -> Tensor:
    """Euclidean length of each image, shaped to scale it."""
    return _over(x.flatten(1).norm(dim=1), x)


def _over(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.dim() - 1))


def _check(eps: float) -> None:
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps and step must be finite numbers from 0, not {eps}.")
