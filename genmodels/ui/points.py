"""Points in the plane, to be dragged: the cheapest plan between two sets, exact beside entropic."""

import torch
from torch import Tensor

from genmodels.models.base import Choice, Real, Whole
from genmodels.theory.sinkhorn import Entropic, entropic
from genmodels.theory.transport import duality_gap, exact_plan, potentials, sinkhorn_divergence
from genmodels.ui.drawing import Canvas, figure, number, tiny
from genmodels.ui.earth import COSTS, QUICK
from genmodels.ui.formula import equations
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

MOST = 12  # points of each
P, Q = 0, 1
SIDE = 460  # of a figure at most, in pixels
THICK = 16.0  # pixels of a line that carries all the mass of the heaviest point
LEFT = [-0.7, 0.5, -0.5, -0.1, -0.8, -0.5, -0.3, 0.7, -0.4, -0.7, -0.6, 0.15]
LEFT += [-0.85, 0.8, -0.2, -0.4, -0.9, 0, -0.35, 0.35, -0.65, -0.8, -0.1, 0]
RIGHT = [0.4, 0.75, 0.8, 0.4, 0.75, -0.3, 0.3, -0.65, 0.45, 0.1, 0.6, -0.8]
RIGHT += [0.85, 0.8, 0.25, 0.4, 0.9, 0.05, 0.5, -0.25, 0.85, -0.65, 0.15, -0.2]
SQUARE = [-0.5, 0.5, 0.5, -0.5]  # two opposite corners
OTHERS = [0.5, 0.5, -0.5, -0.5]


def points(
    *,
    count_p: Whole(1, MOST, "points of p") = 6,
    count_q: Whole(1, MOST, "points of q") = 6,
    cost: Choice(tuple(COSTS), "cost of a unit of mass") = "distance",
    eps: Real(0.002, 10, "entropy in Sinkhorn's plan", log=True) = 0.1,
    p: Numbers(-1, 1, 2 * MOST, 2 * MOST, "The points of p") = LEFT,
    q: Numbers(-1, 1, 2 * MOST, 2 * MOST, "The points of q") = RIGHT,
    width: WIDTH = 600,
) -> dict[str, str]:
    """Both plans as lines between the points, and what they cost. Every point of a set has the same mass."""
    x, y = (torch.tensor(list_, dtype=torch.float64).view(-1, 2)[:n] for list_, n in ((p, count_p), (q, count_q)))
    a, b = (torch.full((len(places),), 1 / len(places), dtype=torch.float64) for places in (x, y))
    power = COSTS[cost]
    C = (x[:, None] - y).norm(dim=-1) ** power
    exact, blurred = exact_plan(a, b, C), entropic(a, b, C, eps, **QUICK)
    side = min(SIDE, width if width < 600 else (width - 30) // 2)
    least = (exact * C).sum().item()
    return {
        "exact": _exact(x, y, exact, C, side),
        "entropic": _entropic(x, y, blurred.plan, C, eps, side),
        "numbers": _numbers(x, y, C, exact, blurred, least, eps, power),
    }


def _lines(canvas: Canvas, x: Tensor, y: Tensor, plan: Tensor, C: Tensor) -> int:
    """A line for each pair that carries mass, as thick as it carries; their number."""
    heaviest = max(1 / len(x), 1 / len(y))
    i, j = (plan > 1e-4 * heaviest).nonzero(as_tuple=True)
    shares = plan[i, j].tolist()
    titles = [
        f"{number(share)} of all mass, {number(unit)} a unit"
        for share, unit in zip(shares, C[i, j].tolist(), strict=True)
    ]
    widths = [max(0.4, THICK * share / heaviest) for share in shares]
    canvas.strokes(x[i].tolist(), y[j].tolist(), widths, "var(--quiet)", titles)
    return len(shares)


def _exact(x: Tensor, y: Tensor, plan: Tensor, C: Tensor, side: int) -> str:
    canvas = Canvas((-1, 1), (-1, 1), side, side, bare=True)
    lines = _lines(canvas, x, y, plan, C)
    for name, places, color in (("p", x, P), ("q", y, Q)):
        for i, (across, up) in enumerate(places.tolist()):
            canvas.knob(across, up, name, f"point {i + 1} of {name}", color, _size(len(places)))
    return figure(
        "The cheapest plan",
        canvas.svg(f"{len(x)} points of p, {len(y)} of q, and {lines} lines between them"),
        f"Drag a point, or choose it with the Tab key and use the arrows. {len(x)} points of p and {len(y)} of q; each "
        "line is as thick as the mass that it carries. Exact.",
        unit="a plane, 2 units wide",
        entries=[("p", P, f"each 1/{len(x)}"), ("q", Q, f"each 1/{len(y)}")],
    )


def _entropic(x: Tensor, y: Tensor, plan: Tensor, C: Tensor, eps: float, side: int) -> str:
    canvas = Canvas((-1, 1), (-1, 1), side, side, bare=True)
    lines = _lines(canvas, x, y, plan, C)
    for places, color in ((x, P), (y, Q)):
        canvas.dots(places[:, 0].tolist(), places[:, 1].tolist(), color, _size(len(places)))
    entropy = number(torch.special.entr(plan).sum().item())
    return figure(
        "Sinkhorn's plan",
        canvas.svg(f"The entropic plan: {lines} lines between the same points"),
        "The same points; this plan trades cost for entropy: the more of it, the more everything goes everywhere.",
        unit=f"\N{GREEK SMALL LETTER EPSILON} = {number(eps)}",
        entries=[("lines", "var(--quiet)", str(lines)), ("entropy of the plan", "var(--quiet)", f"{entropy} nats")],
    )


def _size(count: int) -> float:
    """Radius in pixels: lighter points are smaller, and large enough to be hit."""
    return 6 + 7 / count**0.5


def _numbers(
    x: Tensor, y: Tensor, C: Tensor, exact: Tensor, blurred: Entropic, least: float, eps: float, power: int
) -> str:
    a, b = exact.sum(1), exact.sum(0)
    gap = duality_gap(exact, C, *potentials(a, b, C)).item()
    sum_ = r"\min_P\,\sum_{i,j}P_{ij}\,\Vert x_i-y_j\Vert"
    dearer = (blurred.plan * C).sum().item()
    pairs = [
        (rf"W_1={sum_}" if power == 1 else rf"W_2^2={sum_}^2", f"= {number(least)}"),
        (r"\langle P_\varepsilon,C\rangle", f"= {number(dearer)}, {number(max(0.0, dearer - least))} too dear"),
        (
            r"S_\varepsilon=\mathrm{OT}_\varepsilon(p,q)-\frac{1}{2}\mathrm{OT}_\varepsilon(p,p)"
            r"-\frac{1}{2}\mathrm{OT}_\varepsilon(q,q)",
            f"= {number(sinkhorn_divergence(x, y, eps, power, QUICK['tolerance']).item())}",
        ),
        (r"\langle P,C\rangle-\langle u,p\rangle-\langle v,q\rangle", f"= {tiny(abs(gap))}: the duality gap"),
    ]
    says = (
        "The exact plan by the network simplex; the dual's potentials prove it. The marginals of Sinkhorn's plan are "
        f"right to {tiny(blurred.error)}."
    )
    return f"<figure>{equations(*pairs)}<figcaption>{says}</figcaption></figure>"


def _set(corners: list[float], rest: list[float]) -> list[float]:
    """These points first, then others that come into play with a higher count."""
    return corners + rest[len(corners) :]


POINTS = Tool(
    name="points",
    title="Earth moved between points",
    lead="Two sets of points in the plane, every point of a set with the same mass. Drag them and watch the cheapest "
    "plan jump from pairing to pairing; beside it Sinkhorn's, which never jumps.",
    answer=points,
    slots=("exact", "entropic", "numbers"),
    presets=(
        Preset("Mass that splits", "Three points to five: a plan splits, a map cannot.", {"count_p": 3, "count_q": 5}),
        Preset(
            "A tie",
            "The corners of a square: two pairings cost the same, Sinkhorn takes half of each. Drag a corner a little.",
            {"count_p": 2, "count_q": 2, "p": _set(SQUARE, LEFT), "q": _set(OTHERS, RIGHT), "eps": 0.05},
        ),
        Preset(
            "Almost exact",
            "Little entropy: Sinkhorn's plan is the cheapest one, but for what rounding shows.",
            {"count_p": 9, "count_q": 9, "cost": "squared distance", "eps": 0.005},
        ),
        Preset("Everything everywhere", "Much entropy: no plan is left, only both sets.", {"eps": 10}),
    ),
)
