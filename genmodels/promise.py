"""What to expect of a run on this machine before it starts: from what `bench` measured, and how fast this machine is.

A row of the bench holds on the machine it was measured on. Here its images per second are multiplied by the speed of
this machine beside that one, measured once for each process on the same small workload; how good the pictures are
after so many images is the same everywhere.
"""

from __future__ import annotations

import math
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from genmodels import bench, data, metrics, registry
from genmodels.bench import GLANCE, Row
from genmodels.models import build
from genmodels.prepare import Interrupted, StoppableTrainer
from genmodels.run import Run

YARDSTICK = {"model": "dcgan", "dataset": "mnist", "settings": {}}  # what tells how fast a machine is
PIECES, PIECE = 8, 0.25  # measurements of so many seconds each, of which the middle one counts
POLL_SECONDS = 1.0  # between looks whether somebody trains
NEARLY = 0.9  # of the images of a row, which count as all of them
PATIENCE_SECONDS = 120.0  # for the first picture that can be recognised
SEEDS = 3  # from which on a spread can be told


@dataclass(frozen=True)
class Promise:
    """What runs with these settings showed, in seconds of this machine. The distance is None where every run failed."""

    speed: float | None  # of this machine, the table's being 1; None: not measured yet, and taken to be 1
    machine: Row  # the table's
    usual: bool  # whether the defaults stand in for settings that were not measured
    shown: str  # "samples" or "reconstructions"
    recognisable: float | None  # seconds to the first such picture; None: none came in `measured` seconds
    measured: float
    after: float  # seconds at which the distance holds: the budget, or what was measured nearest to it
    distance: float | None
    spread: float | None  # standard deviation over seeds, of three or more
    floor: float | None
    n: int | None
    seeds: int
    failed: int  # of the seeds

    def late(self, budget: float) -> bool:
        """Whether a recognisable picture takes longer than a budget of seconds, or than anybody waits."""
        return self.recognisable is None or self.recognisable > min(budget, PATIENCE_SECONDS)


def expected(
    rows: list[Row],
    here: Row,
    rate: float | None,
    model: str,
    dataset: str,
    settings: dict[str, Any],
    seconds: float,
) -> Promise | None:
    """What rows of the bench say of a run of so many seconds; None where they say nothing.

    `here` is this machine as `bench.machine` has it, `rate` its images per second on the yardstick, `settings` what
    differs from the model's defaults.
    """
    yardstick = standard(rows, here)
    if yardstick is None:
        return None
    wanted = {"model": model, "dataset": dataset, "machine": yardstick["machine"]}
    measured = [row for row in rows if wanted.items() <= row.items()]
    runs = [row for row in measured if row["settings"] == settings] or [r for r in measured if not r["settings"]]
    if not runs:
        return None
    runs = [row for row in runs if row["seconds"] == max(row["seconds"] for row in runs)]
    speed = None if rate is None else rate / yardstick["images_per_second"]
    pace = statistics.fmean(row["images_per_second"] for row in runs) * (speed or 1.0)
    sound = [row for row in runs if not row["failed"]]
    images, distances, floor, n = at(sound, pace * seconds) if sound else (pace * seconds, [], None, None)
    first = statistics.median(recognised(row) for row in runs)
    return Promise(
        speed=speed,
        machine=yardstick["machine"],
        usual=runs[0]["settings"] != settings,
        shown=runs[0]["shown"],
        recognisable=first / pace if math.isfinite(first) else None,
        measured=min(row["images"] for row in runs) / pace,
        after=images / pace,
        distance=statistics.fmean(distances) if distances else None,
        spread=statistics.stdev(distances) if len(distances) >= SEEDS else None,
        floor=floor,
        n=n,
        seeds=len(runs),
        failed=len(runs) - len(sound),
    )


def standard(rows: list[Row], here: Row) -> Row | None:
    """The row that a rate is held against: one of this very machine if there is one, else the first."""
    known = [row for row in rows if YARDSTICK.items() <= row.items()]
    return next(iter([row for row in known if row["machine"] == here] + known), None)


def recognised(row: Row) -> float:
    """Images until the first recognisable picture, infinite where there was none."""
    seconds = row["recognisable_seconds"]
    return math.inf if seconds is None else seconds * row["images_per_second"]


def at(runs: list[Row], images: float) -> tuple[float, list[float], float, int]:
    """The place nearest to so many images at which the distance of every run is known; there the distances, their floor
    and n. Between two looks the logarithm of the distance is a straight line over that of the images."""
    end = min(row["images"] for row in runs)
    start = max(row["path"][0][1] if row["path"] else end for row in runs)
    if images >= NEARLY * end or start == end:
        place = images if NEARLY * end <= images <= end else end
        return place, [row["distance"] for row in runs], runs[0]["floor"], runs[0]["n"]
    place = max(images, start)
    return place, [along(row["path"], place) for row in runs], runs[0]["path_floor"], GLANCE


def along(path: list[tuple[float, int, float]], images: float) -> float:
    """The distance on a path (seconds, images, distance) after so many images, which it reaches."""
    for (_, before, high), (_, after, low) in zip(path, path[1:], strict=False):
        if images <= after:
            share = math.log(images / before) / math.log(after / before)
            return high ** (1 - share) * low**share
    return path[-1][2]


def reached(run: Run, n: int) -> metrics.Distance:
    """What the judge says of n images of a run's averaged model, as it says it of a row of the bench; UserError where
    the data set has no judge or the images are not finite."""
    return metrics.feature_distance(bench.shown(run.averaged(), run.dataset, n), run.dataset.name)


class PoliteTrainer(StoppableTrainer):
    """A trainer that leaves what it does as soon as somebody's run wants to train."""

    def _check(self) -> None:
        if registry.busy():
            raise Interrupted


_rate: float | None = None


def rate() -> float | None:
    """Images per second of this machine on the yardstick, once they are measured."""
    return _rate


def measure_rate() -> None:
    """Measures the machine when nobody trains, once; returns when it is done."""
    global _rate
    while _rate is None:
        if not registry.busy():
            with suppress(Interrupted):
                _rate = images_per_second()
                return
        time.sleep(POLL_SECONDS)


def images_per_second() -> float:
    """Images per second of the yardstick, in two seconds; Interrupted where somebody begins to train."""
    images = data.load(YARDSTICK["dataset"])
    network = build(YARDSTICK["model"], images.shape, len(images.classes))
    trainer = PoliteTrainer(network, images.images, images.labels)
    trainer.settle()
    rates = []
    for _ in range(PIECES):
        start, before = time.perf_counter(), trainer.seen
        while time.perf_counter() - start < PIECE:
            progress = trainer.round()
        sum(term.sum().item() for term in progress.terms.values())  # an accelerator may lag behind
        rates.append((trainer.seen - before) / (time.perf_counter() - start))
    return statistics.median(rates)
