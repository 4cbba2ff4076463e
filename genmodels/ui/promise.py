"""What the Train tab says of a run before it starts and after it ended; and runs begun from the shipped weights."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch

from genmodels import bench, checkpoint, data, promise, registry, weights
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.promise import Promise
from genmodels.run import Run
from genmodels.ui import live
from genmodels.ui.readings import duration
from genmodels.ui.requests import Answer, guarded, table, text, whole_number

BOX = """<div class="promise note" hidden><ul aria-label="What to expect"></ul>
<div class="shipped" hidden><p class="weak">That is long. The weights that come along show trained pictures at once.</p>
<button type="button" class="plain" data-do="shipped">Start from the shipped weights</button></div></div>
<p class="reached" role="status"></p>"""
MOST = 100  # promises in one answer
THINGS = {"mnist": "Digits", "fashion_mnist": "Clothes", "cifar10": "Objects"}
ENDS = ("done", "stopped")

_results: WeakKeyDictionary[Run, Future] = WeakKeyDictionary()
_judging = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))  # beside a run that may train


@guarded
def expect(request: Answer) -> Answer:
    """What to expect of each of a few setups (model, dataset, settings, seconds), in their order."""
    asked = request.get("setups")
    if not isinstance(asked, list) or len(asked) > MOST:
        raise UserError("The page sent something this server does not understand: reload the page.")
    return {"promises": [_expect(table(setup)) for setup in asked], "measured": promise.rate() is not None}


def _expect(setup: Answer) -> Answer:
    model, dataset = text(setup.get("model")), text(setup.get("dataset"))
    try:
        seconds = whole_number(setup.get("seconds"), 1, live.LONGEST, "The time budget in seconds")
        found = _promised(model, dataset, changed(model, table(setup.get("settings", {}))), seconds)
    except UserError:  # Start says what is wrong
        return {"sentences": [], "brief": "", "late": False, "shipped": False}
    return {
        "sentences": sentences(found, dataset, seconds) if found else [],
        "brief": brief(found, dataset) if found else "",
        "late": found is not None and found.late(seconds),
        "shipped": dataset in data.NAMES and weights.path_of(model, dataset).exists(),
    }


@cache
def _rows() -> list[bench.Row]:
    try:
        return bench.read()
    except UserError:  # no promises then, and all else goes on
        return []


@cache
def _here() -> bench.Row:
    return bench.machine()


def _promised(model: str, dataset: str, settings: dict[str, Any], seconds: float) -> Promise | None:
    return promise.expected(_rows(), _here(), promise.rate(), model, dataset, settings, seconds)


def changed(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that differ from the model's defaults; UserError where they or the model cannot be."""
    if model not in MODELS:
        raise UserError("There is no such model.")
    kinds = settings_of(MODELS[model])
    values = {name: kinds[name][0].check(name, value) for name, value in settings.items() if name in kinds}
    return {name: value for name, value in values.items() if value != kinds[name][1]}


def sentences(found: Promise, dataset: str, budget: float) -> list[str]:
    """A promise in words: when there is something to recognise, how good it gets, and where that comes from."""
    cores, processor = found.machine["cores"], found.machine["processor"]
    what = THINGS[dataset] if found.shown == "samples" else "Reconstructions"
    limit = f"feature distance below {bench.RECOGNISABLE[dataset]:g}"
    if found.recognisable is None:
        said = [f"{what} could not be recognised ({limit}) within the {about(found.measured)} that were measured."]
    else:
        said = [f"{what} can be recognised ({limit}) after about {about(found.recognisable)}."]
    if found.distance is not None:
        rest = "."
        if found.after < promise.NEARLY * budget:
            rest = "; longer was not measured."
        elif found.after > budget / promise.NEARLY:
            rest = "; shorter was not measured."
        said.append(f"Feature distance after {about(found.after)}: {figure(found)} ({beside(found)}){rest}")
    if found.failed:
        said.append(f"In {found.failed} of {found.seeds} runs that were measured the images were not finite.")
    if found.usual:
        said.append("This holds for the default settings: others were not measured.")
    if found.speed is None:
        said.append(f"Measured on {cores} cores ({processor}); the speed of this computer is not measured yet.")
    else:
        said.append(f"Measured on {cores} cores ({processor}); this computer is {found.speed:.2g} times as fast.")
    return said


def brief(found: Promise, dataset: str) -> str:
    """A promise in one short sentence; where other settings were measured, what one can compare with."""
    if found.distance is None or found.recognisable is None:
        return ""
    things, first, then = THINGS[dataset].lower(), about(found.recognisable), about(found.after)
    if found.usual:
        return (
            f"With the default settings: {things} after about {first}, feature distance {figure(found)} after {then}."
        )
    return f"Expect {things} after about {first}, feature distance {figure(found)} after {then}."


def about(seconds: float) -> str:
    """Seconds as roughly as they are known: "7 s", "12 s", "130 s", "12 min"."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds, -1):.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def figure(found: Promise) -> str:
    """A distance with its spread, or as roughly as one run tells it: "4.4 \N{PLUS-MINUS SIGN} 0.3", "about 4.4"."""
    if found.spread is None:
        return f"about {found.distance:.2g}"
    digits = max(0, -math.floor(math.log10(found.spread))) if found.spread else 2  # one of the spread counts
    return f"{found.distance:.{digits}f} \N{PLUS-MINUS SIGN} {found.spread:.{digits}f}"


def beside(found: Promise) -> str:
    """What a distance means nothing without."""
    seeds = f", {found.seeds} seeds" if found.spread is not None else ""
    return f"floor {found.floor:.2f}, n {found.n:,}{seeds}"


@guarded
def reached(request: Answer) -> Answer:
    """What a run that has ended reached, beside what was promised; measured once, meanwhile nothing."""
    run = live.found(request.get("run"))
    if run.snapshot().state not in ENDS or run.dataset.name not in bench.DATASETS:
        return {"sentence": "", "ready": True}
    if run not in _results:
        _results[run] = _judging.submit(_reached, run)
    done = _results[run].done()
    return {"sentence": _results[run].result() if done else "Measuring the pictures of this run.", "ready": done}


def _reached(run: Run) -> str:
    snapshot = run.snapshot(viewer=False)
    setup, found = live.setup_of(run), None
    if not setup.resumed:  # of what goes on from a file nothing was promised
        found = _promised(run.model, run.dataset.name, changed(run.model, setup.settings), snapshot.seconds)
    n = (found and found.n) or bench.COUNT
    try:
        measured = promise.reached(run, n)
    except UserError:
        return "The pictures of this run cannot be measured: they hold numbers that are not finite."
    after, distance = duration(snapshot.seconds), f"{measured.distance:.2g}"
    said = f"Measured after {after}: feature distance {distance} (floor {measured.floor:.2f}, n {measured.count:,})."
    if found is None or found.usual or found.distance is None:
        return said
    return f"{said} Promised after {about(found.after)}: {figure(found)}."


@guarded
def shipped(request: Answer) -> Answer:
    """Starts a run from the weights that come along, with their settings, and stops the one that this page showed."""
    model, dataset = text(request.get("model")), text(request.get("dataset"))
    path = weights.path_of(model, dataset)
    if model not in MODELS or dataset not in data.NAMES or not path.exists():
        raise UserError("No weights come along for this model on this data set: press Start instead.")
    answer = live.resume(checkpoint.load(path), request.get("seconds"), paused="", file=f"weights/{path.name}")
    before = registry.find(text(request.get("replaces")))
    if before:
        before.stop()
    return answer
