"""What two runs from one start differ in: what may be compared, by how much, and whether that is more than noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from genmodels import metrics
from genmodels.data import Dataset
from genmodels.judge import load_judge
from genmodels.models import MODELS
from genmodels.models.base import Curve, Model, settings_of
from genmodels.pictures import decoded, noise

COUNT = 2000  # samples of each at the end, and as many test images
PARTS = 4  # of the samples, whose distances say how much chance there is in one
PIECE = 100  # samples drawn at once
LATEST = 10  # points of a curve that say where it stands, and how much it wanders
FEW = 0.1  # of an even share of the samples: below it a class counts as missing
BEYOND = 2.0  # standard errors
# Terms of a likelihood mean the same whatever is optimised; those of an objective only where it is the same.
LIKELIHOODS = ("reconstruction", "kl")
OBJECTIVES = ("loss", "held_out")
PART_OF_THEM = {"reconstruction": ("likelihood",), "loss": ("beta", "likelihood", "samples", "warmup")}
PART_OF_THEM["held_out"] = PART_OF_THEM["loss"]
SHARED = ("latent", "batch", "steps")  # settings that a second model takes from the first: same z, same pace


@dataclass(frozen=True)
class Measured:
    """Samples of one run at its end: their distance with its standard error, and their shares of the classes."""

    distance: float
    error: float
    floor: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Side:
    """One of two runs: how it is called, what it is, and what was seen of it."""

    name: str
    model: str
    settings: dict[str, Any]
    images: int = 0
    seconds: float = 0.0
    curves: dict[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    measured: Measured | None = None


def second_settings(first: str, second: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What a second model is given so that both have the same z and see as many images a round."""
    ours, theirs = settings_of(MODELS[first]), settings_of(MODELS[second])
    return {name: settings.get(name, ours[name][1]) for name in SHARED if name in ours and name in theirs}


@torch.no_grad()
def measure(model: Model, dataset: Dataset) -> Measured:
    """Draws 2,000 samples of a model in eval mode on the CPU, the same z every time; UserError for a data set that has
    no judge, or for samples that are not finite."""
    judge = load_judge(dataset.name)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(COUNT) % model.classes
    parts = [decoded(model, noise(model, len(part), generator), part) for part in labels.split(PIECE)]
    features = metrics.judged(torch.cat(parts), dataset.name)
    real, _ = metrics.reference(dataset, COUNT)
    apart = [metrics.frechet_distance(part, real) for part in features.chunk(PARTS)]
    shares = metrics.histogram(judge.head(features).argmax(1), len(dataset.classes))
    return Measured(
        distance=metrics.frechet_distance(features, real),
        error=statistics.stdev(apart) / math.sqrt(PARTS),
        floor=metrics.real_scores(dataset, COUNT)[0],
        shares=tuple(shares.tolist()),
    )


def comparable(term: str, first: Side, second: Side) -> bool:
    """Whether a term measures the same thing in both runs. Losses of players never do: each is against an opponent of
    its own."""
    curves = [MODELS[side.model].curves.get(term) for side in (first, second)]
    if None in curves or curves[0] != curves[1] or term not in LIKELIHOODS + OBJECTIVES:
        return False
    if term in OBJECTIVES and len({tuple(MODELS[side.model].curves) for side in (first, second)}) > 1:
        return False
    return all(first.settings.get(name) == second.settings.get(name) for name in PART_OF_THEM.get(term, ()))


def words(first: Side, second: Side, classes: Sequence[str]) -> list[str]:
    """The difference between two runs in sentences, with what it is measured by."""
    said = [_pace(first, second), _besides(first, second)]
    terms = dict.fromkeys([*MODELS[first.model].curves, *MODELS[second.model].curves])
    alike = [term for term in terms if comparable(term, first, second)]
    said += [_term(MODELS[first.model].curves[term], term, first, second) for term in alike]
    rest = [curve.label for term in terms if term not in alike if (curve := _shared(term, first, second))]
    if len(alike) < len(terms):
        said.append(_losses(rest))
    if first.measured and second.measured:
        said += [_distance(first, second), _coverage(first, second, classes)]
        said.append("This is one seed: before believing a small difference, compare with another.")
    return [sentence for sentence in said if sentence]


def _shared(term: str, first: Side, second: Side) -> Curve | None:
    """The curve of that name, where both have it."""
    curves = [MODELS[side.model].curves.get(term) for side in (first, second)]
    return curves[0] if curves[0] == curves[1] else None


def _pace(first: Side, second: Side) -> str:
    return (
        f"{first.name} has seen {first.images:,} images in {first.seconds:.1f} s of training, {second.name} "
        f"{second.images:,} in {second.seconds:.1f} s."
    )


def _besides(first: Side, second: Side) -> str:
    """What two models have both and not alike: each keeps its own defaults but for those that are shared."""
    if first.model == second.model:
        return ""
    unlike = [
        name for name in first.settings if name in second.settings and first.settings[name] != second.settings[name]
    ]
    pairs = [f"{name} {first.settings[name]} and {second.settings[name]}" for name in unlike]
    return f"Besides the model, these defaults differ: {'; '.join(pairs)}." if pairs else ""


def _term(curve: Curve, term: str, first: Side, second: Side) -> str:
    """A term that both have, by the latest points of its curves."""
    (one, wander), (other, wander_too) = (_standing(side, term) for side in (first, second))
    if math.isnan(one) or math.isnan(other):
        return ""
    figures = f"{curve.label}: {first.name} {_number(one)}, {second.name} {_number(other)} {curve.unit}"
    if abs(one - other) <= BEYOND * math.hypot(wander, wander_too):
        return f"{figures}. The difference is within what the curves wander."
    lower = first if one < other else second
    return f"{figures}. {lower.name} is lower by {_number(abs(one - other))}."


def _standing(side: Side, term: str) -> tuple[float, float]:
    """The mean of a curve's latest points and its standard error."""
    latest = [value for value in side.curves.get(term, ((), ()))[1][-LATEST:] if math.isfinite(value)]
    if len(latest) < 2:
        return math.nan, 0.0
    return statistics.fmean(latest), statistics.stdev(latest) / math.sqrt(len(latest))


def _losses(labels: list[str]) -> str:
    why = "losses of different objectives, or against different opponents, cannot be compared; the distance can."
    return f"Not compared: {'; '.join(labels)}. The {why}" if labels else f"No common unit: {why}"


def _distance(first: Side, second: Side) -> str:
    one, other = first.measured, second.measured
    gap, error = abs(one.distance - other.distance), math.hypot(one.error, other.error)
    figures = (
        f"Feature distance to test images: {first.name} {_number(one.distance)}, {second.name} "
        f"{_number(other.distance)} (floor {one.floor:.2f}, n {COUNT:,})."
    )
    if not math.isfinite(gap):
        return figures
    if gap <= BEYOND * error:
        return f"{figures} The difference is within the noise of so many samples, {_number(BEYOND * error)}."
    nearer = first if one.distance < other.distance else second
    return f"{figures} {nearer.name} is nearer by {_number(gap)}, noise {_number(BEYOND * error)}."


def _coverage(first: Side, second: Side, classes: Sequence[str]) -> str:
    return f"Classes among {COUNT:,} samples: {_classes(first, classes)}; {_classes(second, classes)}."


def _classes(side: Side, classes: Sequence[str]) -> str:
    """How many classes there are in the samples, and which are missing or nearly so."""
    shares = zip(classes, side.measured.shares, strict=True)
    missing = [name for name, share in shares if share < FEW / len(classes)]
    found = f"{side.name} {len(classes) - len(missing)} of {len(classes)}"
    return f"{found} (hardly any of {', '.join(missing)})" if missing else found


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
