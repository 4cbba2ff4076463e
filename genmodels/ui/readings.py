"""A run's snapshot in the page's words: its curves as plots, its state as pairs of name and value."""

import base64
import math
import struct
from html import escape

from genmodels.history import Picture
from genmodels.models import MODELS, can
from genmodels.models.base import Curve
from genmodels.run import Run, Snapshot
from genmodels.ui.figures import Line, Plot

DIVERGENCES = ("js_bound", "wasserstein", "mmd")  # terms that estimate a distance between samples and data
STATES = {"running": "learning"}  # where the page has a word of its own


def plots(curves: dict[str, Curve], snapshot: Snapshot) -> list[Plot]:
    """Terms of one unit on the same axes; estimates of a divergence on axes of their own. The curves of a run that goes
    on from a file fill the axes, until they are as long as what came before."""
    first = snapshot.pictures[0].images if snapshot.pictures else 0
    start = first if first > snapshot.images / 2 else 0
    groups: dict[tuple[bool, str], list[Line]] = {}
    levels = {}
    for color, (term, curve) in enumerate(curves.items()):
        x, y = snapshot.curves.get(term, ((), ()))
        key = term in DIVERGENCES, curve.unit
        groups.setdefault(key, []).append(Line(curve.label, x, y, color))
        if term == "js_bound" and curve.unit == "nats":
            levels[key] = ((math.log(2), "log 2: always told apart"),)
    return [
        Plot(
            "Distance between samples and data" if key[0] else "Terms of the objective",
            "images seen",
            key[1],
            lines,
            levels.get(key, ()),
            snapshot.marks,
            max(snapshot.images, start + 1000),
            start,
        )
        for key, lines in groups.items()
    ]


def status(snapshot: Snapshot) -> str:
    """The status line, as the inside of a definition list."""
    state = f"waiting, place {snapshot.place}" if snapshot.place else STATES.get(snapshot.state, snapshot.state)
    cells = {
        "state": state,
        "time": duration(snapshot.seconds),
        "left": duration(snapshot.left) if snapshot.left is not None else "no limit",
        "images/s": f"{snapshot.rate:,.0f}",
        "images": f"{snapshot.images:,}",
        "round": f"{snapshot.round:,}",
        "data": snapshot.dataset,
    }
    labels = {"state": f"on {snapshot.device}"}  # "on cpu" above "learning"
    return "".join(
        f'<div data-of="{name}"><dt>{escape(labels.get(name, name))}</dt><dd>{escape(value)}</dd></div>'
        for name, value in cells.items()
    )


def picture(run: Run, kept: Picture) -> dict[str, object]:
    """A kept picture with what there is to say about it."""
    _, height, width = run.dataset.shape
    across, down = struct.unpack(">II", kept.png[16:24])  # from the PNG's header; one pixel lies between images
    count = (across + 1) // (width + 1) * ((down + 1) // (height + 1))
    what = "samples" if can(MODELS[run.model], "sample") else "images"
    says = f"{count} {what} of {run.model} on {run.dataset.title} "
    says += f"after {duration(kept.seconds)}" if kept.images else "before learning"
    seen = f" and {kept.images:,} images" if kept.images else ""
    return {
        "images": kept.images,
        "png": base64.b64encode(kept.png).decode(),
        "after": duration(kept.seconds) if kept.images else "start",
        "alt": says,
        "caption": f"{says}{seen}, by the averaged weights. {kept.caption}.",
        "file": f"{run.model}-{run.dataset.name}-{run.seed}-{kept.images}.png",
    }


def marks(snapshot: Snapshot) -> str:
    """What the dotted lines in the curves stand for: the latest three."""
    latest = "; ".join(f"{text} ({images:,} images)" for images, text in snapshot.marks[-3:])
    return f"Dotted: {latest}." if latest else ""


def duration(seconds: float) -> str:
    """Seconds as people say them: "12.3 s", "2 min 05 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
