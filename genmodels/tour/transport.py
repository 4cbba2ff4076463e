"""Optimal transport: Wasserstein's distance, Monge's maps, Kantorovich's plans."""

import torch

from genmodels.theory import divergence, tables
from genmodels.theory.transport import exact_plan, monge_gaussian
from genmodels.tour.stop import Found, Stop, said

PART = "Wasserstein and optimal transport"
COSTS = {"distance": 1, "squared distance": 2}


def travelled(*, family: str, t: float) -> Found:
    values, slopes = divergence.slopes(divergence.FAMILIES[family], torch.tensor([t]))
    w1, slope, js = values.w1.item(), slopes.w1.item(), values.js.item()
    return Found(w1, f"At t = {t:g} W\N{SUBSCRIPT ONE} is {said(w1)}, with slope {said(slope)}; JS is {said(js)} nats.")


def carried(*, case: str, way: float, stretch: float, start: float, end: float, x: float) -> Found:
    m0, m1 = torch.tensor([start]), torch.tensor([end])
    A, b = monge_gaussian(m0, torch.eye(1), m1, torch.tensor([[stretch**2]]))  # noqa: N806  as in the books
    image = (A[0, 0] * x + b[0]).item()
    return Found(image, f"T({said(x)}) is {said(image)}.")


def work(*, cost: str, p: list[float], q: list[float]) -> Found:
    a, b = (tables.normalised(torch.tensor(heap, dtype=torch.float64)) for heap in (p, q))
    place = torch.arange(len(p), dtype=torch.float64)
    costs = (place[:, None] - place).abs() ** COSTS[cost]
    plan = exact_plan(a, b, costs)
    least, targets = (plan * costs).sum().item(), int((plan > 1e-9).sum(1).max())
    return Found(least, f"The cheapest plan costs {said(least)}; a column of p goes to as many as {targets} places.")


STOPS = (
    Stop(
        name="wasserstein",
        part=PART,
        title="A distance that goes on speaking",
        text="Wasserstein's distance asks what it costs to carry the mass of p to where q wants it: each unit pays for "
        "the way it goes, and of all plans the cheapest counts. So it grows with the distance, whether or not p and q "
        "overlap, and everywhere its slope says which way is nearer. The example is that of the WGAN paper: two "
        "parallel lines that never meet.",
        formula=r"W_1(p,q) = \min_{\pi}\; \mathrm{E}_{(x,y)\sim\pi}\,\Vert x-y\Vert, \quad "
        r"\pi\ \mathrm{with\ marginals}\ p\ \mathrm{and}\ q",
        claim="Wasserstein's distance reflects how far apart two distributions are even where they do not overlap.",
        minutes=5,
        tab="distances",
        tool="slide",
        values={"family": "segments", "t": 0.8},
        act="Two parallel lines stand 0.8 apart: JS says log 2 as before. Move the distance to 2.5.",
        question="At t = 2.5, what is W\N{SUBSCRIPT ONE}?",
        measure=travelled,
        why="All mass moves straight across, so W\N{SUBSCRIPT ONE} is the distance itself, and its slope is 1 wherever "
        "the lines stand.",
        tolerance=0.02,
        given={"t": 2.5},
    ),
    Stop(
        name="monge",
        part=PART,
        title="Monge: a map that keeps the measure",
        text="Monge (1781) asked for a map T: every grain at x goes to T(x), q must come out, and the mean cost shall "
        "be least. That q comes out is an equation for densities: what is squeezed grows denser. On the line the best "
        "map sends each quantile of p to the same quantile of q, so it rises and no two paths cross.",
        formula=r"|\det J_T(x)|\;q(T(x)) = p(x), \qquad \min_T \int \frac{1}{2}|x-T(x)|^2\,p(x)\,dx",
        claim="Among all maps that preserve the measure one looks for that of least transport cost.",
        minutes=90,
        tab="distances",
        tool="monge",
        values={"case": "on the line", "way": 1.0, "stretch": 2.0},
        act="p is a bell around \N{MINUS SIGN}1.5, q one twice as wide around 1.5. Point at the curve of the map to "
        "read it.",
        question="Where does the best map send x = \N{MINUS SIGN}0.5?",
        measure=carried,
        why="It lies one deviation above the middle of p, so it goes to one deviation above the middle of q.",
        tolerance=0.15,
        given={"start": -1.5, "end": 1.5, "x": -0.5},
    ),
    Stop(
        name="earth",
        part=PART,
        title="Kantorovich, and the earth mover",
        text="A map cannot split a grain: one heap does not become two. Kantorovich (1942) let mass split. A plan says "
        "how much goes from each place to each other; its rows add up to p, its columns to q, and its cost is linear, "
        "so that the best plan is the solution of a linear programme. Earth and holes: hence the earth mover's "
        "distance.",
        formula=r"\min_P \sum_{i,j} P_{ij}\, C_{ij}, \quad \sum_j P_{ij} = p_i, \quad \sum_i P_{ij} = q_j",
        claim="Wasserstein's distance is the least work that turns one heap of earth into another.",
        minutes=20,
        tab="distances",
        tool="earth",
        values={
            "cost": "distance",
            "p": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            "q": [0, 0.3, 0, 0, 0, 0, 0, 0.9, 0, 0, 0, 0],
        },
        act="One heap at place 5; a quarter of the holes is at place 1, the rest at place 7. Watch the bands.",
        question="How much work is the cheapest plan: what is W\N{SUBSCRIPT ONE}?",
        measure=work,
        why="A quarter travels four places and three quarters travel two; a map would have to leave the heap whole.",
        tolerance=0.02,
    ),
)
