"""What the Train tab asks of the server: start a run, look at it, command it.

Whatever a browser sends is checked here; every answer is a dict with what was asked for or, under "error", one
sentence. A run is reached by its id alone, which cannot be guessed: nothing lists the runs of others.
"""

import base64
import functools
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from genmodels import data, registry
from genmodels.checkpoint import Checkpoint
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.pictures import png, sheet
from genmodels.run import Run, Snapshot
from genmodels.ui import own_data, readings, repeat, verdict
from genmodels.ui.figures import curves
from genmodels.ui.requests import Answer, guarded, table, text, whole_number

LARGEST_SEED = 2**31 - 1
LONGEST = 3600  # seconds of one run
AT_ONCE = 6  # pictures in one answer
PAUSE, IDLE_PAUSE, LONGEST_PAUSE = 200, 1000, 2000  # milliseconds from one look to the next
LOOKS = 60  # a second, of all pages together: more would cost the training too much
SHARED = 64  # answers kept for all who look at the same moment
LOADED = "Loaded. Resume goes on from here."
GONE = "This run is no longer on the server: it was restarted, or nobody looked for an hour. Press Start for a new run."


@dataclass(frozen=True)
class Setup:
    """What a run was started with; its settings may since have been changed."""

    settings: dict[str, Any]
    seconds: int
    resumed: str | None = None  # the file it goes on from
    only: str | None = None  # the one player that learns


_setups: WeakKeyDictionary[Run, Setup] = WeakKeyDictionary()
_viewers: dict[str, float] = {}  # when each page that watches a training last looked
_shared: OrderedDict[tuple[Any, ...], Answer] = OrderedDict()
_sharing = threading.Lock()


def setup_of(run: Run) -> Setup:
    """What a run of the page was started with."""
    return _setups[run]


def found(identity: Any) -> Run:
    """The run of this id, else a UserError."""
    run = registry.find(text(identity))
    if run not in _setups:  # or of another tab
        raise UserError(GONE)
    return run


@guarded
def start(request: Answer) -> Answer:
    """Starts a run and stops the one that this page showed before."""
    seed = whole_number(request.get("seed"), 0, LARGEST_SEED, "seed")
    seconds = whole_number(request.get("seconds"), 1, LONGEST, "The time budget in seconds")
    settings = table(request.get("settings", {}))
    run = registry.create(text(request.get("model")), own_data.chosen(request), settings, seed=seed, seconds=seconds)
    _setups[run] = Setup(run.snapshot().settings, seconds)
    before = registry.find(text(request.get("replaces")))
    if before:
        before.stop()
    return {"run": run.id}


def resume(
    saved: Checkpoint, seconds: Any, paused: str = LOADED, file: str = "", dataset: data.Dataset | str = ""
) -> Answer:
    """A run that goes on from a file of that name, with its data set unless another is given; paused with a reason, so
    that one can just look."""
    seconds = whole_number(seconds, 1, LONGEST, "The time budget in seconds")
    run = registry.create(saved.model.name, dataset or saved.dataset, {}, seconds=seconds, resume=saved, paused=paused)
    _setups[run] = Setup(run.snapshot().settings, seconds, resumed=file or f"{file_name(run)}.safetensors")
    return {"run": run.id}


@guarded
def command(request: Answer) -> Answer:
    """pause, resume, step, stop; only (value: a player or nothing); set (name, value)."""
    run, action = found(request.get("run")), text(request.get("action"))
    if action in ("pause", "resume", "step", "stop"):
        getattr(run, action)()
    elif action == "only":
        player = text(request.get("value")) or None
        run.only(player)
        _setups[run] = replace(_setups[run], only=player)
    elif action == "set":
        run.set(text(request.get("name")), request.get("value"))
    else:
        raise UserError("The page asked for something this server does not know: reload the page.")
    return {}


@guarded
def preview(request: Answer) -> Answer:
    """What there is to learn: 64 training images."""
    if request.get("dataset") == data.OWN:
        return own_data.shown(text(request.get("own")))
    return _preview(text(request.get("dataset")))


@functools.lru_cache(maxsize=8)
def _preview(name: str) -> Answer:
    dataset = data.load(name)
    image = base64.b64encode(png(sheet(dataset.images[:64], 8))).decode()
    return {"png": image, "caption": f"64 training images, what there is to learn. {dataset.describe()}."}


@guarded
def look(request: Answer) -> Answer | None:
    """What is new since `revision`: None if nothing is, else everything but the pictures that the page has."""
    identity = text(request.get("run"))
    run = registry.find(identity)
    if run not in _setups:
        return {"error": GONE, "gone": True}
    have, revision = request.get("have"), request.get("revision")
    have = {key for key in have if isinstance(key, int)} if isinstance(have, list) else set()
    width = request.get("width")
    width = min(max(width, 260), 1100) // 10 * 10 if isinstance(width, int) else 520
    snapshot = run.snapshot()
    pause = _pause(text(request.get("viewer")), snapshot)
    missing = [picture for picture in snapshot.pictures if picture.images not in have]
    if not missing and revision == snapshot.revision:
        return None
    # The latest first: it is what people are looking at.
    sent = missing[-AT_ONCE:]
    return _once(run, snapshot, width) | {
        "pause": pause,
        "restore": revision == -1,
        "more": len(missing) > len(sent),
        "pictures": {
            "kept": [picture.images for picture in snapshot.pictures],
            "fresh": [readings.picture(run, picture) for picture in sent],
        },
    }


def _once(run: Run, snapshot: Snapshot, width: int) -> Answer:
    """What is shown of a run, computed once for all who look at the same moment."""
    key = snapshot.id, snapshot.revision, width, _setups[run].only
    with _sharing:
        if key not in _shared:
            _shared[key] = shown(run, snapshot, width)
            if len(_shared) > SHARED:
                _shared.popitem(last=False)
        return _shared[key]


def _pause(viewer: str, snapshot: Snapshot) -> int:
    """Milliseconds until a page is to look again: the more of them watch, the longer."""
    if snapshot.place or snapshot.state == "paused":
        return IDLE_PAUSE
    now = time.monotonic()
    with _sharing:
        _viewers[viewer] = now
        for gone in [one for one, seen in _viewers.items() if now - seen > 2 * LONGEST_PAUSE / 1000]:
            del _viewers[gone]
        return min(LONGEST_PAUSE, max(PAUSE, 1000 * len(_viewers) // LOOKS))


def shown(run: Run, snapshot: Snapshot, width: int) -> Answer:
    """The state of a run as the page shows it."""
    setup = _setups[run]
    return {
        "revision": snapshot.revision,
        "state": snapshot.state,
        "live": [name for name, (kind, _) in settings_of(MODELS[run.model]).items() if kind.live],
        "message": snapshot.message,
        "status": readings.status(snapshot),
        "plots": "".join(curves(plot, width) for plot in readings.plots(MODELS[run.model].curves, snapshot)),
        "marks": readings.marks(snapshot),
        "verdict": verdict.told(snapshot),
        "players": run.players,
        "only": setup.only or "",
        "command": command_line(run),
        "setup": {
            "model": run.model,
            "dataset": run.dataset.name,
            "settings": snapshot.settings,
            "seed": snapshot.seed,
            "seconds": setup.seconds,
        },
    }


def _own(run: Run) -> data.Dataset | None:
    return run.dataset if run.dataset.name == data.OWN else None


def command_line(run: Run) -> str:
    """What repeats the run in a terminal."""
    setup = _setups[run]
    return repeat.command(
        run.model, run.dataset.name, setup.settings, run.seed, setup.seconds, setup.resumed, _own(run)
    )


def script(run: Run) -> str:
    """What repeats the run in Python."""
    setup = _setups[run]
    marks = [f"{words} after {images:,} images" for images, words in run.snapshot().marks]
    return repeat.script(
        run.model,
        run.dataset.name,
        setup.settings,
        run.seed,
        setup.seconds,
        marks,
        setup.resumed,
        _own(run),
    )


def resumed(run: Run) -> bool:
    """Whether it went on from a file."""
    return bool(_setups[run].resumed)


def file_name(run: Run) -> str:
    """The name of a run's files, without ending."""
    return f"{run.model}-{run.dataset.name}-{run.seed}"
