"""Quantities as strips under one another, on one scale."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from genmodels.ui.drawing import Canvas, Color, number

ROW = 34  # pixels of a strip with its air


class Strip(NamedTuple):
    """A quantity drawn from `start` to `start + length`."""

    name: str
    start: float
    length: float
    color: Color
    opacity: float = 1.0


def strips(rows: Sequence[Strip], most: float, width: int, alt: str, label: int = 70) -> str:
    """The rows as SVG, names to the left, values behind the strips; an endless strip leaves the frame."""
    height = ROW * len(rows) + 4
    values = 70  # pixels for the number behind the longest strip
    scale = most / max(width - label - values, 1)  # per pixel
    canvas = Canvas((-label * scale, most + values * scale), (-len(rows) - 0.1, 0), width, height, bare=True)
    for start in {round(row.start, 9) for row in rows if 0 < row.start < math.inf}:
        (x, top), (_, bottom) = canvas.place(start, 0), canvas.place(start, -len(rows))
        canvas.raw(f'<path class="mark" d="M{x} {top}V{bottom}"/>')
    for i, row in enumerate(rows):
        endless = math.isinf(row.length)
        end = most + values * scale if endless else row.start + row.length
        canvas.box((row.start, end), (-i - 0.78, -i - 0.18), row.color, row.opacity)
        canvas.text(-label * scale, -i - 0.6, row.name, "start", "var(--ink)", ' class="value"')
        words, behind = number(row.length), (most if endless else end) + 6 * scale
        if not endless:  # the number covers the lines it meets
            canvas.box((behind - 3 * scale, behind + 9 * scale * len(words)), (-i - 0.78, -i - 0.18), "var(--paper)")
        color = "var(--paper)" if endless else "var(--ink)"
        canvas.text(behind, -i - 0.6, words, "start", color, ' class="value"')
    return canvas.svg(alt)
