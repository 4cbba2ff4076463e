"""What is known of a run when it is judged, and what its curves say of it: figures, and words that hold them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from genmodels.history import Snapshot
from genmodels.looks import Look
from genmodels.models import MODELS

Curve = tuple[tuple[float, ...], tuple[float, ...]]  # images seen, and values
DIGITS = 5  # of a number on disk
POINTS = 150  # of a curve on disk

FEWEST = 8  # points of a curve before anything is said: fewer are the noise of single batches
SETTLED = 20_000  # images: before, critics of healthy runs swing, codes are still silent and samples all alike
RECENT = 1 / 3  # of the images seen: long enough for a median, short enough to be about now
DISTANCE = "feature distance of 256 samples to data"


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


def early(history: History) -> bool:
    """Whether the run is too short for anything to be said of it."""
    return max((len(values) for _, values in history.curves.values()), default=0) < FEWEST


def recent(history: History, term: str) -> list[float]:
    """The latest values of a term, none where there are too few."""
    images, values = history.curves.get(term, ((), ()))
    if len(values) < FEWEST:
        return []
    return [value for seen, value in zip(images, values, strict=True) if seen >= (1 - RECENT) * images[-1]]


def gaps(history: History) -> list[float]:
    """E f(x) - E f(G(z)) of a critic, round by round on training images; none of a young run."""
    losses = history.curves.get("critic_loss", ((), ()))[1]
    if len(losses) < FEWEST or history.images < SETTLED:
        return []
    penalties = history.curves.get("penalty", ((), (0.0,) * len(losses)))[1]
    weight = history.settings.get("penalty_weight", 0.0)
    return [weight * penalty - loss for loss, penalty in zip(losses, penalties, strict=False)]


def measure(history: History) -> tuple[list[tuple[float, float]], str, str]:
    """What tells that this model gets better, the less the better: images seen and values, its name, its unit."""
    if "held_out" in history.curves and not history.curves.get("discriminator_loss"):
        curve = MODELS[history.model].curves["held_out"]
        return list(zip(*history.curves["held_out"], strict=True)), curve.label, f" {curve.unit}"
    far = [(look.images, look.distance) for look in history.looks if look.distance is not None]
    return far, DISTANCE, ""


def distances(history: History) -> list[float]:
    return [look.distance for look in history.looks if look.distance is not None]


def generators(history: History) -> tuple[str, ...]:
    loss, curve = recent(history, "generator_loss"), MODELS[history.model].curves.get("generator_loss")
    return (f"generator's loss: {median(loss):.3g} {curve.unit}",) if loss else ()


def nearness(history: History) -> tuple[str, ...]:
    far = distances(history)
    if not far:
        return ()
    best = min(far)
    return (f"feature distance of samples to data: {far[0]:.1f} at first, {best:.1f} at best, {far[-1]:.1f} now",)


def _fewer(curve: Curve) -> Curve:
    """The first and the last points, and as many between them as there is room for."""
    last = len(curve[0]) - 1
    if last < POINTS:
        return curve
    kept = [round(place * last / (POINTS - 1)) for place in range(POINTS)]
    return tuple(tuple(values[k] for k in kept) for values in curve)


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list | tuple) else value
