"""What the Compare tab asks of the server: start two runs, look at them, command them.

They are reached by both their ids, which cannot be guessed: "a,b" in an address.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from html import escape
from typing import Any
from weakref import WeakKeyDictionary

import torch

from genmodels import comparison, data, registry
from genmodels.comparison import Measured, Side
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.run import ENDED, Run, Snapshot
from genmodels.ui import live, own_data, readings
from genmodels.ui.figures import Line, Plot, curves
from genmodels.ui.requests import Answer, guarded, table, text, whole_number

MODEL = "model"  # what is changed, where it is no setting
AT_ONCE = 4  # pictures of each run in one answer
GONE = (
    "These two runs are no longer on the server: it was restarted, or nobody looked for an hour. Press Start for new "
    "ones."
)
MEASURING = "Both are over: measuring 2,000 samples of each."


@dataclass(frozen=True)
class Setup:
    """What a pair was started with, under its first run."""

    other: str  # the second run's id
    names: tuple[str, str]
    request: Answer


_setups: WeakKeyDictionary[Run, Setup] = WeakKeyDictionary()
_measured: WeakKeyDictionary[Run, Future] = WeakKeyDictionary()
_judging = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))  # beside runs that may train


@guarded
def start(request: Answer) -> Answer:
    """Starts two runs and stops those that this page showed before."""
    seed = whole_number(request.get("seed"), 0, live.LARGEST_SEED, "seed")
    seconds = whole_number(request.get("seconds"), 1, live.LONGEST, "The time budget in seconds")
    both, names = sides(request)
    dataset = own_data.chosen(request)
    if isinstance(dataset, str) and dataset not in data.NAMES:
        raise UserError(f"Choose one of the data sets {', '.join(data.NAMES)}.")
    common = {"dataset": dataset, "seed": seed}
    runs = registry.create_pair(both[0] | common, both[1] | common, seconds)
    kept = ("model", "dataset", "vary", "first", "second", "settings", "seed", "seconds")
    _setups[runs[0]] = Setup(runs[1].id, names, {name: request.get(name) for name in kept})
    for id in text(request.get("replaces")).split(","):
        if before := registry.find(id):
            before.stop()
            if (answer := _measured.get(before)) and answer.cancel():  # for nobody any more
                _measured.pop(before, None)  # who still looks asks for it again
    return {"runs": f"{runs[0].id},{runs[1].id}"}


@guarded
def command(request: Answer) -> Answer:
    """pause, resume or stop both."""
    action = text(request.get("action"))
    if action not in ("pause", "resume", "stop"):
        raise UserError("The page asked for something this server does not know: reload the page.")
    for run in found(request.get("runs")):
        getattr(run, action)()
    return {}


@guarded
def look(request: Answer) -> Answer | None:
    """What is new since `revision`, a text that the last answer gave; None if nothing is."""
    try:
        runs = found(request.get("runs"))
    except UserError as error:
        return {"error": str(error), "gone": True}
    snapshots = [run.snapshot() for run in runs]
    words, measuring = difference(runs, snapshots)
    have = request.get("have")
    have = have if isinstance(have, list) and len(have) == 2 else [[], []]
    have = [set(filter(lambda key: isinstance(key, int), part if isinstance(part, list) else [])) for part in have]
    missing = [[p for p in s.pictures if p.images not in known] for s, known in zip(snapshots, have, strict=True)]
    revision = f"{snapshots[0].revision} {snapshots[1].revision} {measuring}"
    if revision == request.get("revision") and not any(missing):
        return None
    width = request.get("width")
    width = min(max(width, 260), 900) if isinstance(width, int) else 520
    setup = _setups[runs[0]]
    return {
        "revision": revision,
        "state": state(snapshots),
        "message": MEASURING if measuring else message(snapshots),
        "status": status(snapshots, setup.request["seconds"]),
        "more": any(len(part) > AT_ONCE for part in missing),
        "sides": [
            {
                "name": name,
                "says": progress(snapshot),
                "kept": [picture.images for picture in snapshot.pictures],
                "fresh": [readings.picture(run, picture) for picture in part[-AT_ONCE:]],
            }
            for name, run, snapshot, part in zip(setup.names, runs, snapshots, missing, strict=True)
        ],
        "plots": "".join(curves(plot, width) for plot in plots(setup.names, snapshots)),
        "judged": any(look.distance is not None for snapshot in snapshots for look in snapshot.looks),
        "words": words,
        "setup": setup.request,
    }


def sides(request: Answer) -> tuple[list[Answer], tuple[str, str]]:
    """Model and settings of both runs, and how they are called; UserError where they cannot be."""
    model, vary, settings = text(request.get("model")), text(request.get("vary")), table(request.get("settings") or {})
    if model not in MODELS:
        raise UserError("There is no such model.")
    if vary == MODEL:
        other = text(request.get("second"))
        if other not in MODELS:
            raise UserError("There is no such model to compare with.")
        names = model, other
        both = [(model, settings), (other, comparison.second_settings(model, other, settings))]
    else:
        kinds = settings_of(MODELS[model])
        if vary not in kinds:
            raise UserError(f"{model} has no setting {vary[:40]!r}; it has {', '.join(kinds)}.")
        values = [kinds[vary][0].check(vary, request.get(place)) for place in ("first", "second")]
        names = tuple(f"{vary} = {shown(value)}" for value in values)
        both = [(model, settings | {vary: value}) for value in values]
    if names[0] == names[1]:
        names = f"{names[0]}, first", f"{names[1]}, second"
    return [{"model": name, "settings": own} for name, own in both], names


def found(ids: Any) -> tuple[Run, Run]:
    """The two runs of "a,b", if they were started together; else a UserError."""
    first, _, second = text(ids).partition(",")
    runs = registry.find(first), registry.find(second)
    if None in runs or runs[0] not in _setups or _setups[runs[0]].other != second:
        raise UserError(GONE)
    return runs


def difference(runs: tuple[Run, Run], snapshots: list[Snapshot]) -> tuple[list[str], bool]:
    """The difference in sentences, and whether samples are being measured for them."""
    setup, measured, measuring, lacking = _setups[runs[0]], [None, None], False, ""
    if all(snapshot.state in ("done", "stopped") and snapshot.images for snapshot in snapshots):
        answer = _measured.get(runs[0])
        if not answer:
            models = [run.averaged().cpu() for run in runs]
            answer = _measured[runs[0]] = _judging.submit(_measure, models, runs[0].dataset)
        measuring = not answer.done() or answer.cancelled()
        if not measuring:
            measured, lacking = answer.result()
    both = [
        Side(name, s.model, s.settings, s.images, s.seconds, s.curves, one)
        for name, s, one in zip(setup.names, snapshots, measured, strict=True)
    ]
    if not all(snapshot.images for snapshot in snapshots):
        return [], measuring
    return comparison.words(*both, snapshots[0].classes) + ([lacking] if lacking else []), measuring


def _measure(models: list[Any], dataset: data.Dataset) -> tuple[list[Measured | None], str]:
    try:
        return [comparison.measure(model, dataset) for model in models], ""
    except UserError as error:
        return [None, None], str(error)


def plots(names: tuple[str, str], snapshots: list[Snapshot]) -> list[Plot]:
    """A plot for every term that both have in the same unit, with both lines; one for each that only one has."""
    end = max(snapshot.images for snapshot in snapshots)
    groups: dict[tuple[str, str], list[Line]] = {}
    for color, (name, snapshot) in enumerate(zip(names, snapshots, strict=True)):
        seen = [look for look in snapshot.looks if look.distance is not None]
        if seen:
            line = Line(name, [look.images for look in seen], [look.distance for look in seen], color)
            groups.setdefault(("Feature distance to test images", "256 samples"), []).append(line)
    for color, (name, snapshot) in enumerate(zip(names, snapshots, strict=True)):
        for term, curve in MODELS[snapshot.model].curves.items():
            x, y = snapshot.curves.get(term, ((), ()))
            groups.setdefault((curve.label, curve.unit), []).append(Line(name, x, y, color))
    return [
        Plot(label if len(lines) == 2 else f"{label}, {lines[0].name} only", "images seen", unit, lines, end=end or 1)
        for (label, unit), lines in groups.items()
        if any(line.x for line in lines)
    ]


def state(snapshots: list[Snapshot]) -> str:
    """The state of both in one word."""
    states = [snapshot.state for snapshot in snapshots]
    going = [state for state in states if state not in ENDED]
    for one in ("running", "waiting", "paused"):
        if one in going:
            return one
    return "failed" if "failed" in states else "stopped" if "stopped" in states else "done"


def message(snapshots: list[Snapshot]) -> str:
    """What there is to say of both, once where it is the same; while one learns the other waits for it alone."""
    running = state(snapshots) == "running"
    said = [snapshot.message for snapshot in snapshots if not (running and snapshot.state == "waiting")]
    return " ".join(dict.fromkeys(filter(None, said)))


def status(snapshots: list[Snapshot], budget: int) -> str:
    """State, time of both together and data, as the inside of a definition list."""
    used, one = sum(snapshot.seconds for snapshot in snapshots), state(snapshots)
    cells = {
        f"on {snapshots[0].device}": readings.STATES.get(one, one),
        "time, both": readings.duration(used),
        "left": readings.duration(max(0.0, budget - used)) if one not in ENDED else "over",
        "data": snapshots[0].dataset,
    }
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in cells.items())


def progress(snapshot: Snapshot) -> str:
    """How far one of the two is."""
    said = f"round {snapshot.round:,}, {snapshot.images:,} images, {readings.duration(snapshot.seconds)}"
    return said if snapshot.state != "failed" else f"failed: {snapshot.message}"


def shown(value: Any) -> str:
    """A setting's value as people read it."""
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
