"""Code lengths: what it costs to describe one distribution with the words of another."""

import math

import torch
from torch import Tensor

from genmodels.errors import UserError
from genmodels.theory import information, tables
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.notation import UNIT, equation, equations, in_unit, log_of, mark_of, short
from genmodels.ui.strips import Strip, strips
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

SYMBOLS = "abcdef"
P, Q, JS, TV = 0, 1, 2, 3  # colours
FALLING = [0.5, 0.25, 0.125, 0.125]
RISING = [0.125, 0.125, 0.25, 0.5]
HIGHEST = 6.5  # the longest code drawn, in either unit


def codes(
    *,
    unit: UNIT = "bits",
    p: Numbers(0, 1, 2, len(SYMBOLS), "The truth p") = FALLING,
    q: Numbers(0, 1, 2, len(SYMBOLS), "The model q") = RISING,
    width: WIDTH = 600,
) -> dict[str, str]:
    """Both distributions, the lengths of their codes, and what the wrong code costs."""
    if len(p) != len(q):
        raise UserError("p and q need the same number of symbols: choose a preset to start again.")
    truth, model = (tables.normalised(torch.tensor(some, dtype=torch.float64)) for some in (p, q))
    nats = {
        "p": information.entropy(truth),
        "kl": information.kl(truth, model),
        "pq": information.cross_entropy(truth, model),
        "qp": information.kl(model, truth),
        "js": information.js(truth, model),
    }
    quantities = {name: in_unit(value.item(), unit) for name, value in nats.items()}
    variation = information.total_variation(truth, model).item()
    one = width if width < 560 else min(560, (width - 30) // 2)
    return {
        "bars": bars(truth, model, one),
        "lengths": lengths(truth, model, unit, one),
        "strips": sums(quantities, variation, unit, one),
        "formulas": formulas(quantities, variation, nats["kl"].item(), unit, width),
    }


def bars(p: Tensor, q: Tensor, width: int) -> str:
    """Both distributions side by side, every bar to be dragged."""
    height, air = 220, 1.14
    canvas = Canvas((-0.5, len(p) - 0.5), (-0.1, air), width, height, bare=True)
    pixel = (air + 0.1) / height
    for i, pair in enumerate(zip(p.tolist(), q.tolist(), strict=True)):
        for name, value, color, left in (("p", pair[0], P, i - 0.38), ("q", pair[1], Q, i + 0.02)):
            canvas.box((left, left + 0.36), (0, value), color)
            canvas.text(left + 0.18, value + 5 * pixel, short(value), color="var(--ink)")
            canvas.handle(
                (left, left + 0.36), (0, air), name, value, f"{name}({SYMBOLS[i]})", span=1 / pixel, shares=True
            )
        canvas.text(i, -15 * pixel, SYMBOLS[i], color="var(--ink)", more=' class="value"')
    canvas.level(0)
    return figure(
        "Truth and model",
        canvas.svg("Bars of p and q, each to be dragged"),
        "Drag a bar, or choose it and press + or \N{MINUS SIGN} or a number; the rest of its distribution is scaled.",
        entries=[("p, from which the symbols come", P, ""), ("q, for which the code was made", Q, "")],
    )


def lengths(p: Tensor, q: Tensor, unit: str, width: int) -> str:
    """A column for each symbol, as wide as it is likely and as high as its code is long: areas are means."""
    canvas = Canvas((0, 1), (0, HIGHEST), width, 240)
    right, wrong = (information.self_information(some).tolist() for some in (p, q))
    left = 0.0
    for i, wide in enumerate(p.tolist()):
        if wide == 0:
            continue
        ideal, used = in_unit(right[i], unit), in_unit(wrong[i], unit)
        span = (left + 0.003, max(left + wide - 0.003, left + 0.004))
        title = f"{SYMBOLS[i]}: {number(used)} {unit} used, {number(ideal)} needed"
        canvas.box(span, (0, ideal), P, 0.35, title=title)
        if used > ideal:
            canvas.box(span, (ideal, min(used, 2 * HIGHEST)), Q, 0.35, title=title)
        canvas.box(span, (0, min(used, 2 * HIGHEST)), "none", more=' class="border"')
        middle = left + wide / 2
        if wide * width > 34:
            high = min(max(used, ideal), HIGHEST * 0.93)
            canvas.text(middle, high + 0.1, f"{SYMBOLS[i]}: {number(round(used, 2))}", color="var(--ink)")
        left += wide
    return figure(
        "Code lengths",
        canvas.svg("Columns as wide as p and as high as the code lengths by p and by q"),
        "Every column is as wide as p and as high as its code word is long, \N{MINUS SIGN}log q: its framed area, all "
        "columns together, is H(p,q). Blue is what the best code would need, H(p); orange is waste. Exact.",
        unit=f"{unit} per symbol, against probability",
        entries=[("needed, \N{MINUS SIGN}log p", P, ""), ("used, \N{MINUS SIGN}log q", Q, "")],
        x_label="probability p",
    )


def sums(q: dict[str, float], variation: float, unit: str, width: int) -> str:
    """H(p,q) = H(p) + KL(p||q) as strips, and the other distances under it."""
    rows = [
        Strip("H(p,q)", 0, q["pq"], "var(--ink)", 0.45),
        Strip("H(p)", 0, q["p"], P),
        Strip("KL(p\N{PARALLEL TO}q)", q["p"], q["kl"], Q),
        Strip("KL(q\N{PARALLEL TO}p)", 0, q["qp"], Q, 0.5),
        Strip("JS", 0, q["js"], JS),
        Strip("TV", 0, variation, TV),
    ]
    alt = ", ".join(f"{row.name} = {number(row.length)}" for row in rows)
    return figure(
        "Mean lengths and distances",
        strips(rows, in_unit(math.log(16), unit), width, alt),
        f"In {unit}, TV in probability; exact. JS never exceeds log 2, TV never 1, KL anything.",
        unit=f"{unit} per symbol",
    )


def formulas(q: dict[str, float], variation: float, kl_in_nats: float, unit: str, width: int) -> str:
    """Every quantity with its formula filled in."""
    mark, log = mark_of(unit), log_of(unit)
    equal, plus = r"\;=\;", r"\;+\;"
    bound = in_unit(math.log(2), unit)
    long = width > 480
    return equations(
        [
            equation(rf"H(p)\;=\;-\sum p\,{log}\,p\;=\;", q["p"], mark),
            equation(r"\mathrm{KL}(p\,\Vert\,q)\;=\;" + rf"\sum p\,{log}\,\frac{{p}}{{q}}\;=\;", q["kl"], mark),
            equation(
                rf"H(p,q)\;=\;-\sum p\,{log}\,q\;=\;",
                *([r"H(p) + \mathrm{KL}\;=\;"] if long else []),
                *(q["p"], plus, q["kl"], equal, q["pq"], mark),
            ),
            equation(
                r"\mathrm{JS}\;=\;",
                *([r"\frac{1}{2}\mathrm{KL}(p\,\Vert\,m) + \frac{1}{2}\mathrm{KL}(q\,\Vert\,m)\;=\;"] if long else []),
                *(q["js"], rf"\;\leq\;{log}\,2\;=\;", bound, mark),
            ),
            equation(
                r"\mathrm{TV}\;=\;\frac{1}{2}\sum |p-q|\;=\;",
                variation,
                r"\;\leq\;\sqrt{\mathrm{KL}/2}\;=\;",
                math.sqrt(kl_in_nats / 2),
            ),
        ]
    )


CODES = Tool(
    "codes",
    "Cross-entropy is the length of a code",
    "Symbols come from p, but their code was made for q. Drag the bars of q towards those of p and watch the orange "
    "waste shrink: that is all that training by likelihood does.",
    codes,
    ("bars", "lengths", "strips", "formulas"),
    (
        Preset(
            "The right code",
            "Lengths 1, 2, 3 and 3: no code is shorter than the entropy, and KL is 0.",
            {"p": FALLING, "q": FALLING},
        ),
        Preset(
            "A model that rules something out",
            "What q holds impossible costs infinitely much: KL has no mercy, JS and TV stay finite.",
            {"p": FALLING, "q": [0.5, 0.5, 0.0, 0.0]},
        ),
        Preset(
            "Nothing in common",
            "Without overlap JS is log 2 and TV is 1, wherever q is: neither says which way to go.",
            {"p": [0.5, 0.5, 0.0, 0.0], "q": [0.0, 0.0, 0.5, 0.5]},
        ),
    ),
)
