"""Earth moved: two heaps, the cheapest way to carry one to the other, and what entropy makes of it."""

import math

import torch
from torch import Tensor

from genmodels.errors import UserError
from genmodels.models.base import Choice, Real
from genmodels.theory import information
from genmodels.theory.sinkhorn import entropic
from genmodels.theory.transport import duality_gap, exact_plan, potentials
from genmodels.ui.drawing import Canvas, figure, number, tiny
from genmodels.ui.formula import equations
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

PLACES = 12
P, Q = 0, 1
HEAP = [0.1, 0.5, 1, 0.7, 0.3, 0.1, 0, 0, 0, 0, 0, 0]
HOLES = [0, 0, 0.1, 0.2, 0.1, 0, 0.2, 0.5, 0.8, 0.5, 0.2, 0.1]
QUICK = {"tolerance": 1e-4, "most": 300}  # for a slider: what is left of the error is shown
COSTS = {"distance": 1, "squared distance": 2}


def earth(
    *,
    cost: Choice(tuple(COSTS), "cost of a unit of earth") = "distance",
    blur: Real(0, 1, "blur: from Wasserstein to MMD") = 0.0,
    p: Numbers(0, 1, PLACES, PLACES, "The heap p") = HEAP,
    q: Numbers(0, 1, PLACES, PLACES, "The holes q") = HOLES,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The heaps, the plan and what it costs, exact beside entropic."""
    a, b = _shares(p, "heap p"), _shares(q, "holes q")
    place = torch.arange(PLACES, dtype=torch.float64)
    C = (place[:, None] - place).abs() ** COSTS[cost]
    eps = _eps(blur, C)
    exact = exact_plan(a, b, C)
    plan = exact if eps == 0 else entropic(a, b, C, eps, **QUICK).plan
    one = width if width < 760 else (width - 30) // 2
    return {
        "heaps": _heaps(p, q, one),
        "flow": _flow(a, b, plan, _says(eps, COSTS[cost]), one),
        "plan": _heat(plan, C, eps, min(one, 440)),
        "numbers": _numbers(a, b, C, plan, exact, eps, COSTS[cost]),
    }


def _shares(heights: list[float], name: str) -> Tensor:
    weights = torch.tensor(heights, dtype=torch.float64)
    if weights.sum() < 1e-6:
        raise UserError(
            f"The {name} are empty: drag one up." if name.endswith("q") else f"The {name} is empty: drag one up."
        )
    return weights / weights.sum()


def _eps(blur: float, C: Tensor) -> float:
    """From 0 to infinity as the slider goes from 0 to 1; the middle is about the mean cost."""
    return 0.0 if blur == 0 else math.inf if blur == 1 else C.mean().item() * (blur / (1 - blur)) ** 2


def _heaps(p: list[float], q: list[float], width: int) -> str:
    """Two rows of bars to drag: earth above, holes below."""
    canvas = Canvas((-0.6, PLACES - 0.4), (-1.25, 1.25), width, 260, bare=True)
    for name, heights, color, sign in (("p", p, P, 1), ("q", q, Q, -1)):
        total = max(sum(heights), 1e-9)
        for i, height in enumerate(heights):
            canvas.box((i - 0.42, i + 0.42), (0, sign * height), color)
            label = f"{'heap p' if sign > 0 else 'holes q'} at {i}: {number(height / total)} of all"
            canvas.handle((i - 0.5, i + 0.5), (0, sign * 1.2), name, height, label, span=104)
    canvas.level(0)
    return figure(
        "A heap and the holes to fill",
        canvas.svg("Twelve columns of earth above, twelve holes below; each can be dragged"),
        "Drag a column, or choose it with the Tab key and use the arrows. Both are scaled to the same amount.",
        unit="earth above, holes below, at places 0 to 11",
        entries=[("heap p", P, ""), ("holes q", Q, "")],
    )


def _flow(a: Tensor, b: Tensor, plan: Tensor, says: str, width: int) -> str:
    """Bands from each place above to each place below, as wide as what is carried."""
    canvas = Canvas((-0.6, PLACES - 0.4), (0, 1), width, 260, bare=True)
    scale = 0.84 / max(a.max().item(), b.max().item())  # the highest column is as wide as its place
    left, right = (torch.arange(PLACES) - scale * weights / 2 for weights in (a, b))
    share = plan * scale
    for i in range(PLACES):
        for j in range(PLACES):
            amount = share[i, j].item()
            if amount < 2e-3:
                continue
            x0, x1 = left[i].item(), right[j].item()
            left[i] += amount
            right[j] += amount
            canvas.band((x0, x0 + amount), (x1, x1 + amount), 0.93, 0.07, P if i != j else "var(--quiet)")
    for weights, y, color in ((a, 0.96, P), (b, 0.04, Q)):
        for i, weight in enumerate(weights.tolist()):
            canvas.box((i - scale * weight / 2, i + scale * weight / 2), (y - 0.03, y + 0.03), color)
    return figure(
        "Who goes where",
        canvas.svg("Bands of earth from the heap above to the holes below"),
        f"Each band is as wide as the earth it carries; grey stays where it is. {says}",
        unit="from p above to q below",
    )


def _says(eps: float, power: int) -> str:
    """What the bands show."""
    if eps:
        return "Entropy spreads every column over many holes."
    if power == 1:
        return "A cheapest plan of several: by distance, bands that go the same way cross at no cost."
    return "The cheapest plan: bands do not cross."


def _heat(plan: Tensor, C: Tensor, eps: float, width: int) -> str:
    canvas = Canvas((-0.5, PLACES - 0.5), (-0.5, PLACES - 0.5), width, width)
    top = plan.max().item()
    for i in range(PLACES):
        for j in range(PLACES):
            share = plan[i, j].item()
            if share > 1e-6:
                title = f"{number(share)} of all from {i} to {j}, cost {number(C[i, j].item())} a unit"
                canvas.box((j - 0.5, j + 0.5), (i - 0.5, i + 0.5), P, share / top, title=title)
    kind = "exact" if eps == 0 else "entropic"
    return figure(
        "The plan",
        canvas.svg("Heat map of the plan, p upwards and q to the right"),
        f"P(i, j): how much goes from place i of p (upwards) to place j of q (to the right); {kind}. Rows sum to p, "
        "columns to q. Point at a cell to read it.",
        unit=f"share of all earth, darkest {number(top)}",
        x_label="place in q",
    )


def _numbers(a: Tensor, b: Tensor, C: Tensor, plan: Tensor, exact: Tensor, eps: float, p: int) -> str:
    cost, least = (plan * C).sum().item(), (exact * C).sum().item()
    gap = duality_gap(exact, C, *potentials(a, b, C)).item()
    error = max((plan.sum(1) - a).abs().max().item(), (plan.sum(0) - b).abs().max().item())
    transport = r"\min_P\,\sum_{i,j}P_{ij}\,|i-j|"
    pairs = [
        (rf"W_1={transport}" if p == 1 else rf"W_2^2={transport}^2", f"= {number(least)}"),
        (r"\mathrm{JS}(p,q)", f"= {number(information.js(a, b).item())} nats, at most log 2 = {math.log(2):.4f}"),
        (r"\langle P,C\rangle-\langle u,p\rangle-\langle v,q\rangle", f"= {tiny(abs(gap))}: the duality gap"),
    ]
    if eps:
        blurred = [
            (r"\langle P_\varepsilon,C\rangle", f"= {number(cost)} for \N{GREEK SMALL LETTER EPSILON} = {number(eps)}"),
            (
                r"S_\varepsilon=\mathrm{OT}_\varepsilon(p,q)-\frac{1}{2}\mathrm{OT}_\varepsilon(p,p)"
                r"-\frac{1}{2}\mathrm{OT}_\varepsilon(q,q)",
                f"= {number(_divergence(a, b, C, eps))}",
            ),
        ]
        pairs[1:1] = blurred
    says = (
        "Exact by the network simplex; the dual's potentials prove it. "
        f"The marginals of the plan drawn are right to {tiny(error)}."
    )
    return f"<figure>{equations(*pairs)}<figcaption>{says}</figcaption></figure>"


def _divergence(a: Tensor, b: Tensor, C: Tensor, eps: float) -> float:
    between, own_a, own_b = (entropic(u, v, C, eps, **QUICK).value for u, v in ((a, b), (a, a), (b, b)))
    return (between - own_a / 2 - own_b / 2).item()


EARTH = Tool(
    name="earth",
    title="Earth moved",
    lead="Why earth mover? p is a heap, q the holes to fill, and every unit costs what it travels. Drag columns and "
    "watch who goes where; then blur, and see the cheapest plan dissolve.",
    answer=earth,
    slots=("heaps", "flow", "plan", "numbers"),
    presets=(
        Preset(
            "One heap, two holes",
            "A column may split: a plan can, a map cannot.",
            {"p": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "q": [0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]},
        ),
        Preset(
            "All one step to the right",
            "By distance many plans cost the same; squared, only one is the cheapest.",
            {
                "p": [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
                "q": [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0],
                "cost": "squared distance",
            },
        ),
        Preset("Half blurred", "Sinkhorn's plan is smooth and quick to find, and a little too dear.", {"blur": 0.15}),
        Preset("Blurred to the end", "No plan is left: everything goes everywhere, which is MMD.", {"blur": 1}),
    ),
)
