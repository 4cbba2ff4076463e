"""Norms as inner products: eight numbers as a vector, a matrix or a tensor have one length."""

import torch
from torch import Tensor

from genmodels.models.base import Choice
from genmodels.theory.norms import inner_product, norm
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.notation import equation, equations
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

MOST = 4.0
SHAPES = {"vector": (8,), "matrix 2 x 4": (2, 4), "tensor 2 x 2 x 2": (2, 2, 2)}
SUMS = {
    "vector": r"\Vert v \Vert^2\;=\;\langle v, v \rangle\;=\;\sum_i v_i^2\;=\;",
    "matrix 2 x 4": r"\Vert A \Vert_F^2\;=\;\mathrm{tr}(A^T A)\;=\;\sum_{ij} a_{ij}^2\;=\;",
    "tensor 2 x 2 x 2": r"\Vert T \Vert^2\;=\;\langle T, T \rangle\;=\;\sum_{ijk} t_{ijk}^2\;=\;",
}
PYTHAGORAS = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0]
MIXED = [1.0, -2.0, 0.5, 3.0, 2.0, -1.0, 1.5, -0.5]


def lengths(
    *,
    shape: Choice(tuple(SHAPES), "stacked as a") = "matrix 2 x 4",
    entries: Numbers(-MOST, MOST, 8, 8, "The entries") = MIXED,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The entries as squares, and the one square that holds as much."""
    numbers = torch.tensor(entries, dtype=torch.float64).view(SHAPES[shape])
    axes = numbers.dim()
    squared, length = inner_product(numbers, numbers, axes).item(), norm(numbers, axes).item()
    columns = 8 if shape == "vector" else 4
    pixels = min(22.0, (width - 34) / (columns * (MOST + 0.25)))  # of a 1
    terms = [part for value in entries for part in (r"\;+\;", value * value)][1:]
    shown = [*terms, r"\;=\;"] if width > 620 else []
    return {
        "entries": cells(numbers, pixels),
        "whole": whole(length, pixels),
        "formulas": equations([equation(SUMS[shape], *shown, squared), equation(r"\Vert\cdot\Vert\;=\;", length)]),
    }


def cells(numbers: Tensor, unit: float) -> str:
    """Every entry as a square as wide as it is large, in rows, and slabs side by side."""
    side = (MOST + 0.25) * unit
    slabs = numbers.view(-1, *numbers.shape[-2:]) if numbers.dim() > 1 else numbers.view(1, 1, -1)
    count, rows, columns = slabs.shape
    gap = 16
    canvas_width, height = count * columns * side + (count - 1) * gap + 2, rows * (side + 18) + 2
    canvas = Canvas((0, canvas_width), (0, height), round(canvas_width), round(height), bare=True)
    for s, slab in enumerate(slabs.tolist()):
        for r, row in enumerate(slab):
            for c, value in enumerate(row):
                left, bottom = s * (columns * side + gap) + c * side, height - (r + 1) * (side + 18)
                canvas.box((left + 1, left + side - 1), (bottom + 1, bottom + side + 17), "var(--sheet)")
                x, y, half = left + side / 2, bottom + 17 + side / 2, abs(value) * unit / 2
                canvas.box((x - half, x + half), (y - half, y + half), 0 if value > 0 else 1)
                canvas.text(x, bottom + 6, number(round(value, 2)), color="var(--ink)")
                where = [str(i) for i in ([s] if numbers.dim() > 2 else []) + ([r] if numbers.dim() > 1 else []) + [c]]
                span = ((left + 1, left + side - 1), (bottom + 1, bottom + side + 17))
                canvas.handle(*span, "entries", value, f"entry {', '.join(where)}", ends=(-MOST, MOST), span=160)
    return figure(
        "Entries",
        canvas.svg(f"Eight entries: {', '.join(number(value) for value in numbers.flatten().tolist())}"),
        "Squares as wide as the entries are large, blue above 0 and orange below. Drag one, or choose it and press + "
        "or \N{MINUS SIGN}.",
    )


def whole(length: float, unit: float) -> str:
    """The square on the norm."""
    largest = MOST * 8**0.5 * unit + 2
    side, room = length * unit, 56  # pixels, the latter for the number
    canvas = Canvas((0, largest + room), (0, largest), round(largest + room), round(largest), bare=True)
    canvas.box((0, side), (largest - side, largest), 2)
    canvas.text(side + 6, largest - side / 2 - 4, number(length), "start", "var(--ink)", ' class="value"')
    return figure(
        "All of them together",
        canvas.svg(f"A square {number(length)} wide"),
        "A square as wide as the norm has the area of all the squares together.",
    )


LENGTHS = Tool(
    "norms",
    "Every norm here is an inner product",
    "Drag an entry, then stack the same eight numbers another way: vector, matrix and tensor have the same length.",
    lengths,
    ("entries", "whole", "formulas"),
    (
        Preset("3, 4, 5", "Pythagoras, with six zeros beside.", {"shape": "vector", "entries": PYTHAGORAS}),
        Preset(
            "Orthonormal rows",
            "Frobenius: the squared norm of a matrix with n orthonormal rows is n.",
            {"shape": "matrix 2 x 4", "entries": [0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, -0.5]},
        ),
        Preset(
            "A tiny picture",
            "An image is a tensor of channels, rows and columns; its squared error is this norm, however it is stored.",
            {"shape": "tensor 2 x 2 x 2", "entries": [1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0]},
        ),
    ),
)
