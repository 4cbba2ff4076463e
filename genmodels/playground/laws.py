"""What there is to learn: distributions of points in the plane, all within the window [-1.5, 1.5] x [-1.5, 1.5]."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from genmodels.errors import UserError
from genmodels.models.base import Real

REACH = 1.5  # the window goes from -REACH to REACH on both axes
PEN = 0.04  # standard deviation around a drawn line
STROKES, CORNERS = 60, 800  # of a drawing at most
COORDINATE = Real(-REACH, REACH, "coordinate")


@dataclass(frozen=True, eq=False)
class Law:
    """A distribution: `draw` gives points (N, 2). Where it has modes, their centres (K, 2), each a Gaussian with the
    standard deviation `spread` and the same share."""

    title: str
    draw: Callable[[int, Generator], Tensor]
    modes: Tensor | None = None
    spread: float = 0.0


def mixture(title: str, centres: Sequence[tuple[float, float]], spread: float) -> Law:
    """Equal parts of round Gaussians."""
    modes = torch.tensor(centres, dtype=torch.float32)

    def draw(count: int, generator: Generator) -> Tensor:
        chosen = modes[torch.randint(len(modes), (count,), generator=generator)]
        return chosen + spread * torch.randn(count, 2, generator=generator)

    return Law(title, draw, modes, spread)


def along(title: str, curve: Callable[[Tensor, Generator], Tensor], spread: float) -> Law:
    """Points on a curve, from u ~ U[0, 1] of shape (N,), blurred a little."""

    def draw(count: int, generator: Generator) -> Tensor:
        points = curve(torch.rand(count, generator=generator), generator)
        return points + spread * torch.randn(count, 2, generator=generator)

    return Law(title, draw)


def _spiral(u: Tensor, generator: Generator) -> Tensor:
    turn = 3 * math.pi * u.sqrt()  # the root spreads the points evenly along the arms
    return (0.12 + 1.1 * u.sqrt())[:, None] * torch.stack([turn.cos(), turn.sin()], 1)


def _moons(u: Tensor, generator: Generator) -> Tensor:
    upper = torch.rand(len(u), generator=generator) < 0.5
    x, y = (math.pi * u).cos(), (math.pi * u).sin()
    return 0.75 * torch.stack([torch.where(upper, x - 0.5, 0.5 - x), torch.where(upper, y - 0.25, 0.25 - y)], 1)


def _line(u: Tensor, generator: Generator) -> Tensor:
    return (2 * u - 1)[:, None] * torch.tensor([1.0, 0.5])


_CIRCLE = [(math.cos(2 * math.pi * k / 8), math.sin(2 * math.pi * k / 8)) for k in range(8)]
_LATTICE = [(x / 2, y / 2) for x in range(-2, 3) for y in range(-2, 3)]

LAWS: dict[str, Law] = {
    "ring": mixture("ring of 8 Gaussians", _CIRCLE, 0.05),
    "grid": mixture("grid of 25 Gaussians", _LATTICE, 0.04),
    "spiral": along("spiral", _spiral, 0.03),
    "moons": along("two moons", _moons, 0.05),
    "line": along("line", _line, 0.02),
}


def drawn(strokes: Any) -> Law:
    """The law of a drawing: points spread evenly along its lines, blurred by the pen's width.

    Each stroke is a list of corners [x, y] in the window; one corner alone is a dot. UserError for anything else.
    """
    segments = []
    for stroke in _checked(strokes):
        corners = torch.tensor(stroke)
        ends = corners if len(corners) > 1 else corners.repeat(2, 1)
        segments.append(torch.stack([ends[:-1], ends[1:]], 1))
    start, end = torch.cat(segments).unbind(1)
    weight = (end - start).norm(dim=1) + PEN  # a dot is as dark as a pen's width of line

    def draw(count: int, generator: Generator) -> Tensor:
        chosen = torch.multinomial(weight, count, replacement=True, generator=generator)
        u = torch.rand(count, 1, generator=generator)
        return start[chosen].lerp(end[chosen], u) + PEN * torch.randn(count, 2, generator=generator)

    return Law("drawing", draw)


def _checked(strokes: Any) -> list[list[list[float]]]:
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise UserError("A drawing is a list of lines, each a list of corners.")
    if not 0 < len(strokes) <= STROKES or sum(map(len, strokes)) > CORNERS:
        raise UserError(f"A drawing has at least a dot and at most {STROKES} lines with {CORNERS} corners in all.")
    corners = [corner for stroke in strokes for corner in stroke]
    if not all(isinstance(corner, list) and len(corner) == 2 for corner in corners):
        raise UserError("A corner of a drawing is a pair of coordinates.")
    return [[[COORDINATE.check("A coordinate", c) for c in corner] for corner in stroke] for stroke in strokes]
