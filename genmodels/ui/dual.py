"""Primal beside dual: what moving costs, and what a critic trained on the spot makes of it."""

from functools import lru_cache

import torch
from torch import Tensor

from genmodels import critic
from genmodels.critic import CLIP, CONSTRAINTS, FAMILIES, NONE, PENALTY, SPECTRAL, Reading, Task
from genmodels.models.base import Choice, Real, Whole
from genmodels.theory import divergence, duality, lipschitz
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.formula import equations
from genmodels.ui.tool import WIDTH, Preset, Tool

P, Q, BEST, SCALED = 0, 1, "var(--ink)", 2
DRAWN = 321  # points of a curve
AROUND = 3.5  # drawn beyond both places
LESS = "\N{LESS-THAN OR EQUAL TO}"


def dual(
    *,
    family: Choice(FAMILIES, "distributions") = "gaussians",
    t: Real(-6, 6, "distance") = 3.0,
    constraint: Choice(CONSTRAINTS, "what holds the critic") = PENALTY,
    clip: Real(0.01, 1, "weights clipped to", log=True) = 0.1,
    weight: Real(0.1, 100, "weight of the penalty", log=True) = 10.0,
    steps: Whole(0, 600, "steps of training") = 200,
    layers: Whole(0, 3, "hidden layers; 0 is a straight line") = 2,
    units: Whole(4, 64, "units per layer") = 16,
    rate: Real(1e-4, 0.1, "learning rate", log=True) = 0.01,
    samples: Whole(20, 500, "samples of each") = 200,
    seed: Whole(0, 9999, "seed of samples and weights") = 0,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The critic beside the exact potential, its slope, its way there, and a discriminator on the same two."""
    limit = {CLIP: clip, PENALTY: weight}.get(constraint, 0.0)  # what has no effect does not train anew
    task = Task(family, t, samples, seed, constraint, limit, layers, units, rate)
    f, reading, estimates = _learned(task, steps)
    one = width if width < 760 else (width - 30) // 2
    return {
        "critic": _critic(task, f, reading, one),
        "slope": _slope(task, f, reading, one),
        "numbers": _numbers(task, reading, steps),
        "course": _course(task, reading, estimates, one),
        "discriminator": _discriminator(task, f, one),
    }


@lru_cache(maxsize=64)
def _learned(task: Task, steps: int) -> tuple[torch.nn.Module, Reading, list[float]]:
    f, estimates = critic.learned(task, steps)
    reading = critic.read(task, f)
    return f, reading, [*estimates, reading.estimate]


def _samples(task: Task) -> tuple[Tensor, Tensor]:
    return critic.sampled(task.family, task.t, task.samples, task.seed)


def _axis(task: Task) -> Tensor:
    low, high = min(0.0, task.t) - AROUND, max(0.0, task.t) + AROUND
    return torch.linspace(low, high, DRAWN, dtype=torch.float64)


def _critic(task: Task, f: torch.nn.Module, reading: Reading, width: int) -> str:
    """All curves are moved to mean 0 over the samples: a critic has no zero of its own."""
    (x, y), axis = _samples(task), _axis(task)
    both = torch.cat([x, y])
    learned = f(axis[:, None])[:, 0] - f(both[:, None]).mean()
    best = duality.potential(x, y, axis) - duality.potential(x, y, both).mean()
    scaled = learned / max(reading.steepest, 1e-12)
    top = 1.05 * max(curve.abs().max().item() for curve in (learned, best, scaled))
    canvas = Canvas((axis[0].item(), axis[-1].item()), (-1.25 * top, top), width, 270)
    for sample, color, height in ((x, P, -1.1), (y, Q, -1.19)):
        canvas.dots(sample.tolist(), [height * top] * len(sample), color, 2)
    for curve, color, dashed in ((best, BEST, False), (learned, P, False), (scaled, SCALED, True)):
        canvas.line(axis.tolist(), curve.tolist(), color, dashed=dashed)
    entries = [
        ("best f of slope 1", BEST, f"reads {number(reading.primal)}"),
        ("the critic f", P, f"reads {number(reading.estimate)}"),
        ("f / K", SCALED, f"reads {number(reading.bound)}"),
    ]
    return figure(
        "The critic beside the best one",
        canvas.svg("; ".join(f"{name} {value}" for name, _, value in entries)),
        "f is high where p is and low where q is; it reads its mean over p less that over q. K is its steepest slope "
        f"between the samples. Dots: {task.samples} samples of p and under them as many of q, on which it is trained "
        "and read.",
        unit="critic units",
        entries=entries,
        x_label="x",
    )


def _slope(task: Task, f: torch.nn.Module, reading: Reading, width: int) -> str:
    axis = _axis(task)
    slopes = lipschitz.slopes(f, axis[:, None])
    entries = [("critic", P, f"at most {number(reading.steepest)}")]
    top = slopes.max().item()
    curves = [(axis, slopes, P, False)]
    if task.constraint == PENALTY and reading.primal:
        best = duality.penalised(*_samples(task), task.limit)
        ends = best.edges.repeat_interleave(2)[1:-1]  # of cells, in which the slope is one number
        curves.append((ends, best.slopes.abs().repeat_interleave(2), SCALED, True))
        entries.append(("best under the penalty", SCALED, ""))
        top = max(top, best.slopes.abs().quantile(0.9).item())
    canvas = Canvas((axis[0].item(), axis[-1].item()), (0, 1.1 * max(1.3, top)), width, 230)
    for x, y, color, dashed in curves:
        canvas.line(x.tolist(), y.tolist(), color, dashed=dashed)
    canvas.level(1)
    entries.append(("dashed: as W\N{SUBSCRIPT ONE} asks", "var(--quiet)", "1"))
    return figure(
        "How steep it is",
        canvas.svg(f"Slope of the critic, at most {number(reading.steepest)}, and the line at 1"),
        "The length of f', exact by differentiation. Under 1 the critic reads too little, over 1 too much.",
        unit="critic units per unit of x",
        entries=entries,
        x_label="x",
    )


def _numbers(task: Task, reading: Reading, steps: int) -> str:
    w1, exact = reading.primal, _between_laws(task)
    share = f": {number(reading.estimate / w1)} times W\N{SUBSCRIPT ONE}" if w1 > 1e-9 else ""
    pairs = [
        (
            r"W_1=\max_{|f'|\leq 1}\,\mathrm{E}_p f-\mathrm{E}_q f",
            f"= {number(w1)} between the {task.samples} samples, {number(exact)} between the laws",
        ),
        (r"\mathrm{E}_p f-\mathrm{E}_q f", f"= {number(reading.estimate)} for this critic{share}"),
        (r"K=\max|f'|", f"= {number(reading.steepest)}"),
        (
            r"\frac{1}{K}(\mathrm{E}_p f-\mathrm{E}_q f)",
            f"= {number(reading.bound)} {LESS} {number(w1)}: a bound from below, whatever holds f",
        ),
        (
            r"\max_{\hat x}|f'(\hat x)|\leq K\leq\prod_l\Vert W_l\Vert",
            f": {number(reading.lower)} {LESS} {number(reading.steepest)} {LESS} {number(reading.upper)}",
        ),
    ]
    if task.constraint == PENALTY:
        least, best = 1 + w1 / (2 * task.limit), duality.penalised(*_samples(task), task.limit).estimate.item()
        pairs += [
            (
                r"1+\frac{W_1}{2\lambda}",
                f"= {number(least)}: the penalty's best critic reads at least so many times too much, just so many "
                "for two points",
            ),
            (
                r"W_1+\frac{1}{2\lambda}\int\frac{(F_p-F_q)^2}{r}\,dx",
                f"= {number(best)}: what it reads on these samples, r the density of the places that the penalty sees",
            ),
        ]
    if task.constraint == CLIP:
        most = critic.clipped_at_most(task.limit, task.layers, task.units)
        pairs.append(
            (r"K\leq c^{L+1}\,h^L", f"= {number(most)} for L = {task.layers} layers of h = {task.units} units")
        )
    return (
        f"<figure>{equations(*pairs)}<figcaption>The critic after {steps} steps of Adam on all samples at once. Its "
        f"estimate is read on the samples it learned from, so that it is compared with their own W\N{SUBSCRIPT ONE}."
        "</figcaption></figure>"
    )


def _between_laws(task: Task) -> float:
    return divergence.FAMILIES[task.family](torch.tensor([task.t], dtype=torch.float64)).w1.item()


def _course(task: Task, reading: Reading, estimates: list[float], width: int) -> str:
    low, high = min(0.0, *estimates), max(1.2 * reading.primal, 1.05 * max(estimates), 0.1)
    canvas = Canvas((0, max(1, len(estimates) - 1)), (low, high), width, 230)
    canvas.line(list(range(len(estimates))), estimates, P)
    canvas.level(reading.primal)
    return figure(
        "On its way",
        canvas.svg(f"The estimate after each of {len(estimates) - 1} steps, now {number(reading.estimate)}"),
        f"The estimate before each step, from the same {task.samples} samples of each.",
        unit="critic units",
        entries=[
            ("the critic reads", P, number(reading.estimate)),
            ("dashed: W\N{SUBSCRIPT ONE}", "var(--quiet)", number(reading.primal)),
        ],
        x_label="step",
    )


def _discriminator(task: Task, f: torch.nn.Module, width: int) -> str:
    """The best discriminator p / (p + q), saturated where a critic still has a slope."""
    if task.family == "points":
        return ""

    def best(x: Tensor) -> Tensor:  # (N, 1) to (N, 1)
        p, q = divergence.densities(task.family, x, task.t)
        return p / (p + q) + 0 * x  # a constant has a slope too

    (_, y), axis = _samples(task), _axis(task)
    p, q = divergence.densities(task.family, axis, task.t)
    canvas = Canvas((axis[0].item(), axis[-1].item()), (0, 1.05), width, 230)
    highest = max(p.max().item(), q.max().item())
    for values, color in ((p, P), (q, Q)):
        canvas.area(axis.tolist(), (values / highest).tolist(), color)
    canvas.line(axis.tolist(), best(axis[:, None])[:, 0].tolist(), BEST)
    heard = lipschitz.slopes(best, y[:, None]).median().item()
    hears = lipschitz.slopes(f, y[:, None]).median().item()
    return figure(
        "A discriminator on the same two",
        canvas.svg(
            f"The best discriminator; its slope at the samples of q is {number(heard)}, the critic's {number(hears)}"
        ),
        f"The best discriminator says how surely x is of p: exact, with the densities behind it, as high as the frame. "
        f"At the samples of q its slope is {number(heard)}, the critic's {number(hears)} (medians): surety gives no "
        "direction, a distance does.",
        unit="probability",
        entries=[("p / (p + q)", BEST, "")],
        x_label="x",
    )


DUAL = Tool(
    name="dual",
    title="Primal beside dual",
    lead="The distance that the mover pays is also the best that a critic of slope 1 can read. Here one is trained on "
    "the spot: choose what holds it, and see how near its slope comes to 1 and its reading to the price.",
    answer=dual,
    slots=("critic", "slope", "numbers", "course", "discriminator"),
    presets=(
        Preset(
            "Clipped: too flat",
            "Clipping leaves whatever slope the clip allows, here too little: the estimate is W\N{SUBSCRIPT ONE} times "
            "an unknown K. A wider clip or more units make it too steep.",
            {"constraint": CLIP},
        ),
        Preset(
            "Penalty: slope near 1, and above",
            "Two points and a light penalty: the slope is 1 + r / 2\N{GREEK SMALL LETTER LAMDA}, no training mends it.",
            {"family": "points", "t": 2, "weight": 2},
        ),
        Preset("Spectral norm", "No slope above 1, ever; wide layers come close to it.", {"constraint": SPECTRAL}),
        Preset("Nothing holds it", "The estimate runs away with the steps and says nothing.", {"constraint": NONE}),
        Preset(
            "A critic does not classify",
            "It measures closeness: far apart the discriminator is sure and flat, the critic still slopes by 1.",
            {"t": 6, "constraint": SPECTRAL},
        ),
    ),
    folded=("layers", "units", "rate", "samples", "seed"),
)
