"""Curves over time, on the page and as a file.

A figure takes numbers and knows no model. On the page it is SVG whose colours are CSS variables, so that dark
mode follows by itself; for a file it is a PNG by matplotlib. Colours are those of Okabe and Ito (2008), which
colour-blind people can tell apart; on paper the two palest are left out, on black the two darkest.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.one_thread import in_one_thread

SERIES = ("#0072B2", "#D55E00", "#007F5C", "#A8487E", "#5F5B53")  # --series-1 ... in page.css, light
POINTS = 240  # of one line on the page: more than a screen shows apart


@dataclass(frozen=True)
class Line:
    """One curve: a name, and y over x. `color` counts the palette from 0."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0


@dataclass(frozen=True)
class Plot:
    """Curves on common axes. `levels` are dashed horizontals (y, text), `marks` dotted verticals (x, text); the x
    axis goes from `start` to `end` or further."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    levels: Sequence[tuple[float, str]] = ()
    marks: Sequence[tuple[float, str]] = ()
    end: float = 1.0
    start: float = 0.0


def bounds(plot: Plot) -> tuple[float, float, float, float]:
    """x and y ranges that hold the curves. A few early peaks far above the rest are cut off by the frame."""
    xs = [x for line in plot.lines for x in line.x]
    ys = sorted(y for line in plot.lines for y in line.y if math.isfinite(y))
    ys = ys or [0.0, 1.0]
    low, high = ys[0], ys[-1]
    usual_low, usual_high = ys[len(ys) // 50], ys[-1 - len(ys) // 50]
    reach = 4 * (usual_high - usual_low)
    if reach > 0:
        low, high = max(low, usual_low - reach), min(high, usual_high + reach)
    for level, _ in plot.levels:
        low, high = min(low, level), max(high, level)
    if low > 0 and low < 0.6 * high:  # a nearby zero belongs to the picture
        low = 0.0
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return plot.start, max([*xs, plot.end, plot.start + 1]), low - pad * (low != 0), high + pad


def curves(plot: Plot, width: int = 520, height: int = 170) -> str:
    """The plot as an HTML figure: a legend with the latest values, and an SVG of this many pixels.

    Every drawn point carries its value, so that `figure.js` can read them out where somebody points.
    """
    x0, x1, y0, y1 = bounds(plot)
    canvas = Canvas((x0, x1), (y0, y1), width, height)
    for x, text in plot.marks:
        canvas.mark(x, text)
    for level, text in plot.levels:
        canvas.level(level, text)
    entries = []
    for line in plot.lines:
        points = _thinned(line)
        canvas.line([x for x, _ in points], [y for _, y in points], line.color)
        entries.append((line.name, line.color, number(points[-1][1]) if points else ""))
    return figure(plot.title, canvas.svg(describe(plot)), unit=plot.y_label, entries=entries, x_label=plot.x_label)


def describe(plot: Plot) -> str:
    """The plot in a sentence, for those who do not see it."""
    says = [
        f"{line.name} from {number(line.y[0])} to {number(line.y[-1])} over {number(line.x[-1])} {plot.x_label}"
        for line in plot.lines
        if len(line.y)
    ]
    return f"{plot.title}, in {plot.y_label}: {'; '.join(says) or 'nothing yet'}."


@in_one_thread
def curves_png(plots: Sequence[Plot], heading: str = "") -> bytes:
    """The plots under one another as a PNG file, dark on white."""
    from matplotlib.figure import Figure  # costs most of a second that the page need not wait for

    figure = Figure(figsize=(8, 0.5 + 3 * max(1, len(plots))), dpi=120, layout="constrained")
    axes = figure.subplots(max(1, len(plots)), 1, squeeze=False)[:, 0]
    for plot, axis in zip(plots, axes, strict=False):
        x0, x1, y0, y1 = bounds(plot)
        for line in plot.lines:
            axis.plot(line.x, line.y, color=SERIES[line.color % len(SERIES)], label=line.name, linewidth=1.4)
        for level, text in plot.levels:
            axis.axhline(level, color=SERIES[-1], linestyle="--", linewidth=1)
            axis.annotate(text, (x1, level), ha="right", va="bottom", fontsize=8)
        for x in {x for x, _ in plot.marks}:
            text = "; ".join(text for at, text in plot.marks if at == x)
            axis.axvline(x, color=SERIES[-1], linestyle=":", linewidth=1)
            axis.annotate(f"{text} ", (x, y1), rotation=90, ha="right", va="top", fontsize=7)
        axis.set(xlim=(x0, x1), ylim=(y0, y1), xlabel=plot.x_label, ylabel=plot.y_label)
        axis.set_title(plot.title, loc="left", fontsize=11)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", linewidth=0.4)
        if plot.lines:
            axis.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1.01, 0.98))
    figure.suptitle(heading, fontsize=10)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _thinned(line: Line) -> list[tuple[float, float]]:
    """At most POINTS points, the last always among them; those that are no number are left out."""
    pairs = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    every = max(1, math.ceil(len(pairs) / POINTS))
    return pairs[::-1][::every][::-1]
