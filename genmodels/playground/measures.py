"""How far points lie from the data: exact Wasserstein-1, divergences of histograms, modes; each with its floor.

The floor is what two samples of the data itself measure. Of twenty equal pairs each is as likely as any other to be
the largest or the smallest: a perfect generator lies within the range of the other nineteen in nine cases of ten.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Generator, Tensor

from genmodels.playground.laws import REACH, Law
from genmodels.theory.information import js, total_variation
from genmodels.theory.transport import exact_plan

MATCHED = 400  # points on each side of the exact W1
COUNTED = 4000  # points on each side of the histograms
CELLS = 30  # of a histogram along each axis
PAIRS = 19  # of real samples behind a floor
SHARE = 0.25  # of its due that makes a mode covered

Range = tuple[float, float]


@dataclass(frozen=True)
class Modes:
    """How many modes have at least SHARE of the points that are due to each within three standard deviations of their
    centre, and the share of all points that lie within three of any."""

    covered: int
    known: int
    near: float


def wasserstein(x: Tensor, y: Tensor) -> float:
    """W1 between equally many points (N, 2), by an exact assignment: the mean distance they must be moved."""
    weights = torch.full((len(x),), 1 / len(x), dtype=torch.float64)
    cost = torch.cdist(x.double(), y.double())
    return float((exact_plan(weights, weights, cost) * cost).sum())


def histogram(points: Tensor) -> Tensor:
    """Shares (CELLS^2,) of points (N, 2) in the cells of the window; those outside count at its rim."""
    cell = ((points + REACH) * (CELLS / (2 * REACH))).long().clamp(0, CELLS - 1)
    counts = torch.bincount(cell[:, 0] * CELLS + cell[:, 1], minlength=CELLS**2)
    return counts.double() / len(points)


def divergences(x: Tensor, y: Tensor) -> dict[str, float]:
    """Of the histograms of points (N, 2): Jensen-Shannon in nats, total variation, and the triangular discrimination
    sum (p - q)^2 / (p + q), from 0 to 2."""
    p, q = histogram(x), histogram(y)
    triangular = ((p - q).square() / (p + q).clamp(min=1e-300)).sum()
    return {"js": float(js(p, q)), "variation": float(total_variation(p, q)), "triangular": float(triangular)}


def distances(x: Tensor, y: Tensor) -> dict[str, float]:
    """`divergences` of points (COUNTED, 2), and "w1" of the first MATCHED."""
    return divergences(x, y) | {"w1": wasserstein(x[:MATCHED], y[:MATCHED])}


class Floor:
    """The range of each of the `distances` between samples of a law, from up to PAIRS pairs. A pair takes some
    hundredths of a second: they are measured one at a time, so that nobody has to wait for all."""

    def __init__(self, law: Law) -> None:
        self._law, self._pairs = law, {}

    @property
    def pairs(self) -> int:
        return len(self._pairs)

    def grow(self) -> None:
        """One pair more, unless there are enough; the same ones whoever asks."""
        number = self.pairs
        if number < PAIRS:
            generator = Generator().manual_seed(number)
            self._pairs[number] = distances(self._law.draw(COUNTED, generator), self._law.draw(COUNTED, generator))

    def ranges(self) -> dict[str, Range]:
        """Lowest and highest of each distance, over the pairs there are; at least one."""
        if not self._pairs:
            self.grow()
        pairs = list(self._pairs.values())
        return {name: (min(p[name] for p in pairs), max(p[name] for p in pairs)) for name in pairs[0]}


@lru_cache(maxsize=64)
def floor(law: Law) -> Floor:
    """The one floor of a law, for all its games."""
    return Floor(law)


def modes(law: Law, points: Tensor) -> Modes | None:
    """Which modes of the law the points (N, 2) cover; None where it has none."""
    if law.modes is None:
        return None
    near = torch.cdist(points, law.modes) < 3 * law.spread
    due = len(points) / len(law.modes)
    return Modes(int((near.sum(0) >= SHARE * due).sum()), len(law.modes), float(near.any(1).float().mean()))
