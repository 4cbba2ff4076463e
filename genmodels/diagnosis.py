"""What a run's curves mean: a verdict in plain words with its evidence, from nothing but what the run remembers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from genmodels.history import Snapshot
from genmodels.looks import Look

Curve = tuple[tuple[float, ...], tuple[float, ...]]  # images seen, and values
DIGITS = 5  # of a number on disk
POINTS = 150  # of a curve on disk


@dataclass(frozen=True)
class History:
    """What a verdict may depend on."""

    model: str
    settings: dict[str, Any]
    classes: tuple[str, ...]  # of the data set
    size: int  # training images in it
    images: int  # seen so far
    seconds: float
    curves: dict[str, Curve]
    marks: tuple[tuple[int, str], ...]
    looks: tuple[Look, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> History:
        return cls(**{name: getattr(snapshot, name) for name in cls.__dataclass_fields__})

    @classmethod
    def read(cls, facts: dict[str, Any]) -> History:
        """From what `written` gave, through JSON and back."""
        curves = {term: (tuple(x), tuple(y)) for term, (x, y) in facts["curves"].items()}
        looks = tuple(Look(**{**look, "shares": tuple(look["shares"])}) for look in facts["looks"])
        marks = tuple((images, text) for images, text in facts["marks"])
        return cls(**{**facts, "classes": tuple(facts["classes"]), "curves": curves, "looks": looks, "marks": marks})

    def written(self) -> dict[str, Any]:
        """For JSON, with fewer points and digits."""
        return _short(asdict(self)) | {"curves": {term: _short(_fewer(curve)) for term, curve in self.curves.items()}}


def _fewer(curve: Curve) -> Curve:
    step = -(-len(curve[0]) // POINTS)
    return tuple(values[(len(values) - 1) % step :: step] for values in curve) if step else curve


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list | tuple) else value
