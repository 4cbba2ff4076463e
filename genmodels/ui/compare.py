"""The Compare tab: two runs side by side from one start, with one thing changed.

They are reached by both their ids, which cannot be guessed: "a,b" in an address.
"""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
import torch

from genmodels import comparison, data, registry
from genmodels.comparison import Measured, Side
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import Choice, Flag, Kind, Whole, settings_of
from genmodels.run import ENDED, Run, Snapshot
from genmodels.ui import live, readings
from genmodels.ui.controls import choices, options
from genmodels.ui.figures import Line, Plot, curves
from genmodels.ui.requests import Answer, guarded, table, text, whole_number
from genmodels.ui.train import TIMES, TITLES

HERE = Path(__file__).parent
SCRIPTS = ("fields.js", "compare.js")
MODEL = "model"  # what is changed, where it is no setting
AT_ONCE = 4  # pictures of each run in one answer
GONE = (
    "These two runs are no longer on the server: it was restarted, or nobody looked for an hour. Press Start for new "
    "ones."
)
MEASURING = "Both are over: measuring 2,000 samples of each."


@dataclass(frozen=True)
class Preset:
    """A pair started by one click. `claim` is what the course says of it, and where to look."""

    title: str
    claim: str
    model: str
    vary: str
    second: str | float | bool
    first: str | float | bool | None = None  # none where another model is what changes
    settings: dict[str, Any] | None = None  # of both
    seconds: int = 60


PRESETS = (
    Preset(
        "WGAN and WGAN-GP",
        "Clipping keeps a critic simple, a penalty on its slope lets it use what it has. Look at the feature distance: "
        "the two gaps are in different units.",
        "wgan",
        MODEL,
        "wgan_gp",
        seconds=120,
    ),
    Preset(
        "Minimax and non-saturating",
        "Where the discriminator is ahead, log(1 - D) is flat and the generator has little to learn from; -log D is "
        "steep there. Both have five steps of D for each of G. Whether the pictures suffer, the distance says.",
        "gan",
        "loss",
        "non-saturating",
        "minimax",
        {"steps": 5},
    ),
    Preset(
        "Batch norm, mixed and separate",
        "With real and generated pictures in one batch, batch norm tells the discriminator what the others are. Look "
        "at its loss, and at the classes among the samples.",
        "dcgan",
        "mixed",
        False,
        True,
        seconds=120,
    ),
    Preset(
        "Autoencoder and VAE",
        "Both decode the same z from N(0, I). Nothing tells an autoencoder where codes should lie; a VAE is told. Look "
        "for digits in the one and in the other: a distance of features need not see what you see.",
        "ae",
        MODEL,
        "vae",
        seconds=30,
    ),
    Preset(
        "Beta 0.1 and 4",
        "A cheap code says more than the prior allows: good reconstructions, odd samples. A dear one says little: "
        "smooth samples that are alike. Look at reconstruction and KL.",
        "vae",
        "beta",
        4.0,
        0.1,
    ),
    Preset(
        "GAN and DCGAN",
        "The same game, played by connected layers and by convolutions. Look at strokes and at single odd pixels.",
        "gan",
        MODEL,
        "dcgan",
        seconds=120,
    ),
)


@dataclass(frozen=True)
class Setup:
    """What a pair was started with, under its first run."""

    other: str  # the second run's id
    names: tuple[str, str]
    request: Answer


_setups: WeakKeyDictionary[Run, Setup] = WeakKeyDictionary()
_measured: WeakKeyDictionary[Run, Future] = WeakKeyDictionary()
_judging = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))  # beside runs that may train


def build() -> None:
    """Places the tab inside the Blocks being built."""
    with gr.Column(elem_id="compare", elem_classes="page"):
        gr.HTML(
            page(),
            js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
            server_functions=[start, look, command],
            apply_default_css=False,
        )


# What the browser asks for


@guarded
def start(request: Answer) -> Answer:
    """Starts two runs and stops those that this page showed before."""
    seed = whole_number(request.get("seed"), 0, live.LARGEST_SEED, "seed")
    seconds = whole_number(request.get("seconds"), 1, live.LONGEST, "The time budget in seconds")
    both, names = sides(request)
    common = {"dataset": text(request.get("dataset")), "seed": seed}
    if common["dataset"] not in data.NAMES:
        raise UserError(f"Choose one of the data sets {', '.join(data.NAMES)}.")
    runs = registry.create_pair(both[0] | common, both[1] | common, seconds)
    kept = ("model", "dataset", "vary", "first", "second", "settings", "seed", "seconds")
    _setups[runs[0]] = Setup(runs[1].id, names, {name: request.get(name) for name in kept})
    for id in text(request.get("replaces")).split(","):
        if before := registry.find(id):
            before.stop()
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
        "words": words,
        "setup": setup.request,
    }


# What they need


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
        if runs[0] not in _measured:
            models = [run.averaged().cpu() for run in runs]
            _measured[runs[0]] = _judging.submit(_measure, models, runs[0].dataset)
        measuring = not _measured[runs[0]].done()
        if not measuring:
            measured, lacking = _measured[runs[0]].result()
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
    """What there is to say of both, once where it is the same."""
    return " ".join(dict.fromkeys(snapshot.message for snapshot in snapshots if snapshot.message))


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


# What stands on the page


def page() -> str:
    """The whole tab as HTML."""
    sides = "".join(
        '<figure class="side"><h3>&nbsp;</h3><div class="frame"><img class="picture" alt="" hidden></div>'
        '<p class="note says"></p><figcaption class="caption"></figcaption></figure>'
        for _ in range(2)
    )
    return f"""<div class="lab" data-owner="compare" data-kinds="{escape(json.dumps(kinds()))}">
<p class="lead">Two runs from one start: the same seed, the same data, the same z, and one thing changed. They take
turns, one round each, so each learns at about half the speed it has alone.</p>
<section class="controls" aria-label="What is compared">{controls()}</section>
<section class="stage" aria-label="Both pictures">
<div class="sides">{sides}</div>
<div class="replay" hidden><button type="button" data-do="replay">Replay</button>
<input type="range" min="0" max="0" step="1" value="0" aria-label="Images seen, for both pictures">
<output></output></div>
<dl class="status" aria-label="State of both runs"></dl>
<p class="message" role="status"></p>
<section class="difference" hidden><h2>The difference</h2><ul></ul></section>
<section class="readings" aria-label="Curves of both" hidden><div class="plots"></div>
<p class="note">Point at a curve to read the values of both. While they learn, the feature distance is that of 256
samples to 500 test images, which is larger than that of 2,000 to 2,000 at the end.</p></section>
</section>
<section class="tries" aria-label="Try this"><h2>Pairs of the course</h2>{tries()}</section>
</div>"""


def controls() -> str:
    """Model, data, what changes and its two values; the buttons; seed and time."""
    models = {name: f"{name} \N{EN DASH} {model.card.title}" for name, model in MODELS.items()}
    titles = {name: TITLES[name] for name in data.NAMES}
    return f"""<form autocomplete="off">
<div class="field" data-name="model"><label for="compare-model">Model</label>
<select id="compare-model" data-default="{PRESETS[0].model}">{options(models, PRESETS[0].model)}</select></div>
{choices("compare-dataset", "Data set", titles, "mnist", 'data-name="data"')}
<div class="field" data-name="vary"><label for="compare-vary">What changes</label>
<select id="compare-vary"></select></div>
<div class="field" data-name="first"></div>
<div class="field" data-name="second"></div>
<p class="note both" hidden></p>
<div class="actions">
<button type="button" class="primary" data-do="start">Start both</button>
<div class="row"><button type="button" data-do="pause" disabled>Pause</button>
<button type="button" data-do="stop" disabled>Stop</button></div>
<p class="fault" role="alert"></p></div>
<div class="field" data-name="seconds"><label for="compare-seconds">Time budget, both together</label>
<select id="compare-seconds" data-default="60">{options(TIMES, "60")}</select></div>
<div class="field" data-name="seed"><label for="compare-seed">Seed <em translate="no">seed</em></label>
<input type="number" id="compare-seed" value="0" data-default="0" min="0" max="{live.LARGEST_SEED}" step="1"
inputmode="numeric"></div>
</form>"""


def tries() -> str:
    """The presets, each a button and its claim."""
    items = []
    for item in PRESETS:
        names = ("model", "vary", "first", "second", "seconds")
        values = {name: getattr(item, name) for name in names} | {"settings": item.settings or {}}
        items.append(
            f'<li><button type="button" class="plain" data-preset="{escape(json.dumps(values))}">{escape(item.title)}'
            f"</button><p>{escape(item.claim)}</p></li>"
        )
    return f"<ul>{''.join(items)}</ul>"


def kinds() -> dict[str, list[Answer]]:
    """What can be changed of each model: bounds or options, the default, and another value to begin with."""
    return {
        name: [described(setting, kind, default) for setting, (kind, default) in settings_of(model).items()]
        for name, model in MODELS.items()
    }


def described(name: str, kind: Kind, default: Any) -> Answer:
    """One setting, for the script."""
    if isinstance(kind, Flag):
        return {"name": name, "label": kind.label, "options": ["true", "false"]} | _values(str(default).lower(), kind)
    if isinstance(kind, Choice):
        return {"name": name, "label": kind.label, "options": kind.options} | _values(default, kind)
    facts = {"low": kind.low, "high": kind.high, "whole": isinstance(kind, Whole)}
    return {"name": name, "label": kind.label} | facts | _values(default, kind)


def _values(default: Any, kind: Kind) -> Answer:
    """A default and another value: the next option, a number four times as large or else a quarter."""
    if isinstance(kind, Flag):
        other = "false" if default == "true" else "true"
    elif isinstance(kind, Choice):
        other = kind.options[(kind.options.index(default) + 1) % len(kind.options)]
    else:
        far = kind.low + (kind.high - kind.low) / 4
        other = far if not default else 4 * default if 4 * default <= kind.high else default / 4
        other = int(other) if isinstance(kind, Whole) else float(f"{other:.2g}")
    return {"value": default, "other": other}
