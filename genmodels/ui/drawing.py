"""Axes, lines, areas, dots, bars, cells and arrows in SVG; colours are CSS variables, so that dark mode follows."""

import copy
import math
from collections.abc import Sequence
from html import escape

import numpy as np

LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 22  # margins, in pixels

Color = int | str  # a place in the palette, from 0, or any CSS colour


def number(value: float) -> str:
    """A number as people read it: four significant digits, no exponent between 0.0001 and a million."""
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    if math.isnan(value):
        return "not a number"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        text = f"{value:,.{digits}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "\N{MINUS SIGN}")
    return f"{value:.2e}".replace("-", "\N{MINUS SIGN}")


def tiny(value: float) -> str:
    """An error that rounding left, to one digit."""
    return f"{value:.0e}".replace("-", "\N{MINUS SIGN}") if value else "0"


def short(value: float) -> str:
    """A round number that must be narrow, as beside an axis."""
    size = abs(value)
    if 1e4 <= size < 1e9:
        power, letter = (1e3, "k") if size < 1e6 else (1e6, "M")
        return f"{value / power:g}{letter}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.0e}".replace("-", "\N{MINUS SIGN}") if size >= 1e9 else number(value)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def css(color: Color) -> str:
    """A colour of the palette, or the colour itself."""
    return f"var(--series-{color % 5 + 1})" if isinstance(color, int) else color


class Canvas:
    """Axes over the ranges x and y, in pixels of the screen. What lies outside the frame is cut off.

    Methods draw in data coordinates, in the order of the calls; `svg` gives the whole. `bare` leaves the axes out.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        width: int = 520,
        height: int = 220,
        *,
        bare: bool = False,
    ) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self.left, self.right = (1, width - 1) if bare else (LEFT, width - RIGHT)
        self.top, self.bottom = (1, height - 1) if bare else (TOP, height - BOTTOM)
        self._inside: list[str] = []  # cut off at the frame
        self._outside: list[str] = []
        self._handles: dict[str, int] = {}  # how many edit each field
        if not bare:
            self._axes()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point; far outside the frame is outside enough."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        across, up = min(max(across, -1.0), 2.0), min(max(up, -1.0), 2.0)
        pixels = self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)
        return round(pixels[0], 1), round(pixels[1], 1)

    def line(
        self, x: Sequence[float], y: Sequence[float], color: Color = 0, *, read: bool = True, dashed: bool = False
    ) -> None:
        """A curve, broken where y is not finite; `read` lets people point at its values."""
        more = ' stroke-dasharray="6 4"' if dashed else ""
        points = np.column_stack([x, y]).astype(float)
        known = np.isfinite(points[:, 1])
        if read:  # one polyline, so that its values are found by its points
            parts = [points[known]]
        else:
            ends = np.flatnonzero(np.diff(known, prepend=False, append=False))
            parts = [points[start:end] for start, end in ends.reshape(-1, 2)]
        for part in parts:
            values = " ".join(f"{a:g},{b:.5g}" for a, b in part.tolist()) if read else ""
            data = f' data-values="{values}"' if read else ""
            self._inside.append(f'<polyline points="{self._points(part)}"{data} style="stroke:{css(color)}"{more}/>')

    def area(self, x: Sequence[float], y: Sequence[float], color: Color = 0, opacity: float = 0.25) -> None:
        """What lies between a curve and 0."""
        points = np.column_stack([[x[0], *x, x[-1]], [0.0, *y, 0.0]])
        self._inside.append(f'<polygon points="{self._points(points)}" style="fill:{css(color)}" opacity="{opacity}"/>')

    def dots(self, x: Sequence[float], y: Sequence[float], color: Color = 0, size: float = 2.5, more: str = "") -> None:
        """Points as discs of this radius in pixels; one path, so that thousands stay cheap."""
        d = "".join(f"M{a} {b}h0" for a, b in self._pixels(np.column_stack([x, y])))
        style = f"stroke:{css(color)};stroke-width:{2 * size};stroke-linecap:round"
        self._inside.append(f'<path d="{d}" style="{style}"{more}/>')

    def bars(self, x: Sequence[float], y: Sequence[float], color: Color = 0, width: float = 0.8) -> None:
        """Bars from 0, centred at x, of this width in data units."""
        for a, b in zip(x, y, strict=True):
            self.box((a - width / 2, a + width / 2), (0.0, b), color)

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        color: Color = 0,
        opacity: float = 1.0,
        *,
        title: str = "",
        more: str = "",
    ) -> None:
        """A filled rectangle, with words for who points at it and further attributes."""
        (x0, y0), (x1, y1) = self.place(min(x), max(y)), self.place(max(x), min(y))
        size = f'width="{max(0.0, x1 - x0):.1f}" height="{max(0.0, y1 - y0):.1f}"'
        says = f"<title>{escape(title)}</title>" if title else ""
        style = f'style="fill:{css(color)}" opacity="{opacity:.3f}"'
        self._inside.append(f'<rect x="{x0}" y="{y0}" {size} {style}{more}>{says}</rect>')

    def band(
        self, start: tuple[float, float], end: tuple[float, float], y0: float, y1: float, color: Color = 0
    ) -> None:
        """A bent band from the span `start` of x at y0 to the span `end` at y1."""
        (a, top), (b, _) = self.place(start[0], y0), self.place(start[1], y0)
        (c, bottom), (d, _) = self.place(end[0], y1), self.place(end[1], y1)
        middle = (top + bottom) / 2
        down, up = f"C{a} {middle} {c} {middle} {c} {bottom}", f"C{d} {middle} {b} {middle} {b} {top}"
        self._inside.append(f'<path d="M{a} {top}{down}H{d}{up}Z" style="fill:{css(color)}" opacity="0.45"/>')

    def arrows(
        self, start: Sequence[tuple[float, float]], end: Sequence[tuple[float, float]], color: Color = "var(--ink)"
    ) -> None:
        """Arrows between points, with heads of a few pixels."""
        d = []
        for a, b in zip(start, end, strict=True):
            (x0, y0), (x1, y1) = self.place(*a), self.place(*b)
            length = math.hypot(x1 - x0, y1 - y0)
            if length < 1:
                continue
            head = min(5.0, 0.5 * length) / length
            dx, dy = head * (x1 - x0), head * (y1 - y0)
            d.append(f"M{x0} {y0}L{x1} {y1}M{x1 - dx - dy / 2:.1f} {y1 - dy + dx / 2:.1f}L{x1} {y1}")
            d.append(f"L{x1 - dx + dy / 2:.1f} {y1 - dy - dx / 2:.1f}")
        self._inside.append(f'<path d="{"".join(d)}" style="stroke:{css(color)};stroke-width:1.3"/>')

    def strokes(
        self,
        start: Sequence[tuple[float, float]],
        end: Sequence[tuple[float, float]],
        widths: Sequence[float],
        color: Color = "var(--ink)",
        titles: Sequence[str] = (),
    ) -> None:
        """Straight lines between points, each of its own width in pixels, with words for who points at one."""
        for i, (a, b, width) in enumerate(zip(start, end, widths, strict=True)):
            (x0, y0), (x1, y1) = self.place(*a), self.place(*b)
            says = f"<title>{escape(titles[i])}</title>" if titles else ""
            style = f"stroke:{css(color)};stroke-width:{width:.2f};stroke-linecap:round"
            self._inside.append(f'<path d="M{x0} {y0}L{x1} {y1}" style="{style}" opacity="0.5">{says}</path>')

    def text(
        self, x: float, y: float, words: str, anchor: str = "middle", color: Color = "var(--quiet)", more: str = ""
    ) -> None:
        """Words at a point; `anchor` is start, middle or end."""
        across, up = self.place(x, y)
        style = f' style="fill:{css(color)}"'
        self._outside.append(f'<text x="{across}" y="{up}" text-anchor="{anchor}"{style}{more}>{escape(words)}</text>')

    def handle(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        name: str,
        value: float,
        label: str,
        *,
        ends: tuple[float, float] = (0.0, 1.0),
        span: float = 200.0,
        shares: bool = False,
    ) -> None:
        """A part of the figure that edits the next number of the tool's field `name`, by pointer and keyboard.

        `span` is how many pixels of dragging go from one end to the other. Numbers that are `shares`
        keep their sum: when one changes, the rest is scaled.
        """
        (x0, y0), (x1, y1) = self.place(min(x), max(y)), self.place(max(x), min(y))
        index = self._handles.get(name, 0)
        self._handles[name] = index + 1
        said = f'aria-label="{escape(label)}" aria-valuenow="{value:.4g}" aria-valuetext="{number(value)}"'
        self._outside.append(
            f'<rect class="handle" x="{x0}" y="{y0}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" tabindex="0" '
            f'role="slider" aria-valuemin="{ends[0]:g}" aria-valuemax="{ends[1]:g}" {said} data-edits="{name}" '
            f'data-index="{index}" data-value="{value!r}" data-span="{span:.0f}" data-shares="{str(shares).lower()}">'
            f"<title>{escape(label)}</title></rect>"
        )

    def knob(self, x: float, y: float, name: str, label: str, color: Color = 0, size: float = 8.0) -> None:
        """A disc of this radius in pixels whose place is the next two numbers of the tool's field `name`: it goes where
        it is dragged, or where the arrows send it. Both axes must have one scale."""
        across, up = self.place(x, y)
        index = self._handles.get(name, 0)
        self._handles[name] = index + 2
        (low, high), span = self.x, self.right - self.left
        said = f'aria-label="{escape(label)}" aria-valuenow="{x:.4g}" aria-valuetext="{number(x)}, {number(y)}"'
        self._outside.append(
            f'<circle class="handle knob" cx="{across}" cy="{up}" r="{size:.1f}" style="fill:{css(color)}" '
            f'tabindex="0" role="slider" aria-roledescription="point" aria-valuemin="{low:g}" '
            f'aria-valuemax="{high:g}" {said} data-edits="{name}" data-index="{index}" data-span="{span}">'
            f"<title>{escape(label)}</title></circle>"
        )

    def level(self, y: float, words: str = "") -> None:
        """A dashed horizontal line with words above its right end."""
        up = self.place(self.x[0], y)[1]
        self._outside.append(f'<path class="level" d="M{self.left} {up}H{self.right}"/>')
        if words:
            self._outside.append(
                f'<text class="level" x="{self.right}" y="{up - 4}" text-anchor="end">{escape(words)}</text>'
            )

    def mark(self, x: float, words: str = "") -> None:
        """A dotted vertical line, explained where somebody points."""
        across = self.place(x, self.y[0])[0]
        title = f"<title>{escape(words)}</title>"
        self._outside.append(f'<path class="mark" d="M{across} {self.top}V{self.bottom}">{title}</path>')

    def copy(self) -> "Canvas":
        """One to draw on, that leaves this one as it is."""
        canvas = copy.copy(self)
        canvas._inside, canvas._outside = [*self._inside], [*self._outside]
        canvas._handles = {**self._handles}
        return canvas

    def raw(self, svg: str) -> None:
        """Any SVG of one's own, cut off at the frame; `place` says where things are."""
        self._inside.append(svg)

    def svg(self, alt: str, more: str = "") -> str:
        """The picture; `alt` says its content to those who do not see it."""
        box = f"{self.left}-{self.top}-{self.right}-{self.bottom}"
        steered = any("tabindex" in part for part in self._inside)  # an image would hide its parts from who hears it
        frame = f"M{self.left} {self.top}H{self.right}V{self.bottom}H{self.left}Z"
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
            f'role="{"group" if self._handles or steered else "img"}" '
            f'aria-label="{escape(alt)}" data-top="{self.top}" data-bottom="{self.bottom}"{more}>'
            f'<clipPath id="frame-{box}"><path d="{frame}"/></clipPath>'
            f'<g clip-path="url(#frame-{box})">{"".join(self._inside)}</g>{"".join(self._outside)}'
            '<path class="cursor" d=""/></svg>'
        )

    def _pixels(self, points: np.ndarray) -> list[list[float]]:
        """`place` of many points (N, 2), much sooner than one by one."""
        (x0, x1), (y0, y1) = self.x, self.y
        shares = ((points - (x0, y0)) / (x1 - x0, y1 - y0)).clip(-1.0, 2.0)
        corner, size = (self.left, self.bottom), (self.right - self.left, self.top - self.bottom)
        return (corner + shares * size).round(1).tolist()

    def _points(self, points: np.ndarray) -> str:
        return " ".join(f"{x},{y}" for x, y in self._pixels(points))

    def _axes(self) -> None:
        (x0, x1), (y0, y1) = self.x, self.y
        for tick in ticks(y0, y1):
            up = self.place(x0, tick)[1]
            self._outside.append(f'<path class="grid" d="M{self.left} {up}H{self.right}"/>')
            self._outside.append(f'<text x="{self.left - 6}" y="{up + 4}" text-anchor="end">{short(tick)}</text>')
        for tick in ticks(x0, x1, max(2, self.width // 110)):
            across = self.place(tick, y0)[0]
            anchor = "end" if across > self.right - 20 else "start" if across <= self.left else "middle"
            self._outside.append(
                f'<text x="{across}" y="{self.bottom + 16}" text-anchor="{anchor}">{number(tick)}</text>'
            )
        self._outside.append(f'<path class="axis" d="M{self.left} {self.bottom}H{self.right}"/>')


def legend(entries: Sequence[tuple[str, Color, str]]) -> str:
    """Name, colour and present value of what a figure shows."""
    rows = "".join(
        f'<li><i style="background:{css(color)}"></i><span>{escape(name)}</span><output>{escape(value)}</output></li>'
        for name, color, value in entries
    )
    return f"<ul>{rows}</ul>"


def figure(
    title: str,
    svg: str,
    caption: str = "",
    *,
    unit: str = "",
    entries: Sequence[tuple[str, Color, str]] = (),
    x_label: str = "",
) -> str:
    """A figure of the page: title and unit, legend, picture, name of the x axis, and the line that says what is
    drawn, from how many samples and with what floor. Lines that can be read out come first among the entries, in
    the order of drawing."""
    axis = f'<p class="axis-name" data-x="{escape(x_label)}">{escape(x_label)}</p>' if x_label else ""
    png = '<button type="button" class="plain" data-do="png">PNG</button>'
    says = f"<figcaption>{escape(caption)} {png}</figcaption>" if caption else ""
    return (
        f'<figure class="plot"><h3>{escape(title)} <small>{escape(unit)}</small></h3>{legend(entries)}{svg}{axis}{says}'
        "</figure>"
    )
