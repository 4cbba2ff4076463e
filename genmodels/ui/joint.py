"""The joint table of two variables, or of three bits, with all that one of them says about the other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from genmodels.errors import UserError
from genmodels.models.base import Choice, Real
from genmodels.theory import information, tables
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.notation import UNIT, equation, equations, in_unit, log_of, mark_of, short
from genmodels.ui.strips import Strip, strips
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

LAWS = ("independent", "copy", "noisy channel", "XOR", "my own")
SHAPES = {4: (2, 2), 8: (4, 2), 9: (3, 3), 16: (4, 4)}  # rows and columns of a table of so many cells
EVEN = [0.25, 0.25, 0.25, 0.25]
X, Y, JOINT, SHARED, SHADE = 0, 1, "var(--ink)", 2, 0.45  # colours, and how dark the joint one is
LEFT, TOP, NUMBER = 46, 42, 20  # pixels for names, and for a number in a cell
BAR = 0.62  # of a cell: the bar of a marginal probability of 1


def joint(
    *,
    law: Choice(LAWS, "distribution") = "noisy channel",
    size: Choice(("2", "3", "4"), "values of X and of Y") = "2",
    noise: Real(0, 1, "noise of the channel") = 0.1,
    unit: UNIT = "bits",
    cells: Numbers(0, 1, 4, 16, "The table") = EVEN,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The table, its quantities as strips, and their formulas."""
    table = table_of(law, int(size), noise, cells)
    three = table.shape == (4, 2)
    names = ("X, Y", "Z") if three else ("X", "Y")
    quantities = measured(table, unit)
    beside = width >= 560
    side = min(520, width - 330) if beside else min(width, 420)
    picture = figure(
        "Joint distribution",
        drawn(table, names, side),
        f"Grey squares have the area p({names[0]}, {names[1]}), a full cell being {whole(table):g}; the outlines are "
        "what they would be if the two were independent. Drag a square up or down, or choose it and press + or "
        "\N{MINUS SIGN} or a number; the rest is scaled.",
    )
    rows = rows_of(quantities, names)
    drawing = strips(rows, most(table, unit), min(860, width - side - 30 if beside else width), said(rows))
    strip = figure("Entropies as lengths", drawing, f"Lengths are {unit}; exact, from the table.", unit=unit)
    filled = formulas(table, quantities, names, unit, width)
    pairs = apart(table, unit, min(width, 520) - 20) if three else ""
    wide = width >= 900  # room for the formulas beside the table
    return {
        "table": picture,
        "strips": strip + (filled if wide else ""),
        "pairs": pairs,
        "formulas": "" if wide else filled,
    }


def table_of(law: str, size: int, noise: float, cells: Sequence[float]) -> Tensor:
    """p(x, y) as rows and columns; three bits have a row for each pair (x, y) and a column for each z."""
    if law == "my own":
        if len(cells) not in SHAPES:
            raise UserError("A table has 4, 8, 9 or 16 cells: choose another distribution to start from.")
        return tables.normalised(torch.tensor(cells, dtype=torch.float64)).view(SHAPES[len(cells)])
    if law == "XOR":
        return tables.xor(noise).flatten(0, 1)
    if law == "independent":
        return tables.independent(size)
    return tables.channel(size, 0.0 if law == "copy" else noise)


def measured(table: Tensor, unit: str) -> dict[str, float]:
    """Every quantity of the rows (x) and columns (y) of a table, in the unit."""
    rows, columns = information.marginals(table)
    nats = {
        "x": information.entropy(rows),
        "y": information.entropy(columns),
        "xy": information.joint_entropy(table),
        "x|y": information.conditional_entropy(table),
        "y|x": information.conditional_entropy(table.mT),
        "x;y": information.mutual_information(table),
    }
    return {name: in_unit(value.item(), unit) for name, value in nats.items()}


def most(table: Tensor, unit: str) -> float:
    """The largest joint entropy of a table of this shape: the scale stays the same when a cell is changed."""
    return in_unit(information.joint_entropy(tables.normalised(torch.ones_like(table))).item(), unit)


def rows_of(q: dict[str, float], names: tuple[str, str]) -> list[Strip]:
    """Strips that show H(X,Y) = H(X|Y) + I(X;Y) + H(Y|X)."""
    x, y = names[0].replace(" ", ""), names[1]
    return [
        Strip(f"H({x},{y})", 0, q["xy"], JOINT, SHADE),
        Strip(f"H({x})", 0, q["x"], X),
        Strip(f"H({y})", q["xy"] - q["y"], q["y"], Y),
        Strip(f"H({x}|{y})", 0, q["x|y"], X, 0.55),
        Strip(f"I({x};{y})", q["x|y"], q["x;y"], SHARED),
        Strip(f"H({y}|{x})", q["x"], q["y|x"], Y, 0.55),
    ]


def said(rows: Sequence[Strip]) -> str:
    """Strips in words."""
    return ", ".join(f"{strip.name} = {number(strip.length)}" for strip in rows)


def drawn(table: Tensor, names: tuple[str, str], side: int, edit: bool = True) -> str:
    """The table as squares, `side` pixels wide or less; one that is edited has its marginals as bars at the edges."""
    count, across = table.shape
    bar, words = (BAR, 46) if edit else (0.02, 0)
    unit = (side - LEFT - words) / (max(count, across) + bar)  # pixels of a cell
    left, top, largest = LEFT / unit, TOP / unit, 0.96 - NUMBER / unit
    full = whole(table)
    x, y = (-left, across + bar + words / unit), (-bar - 0.4 * words / unit, count + top)
    canvas = Canvas(x, y, round(unit * (x[1] - x[0])), round(unit * (y[1] - y[0])), bare=True)
    values = [format(i, "02b") if (count, across) == (4, 2) else str(i) for i in range(count)]
    rows, columns = information.marginals(table)
    product = (rows[:, None] * columns).tolist()
    canvas.text(-left, count + 7 / unit, names[0], "start", X, ' class="value"')
    canvas.text(across / 2, count + 25 / unit, names[1], color=Y, more=' class="value"')
    for j in range(across):
        canvas.text(j + 0.5, count + 7 / unit, str(j))
    for i, row in enumerate(table.tolist()):
        bottom = count - i - 1
        canvas.text(-9 / unit, bottom + 0.5 - 4 / unit, values[i], "end")
        for j, p in enumerate(row):
            cell = (j + 0.02, j + 0.98), (bottom + 0.02, bottom + 0.98)
            canvas.box(*cell, "var(--sheet)")
            middle = bottom + 0.96 - largest / 2
            square(canvas, j + 0.5, middle, largest * (p / full) ** 0.5, JOINT, SHADE)
            square(canvas, j + 0.5, middle, largest * (product[i][j] / full) ** 0.5, "none", more=' class="outline"')
            canvas.text(j + 0.5, bottom + 6 / unit, short(p), color="var(--ink)")
            if edit:
                label = f"p({names[0].lower()} = {values[i]}, {names[1].lower()} = {j})"
                canvas.handle(*cell, "cells", p, label, shares=True)
    if edit:
        for i, p in enumerate(rows.tolist()):
            middle = count - i - 0.5
            canvas.box((across + 0.04, across + 0.04 + BAR * p), (middle - 0.25, middle + 0.25), X)
            canvas.text(across + 0.1 + BAR * p, middle - 4 / unit, short(p), "start", "var(--ink)")
        for j, p in enumerate(columns.tolist()):
            canvas.box((j + 0.25, j + 0.75), (-0.04, -0.04 - BAR * p), Y)
            canvas.text(j + 0.5, -0.04 - BAR * p - 15 / unit, short(p), color="var(--ink)")
    listed = "; ".join(", ".join(number(p) for p in row) for row in table.tolist())
    return canvas.svg(f"Table of p({names[0]}, {names[1]}), row by row: {listed}")


def whole(table: Tensor) -> float:
    """The probability whose square fills a cell; many cells have little each."""
    return 1.0 if len(table) == 2 or table.max() > 0.5 else 0.5


def square(canvas: Canvas, x: float, y: float, side: float, color: str, opacity: float = 1.0, more: str = "") -> None:
    """A square around a point."""
    half = side / 2
    canvas.box((x - half, x + half), (y - half, y + half), color, opacity, more=more)


def sum_of(p: Tensor, unit: str, terms: int) -> list[str | float]:
    """-sum p log p with its numbers, as parts of an equation: a few terms, and dots where there are more."""
    values = [value for value in p.flatten().tolist() if value > 0]
    parts: list[str | float] = ["-("]
    for i, value in enumerate(values[:terms]):
        parts += [*([r"\;+\;"] if i else []), value, rf"\,{log_of(unit)}\,", value]
    return [*parts, r"\;+\;\dots)" if len(values) > terms else ")"]


def formulas(table: Tensor, q: dict[str, float], names: tuple[str, str], unit: str, width: int) -> str:
    """Every quantity with its formula filled in."""
    x, y = names
    rows, columns = information.marginals(table)
    terms = 2 if width > 480 else 1
    general = [rf"-\sum p\,{log_of(unit)}\,p\;=\;"] if width > 480 else []
    mark = mark_of(unit)

    def difference(name: str, words: str, a: float, b: float, result: float) -> str:
        said = [words] if width > 480 else []
        return equation(name, *said, a, r"\;-\;", b, r"\;=\;", result, mark)

    return equations(
        [
            equation(rf"H({x})\;=\;", *general, *sum_of(rows, unit, terms), r"\;=\;", q["x"], mark),
            equation(rf"H({y})\;=\;", *sum_of(columns, unit, terms), r"\;=\;", q["y"], mark),
            equation(rf"H({x}, {y})\;=\;", *sum_of(table, unit, terms), r"\;=\;", q["xy"], mark),
            difference(rf"H({x} | {y})\;=\;", rf"H({x}, {y}) - H({y})\;=\;", q["xy"], q["y"], q["x|y"]),
            difference(rf"H({y} | {x})\;=\;", rf"H({x}, {y}) - H({x})\;=\;", q["xy"], q["x"], q["y|x"]),
            difference(rf"I({x}; {y})\;=\;", rf"H({x}) - H({x} | {y})\;=\;", q["x"], q["x|y"], q["x;y"]),
        ]
    )


def apart(table: Tensor, unit: str, width: int) -> str:
    """Every two of three bits by themselves: what they say about each other, without the third."""
    bits = table.view(2, 2, 2)
    pairs = {("X", "Y"): bits.sum(2), ("X", "Z"): bits.sum(1), ("Y", "Z"): bits.sum(0)}
    figures = []
    for names, pair in pairs.items():
        shared = in_unit(information.mutual_information(pair).item(), unit)
        title = f"{names[0]} and {names[1]}"
        figures.append(figure(title, drawn(pair, names, width // 3, edit=False), unit=f"I = {number(shared)} {unit}"))
    return (
        f'<div class="row">{"".join(figures)}</div><p class="note">Every two of the three bits, the third forgotten. '
        "Exact, from the table.</p>"
    )


JOINT_TOOL = Tool(
    "joint",
    "What one variable says about another",
    "Every square is the probability of a pair (x, y). Drag one up and see which of the strips grow: where the squares "
    "leave their outlines, X and Y know of each other.",
    joint,
    ("table", "strips", "pairs", "formulas"),
    (
        Preset(
            "Noisy channel",
            "Y is X, flipped eleven times in a hundred. It takes this little to lose half of a bit.",
            {"noise": 0.11},
        ),
        Preset("Copy", "I(X;Y) = H(X) = H(Y): knowing one leaves nothing to ask about the other.", {"law": "copy"}),
        Preset("Independent", "p(x,y) = p(x) p(y): squares and outlines agree, and I is 0.", {"law": "independent"}),
        Preset(
            "XOR",
            "Of X, Y and whether they differ, no two know of each other; but any two give the third away.",
            {"law": "XOR", "noise": 0.0},
        ),
    ),
)
