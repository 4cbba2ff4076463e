"""The chain rule as a tree: p(x, y, z) = p(x) p(y|x) p(z|x, y), bit after bit."""

import torch
from torch import Tensor

from genmodels.theory import information, tables
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.notation import UNIT, equation, equations, in_unit, mark_of, short
from genmodels.ui.strips import Strip, strips
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool

COLORS = (0, 1, 3)  # of x, y and z
SHARED = 2
MEMORY = [0.5, 0.2, 0.8, 0.2, 0.8, 0.2, 0.8]
LEAF = 34  # pixels
CONDITIONS = ("", "x = 0", "x = 1", "x = 0, y = 0", "x = 0, y = 1", "x = 1, y = 0", "x = 1, y = 1")


def chain(
    *,
    unit: UNIT = "bits",
    branches: Numbers(0, 1, 7, 7, "The tree") = MEMORY,
    width: WIDTH = 600,
) -> dict[str, str]:
    """The tree, its entropies in a row, and what each bit knows of the others."""
    joint = tables.tree(torch.tensor(branches, dtype=torch.float64))
    pairs = joint.flatten(0, 1)  # (x, y) by z
    nats = {
        "xyz": information.joint_entropy(pairs),
        "x": information.entropy(joint.sum((1, 2))),
        "y": information.conditional_entropy(joint.sum(2).mT),
        "z": information.conditional_entropy(pairs.mT),
        "x;y": information.mutual_information(joint.sum(2)),
        "x;z": information.mutual_information(joint.sum(1)),
        "y;z": information.mutual_information(joint.sum(0)),
        "xy;z": information.mutual_information(pairs),
    }
    quantities = {name: in_unit(value.item(), unit) for name, value in nats.items()}
    beside = width >= 900
    one = min(680, width - 360) if beside else width
    beneath = min(560, width - one - 30) if beside else min(width, 560)
    return {
        "tree": tree(joint, branches, one),
        "strips": sums(quantities, unit, beneath),
        "formulas": formulas(joint, quantities, unit, width),
    }


def tree(joint: Tensor, branches: list[float], width: int) -> str:
    """Branches as thick as their paths are likely, a 1 always above; at the leaves the products."""
    *_, product = information.chain_rule(joint)
    leaves = 150 if width > 480 else 62  # pixels for the products
    step = (width - leaves - 20) / 3
    height = 8 * LEAF + 22
    canvas = Canvas((0, width), (0, height), width, height, bare=True)
    for level, name in enumerate(("p(x)", "p(y|x)", "p(z|x,y)")):
        canvas.text(12 + step * (level + 0.5), height - 12, name, color=COLORS[level], more=' class="value"')
    canvas.text(20 + 3 * step, height - 12, "p(x,y,z)", "start", "var(--ink)", ' class="value"')

    def place(level: int, node: int) -> tuple[float, float]:
        """Where the node stands that has as many 0s and 1s behind it as its level says, read as a binary number."""
        wide = 8 >> level
        return 12 + step * level, (node + 0.5) * wide * LEAF

    index = 0
    masses = [joint.sum((1, 2)), joint.sum(2).flatten(), joint.flatten()]
    for level in range(3):
        for node in range(1 << level):
            start = place(level, node)
            for bit in (0, 1):
                end = place(level + 1, 2 * node + bit)
                share = branches[index] if bit else 1 - branches[index]
                branch(canvas, start, end, masses[level][2 * node + bit].item(), COLORS[level])
                # Beyond the middle, where the two branches have parted.
                x, y = start[0] + 0.62 * step, start[1] + 0.84 * (end[1] - start[1])
                half = 4 + 3.5 * len(short(share))
                canvas.box((x - half, x + half), (y - 8, y + 8), "var(--paper)")
                canvas.text(x, y - 4, short(share), color="var(--ink)")
                if bit:
                    condition = f" | {CONDITIONS[index]}" if CONDITIONS[index] else ""
                    label = f"p({'xyz'[level]} = 1{condition})"
                    canvas.handle((x - 22, x + 22), (y - 12, y + 12), "branches", share, label)
                canvas.text(end[0] - 9, end[1] - 4, str(bit), color=COLORS[level], more=' class="value"')
            index += 1
    for leaf, p in enumerate(product.flatten().tolist()):
        x, y = place(3, leaf)
        words = number(round(p, 4)) if width <= 480 else f"{path(leaf, branches)} = {number(round(p, 4))}"
        canvas.text(x + 8, y - 4, words, "start", "var(--ink)")
    return figure(
        "One bit after another",
        canvas.svg(
            f"Tree of eight leaves with probabilities {', '.join(number(p) for p in product.flatten().tolist())}"
        ),
        "Branches are as thick as the way to them is likely, a 1 above a 0; each leaf has the product of its way. "
        "Drag the number of an upper branch up or down, or choose it and press + or \N{MINUS SIGN} or a number.",
    )


def branch(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], mass: float, color: int) -> None:
    (x0, y0), (x1, y1) = canvas.place(*start), canvas.place(end[0] - 18, end[1])
    bend = x0 + 0.45 * (x1 - x0)
    d = f"M{x0} {y0}C{bend:.1f} {y0} {bend:.1f} {y1} {x1} {y1}"
    style = f"stroke:var(--series-{color + 1});stroke-width:{max(1.0, 26 * mass):.1f};opacity:0.5"
    canvas.raw(f'<path d="{d}" style="{style}"/>')


def path(leaf: int, branches: list[float]) -> str:
    """The three factors of a leaf, in words."""
    x, y, z = leaf >> 2, leaf >> 1 & 1, leaf & 1
    ones = branches[0], branches[1 + x], branches[3 + 2 * x + y]
    return " \N{MULTIPLICATION SIGN} ".join(
        short(one if bit else 1 - one) for one, bit in zip(ones, (x, y, z), strict=True)
    )


def sums(q: dict[str, float], unit: str, width: int) -> str:
    """H(X,Y,Z) as the sum of its three steps, and what the bits know of one another."""
    rows = [
        Strip("H(X,Y,Z)", 0, q["xyz"], "var(--ink)", 0.45),
        Strip("H(X)", 0, q["x"], COLORS[0]),
        Strip("H(Y|X)", q["x"], q["y"], COLORS[1]),
        Strip("H(Z|X,Y)", q["x"] + q["y"], q["z"], COLORS[2]),
        Strip("I(X;Y)", 0, q["x;y"], SHARED),
        Strip("I(X;Z)", 0, q["x;z"], SHARED),
        Strip("I(Y;Z)", 0, q["y;z"], SHARED),
        Strip("I(X,Y;Z)", 0, q["xy;z"], SHARED),
    ]
    alt = ", ".join(f"{row.name} = {number(row.length)}" for row in rows)
    return figure(
        "Entropies add up",
        strips(rows, in_unit(information.entropy(torch.full((8,), 0.125)).item(), unit), width, alt),
        f"In {unit}; exact, from the tree.",
        unit=unit,
    )


def formulas(joint: Tensor, q: dict[str, float], unit: str, width: int) -> str:
    """The chain rule for the path 1, 1, 1 and for entropies."""
    x, y, z, product = (factor.flatten()[-1].item() for factor in information.chain_rule(joint))
    times, plus, equal = r"\;\cdot\;", r"\;+\;", r"\;=\;"
    long = width > 480
    named = [r"p(x)\,p(y|x)\,p(z|x,y)\;=\;"] if long else []
    sum_ = [r"H(X) + H(Y|X) + H(Z|X,Y)\;=\;"] if long else []
    return equations(
        [
            equation(r"p(1,1,1)\;=\;", *named, x, times, y, times, z, equal, product),
            equation(r"H(X,Y,Z)\;=\;", *sum_, q["x"], plus, q["y"], plus, q["z"], equal, q["xyz"], mark_of(unit)),
        ]
    )


CHAIN = Tool(
    "chain",
    "The chain rule is a tree",
    "Any distribution can be drawn bit after bit, each knowing those before it. Drag a number and follow it to the "
    "leaves. MADE, on the Train tab, is this tree with a level for each of 784 pixels, and a network for its branches.",
    chain,
    ("tree", "strips", "formulas"),
    (
        Preset(
            "Memory of one step",
            "p(z|x,y) = p(z|y): the same branches under every y. Knowledge of x fades with each step.",
            {"branches": MEMORY},
        ),
        Preset(
            "Three coins",
            "Nothing depends on anything: every entropy is a bit and they add up to three.",
            {"branches": [0.5] * 7},
        ),
        Preset(
            "XOR",
            "z is whether x and y differ. No pair knows of each other, and yet H(Z|X,Y) = 0.",
            {"branches": [0.5, 0.5, 0.5, 0.0, 1.0, 1.0, 0.0]},
        ),
    ),
)
