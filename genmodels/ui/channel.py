"""A trained classifier as a noisy channel: from the labels to its answers."""

from genmodels.confusion import Confusion, confusion
from genmodels.models.base import Choice
from genmodels.theory import information
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.notation import UNIT, equation, equations, in_unit, mark_of
from genmodels.ui.strips import Strip, strips
from genmodels.ui.tool import WIDTH, Preset, Tool

COUNT = 1000
LABEL, ANSWER, SHARED, WRONG = 0, 1, 2, 3  # colours


def channel(
    *,
    noise: Choice(("0", "0.3", "0.4", "0.5"), "noise on the images") = "0",
    unit: UNIT = "bits",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Who is taken for whom, and what that leaves of the label's information."""
    seen = confusion("mnist", float(noise), COUNT)
    labels, _ = information.marginals(seen.joint)
    nats = {
        "y": information.entropy(labels).item(),
        "y|a": information.conditional_entropy(seen.joint).item(),
        "y;a": information.mutual_information(seen.joint).item(),
        "cross": seen.cross_entropy,
        "floor": seen.floor,
    }
    quantities = {name: in_unit(value, unit) for name, value in nats.items()}
    side = min(460, width - 330) if width >= 640 else min(width, 420)
    beneath = min(760, width - side - 30) if width >= 640 else width
    wide = width >= 900
    strip, filled = sums(seen, quantities, unit, beneath), formulas(quantities, unit, width)
    return {
        "matrix": matrix(seen, side),
        "strips": strip + (filled if wide else ""),
        "formulas": "" if wide else filled,
    }


def matrix(seen: Confusion, side: int) -> str:
    """Labels against answers; the shade is the answer's share among images of the label."""
    size = len(seen.classes)
    canvas = Canvas((-1.1, size), (0, size + 1.1), side, side, bare=True)
    for i, row in enumerate(seen.joint.tolist()):
        bottom = size - i - 1
        canvas.text(-0.45, bottom + 0.4, seen.classes[i], color=LABEL, more=' class="value"')
        canvas.text(i + 0.5, size + 0.2, seen.classes[i], color=ANSWER, more=' class="value"')
        for j, p in enumerate(row):
            cell = (j + 0.03, j + 0.97), (bottom + 0.03, bottom + 0.97)
            images = round(p * seen.count)
            title = f"{images} images of {seen.classes[i]} taken for {seen.classes[j]}"
            canvas.box(*cell, "var(--sheet)")
            if images:
                canvas.box(*cell, SHARED if i == j else WRONG, min(1.0, 0.15 + p / max(sum(row), 1e-9)), title=title)
    right = 100 * seen.joint.trace().item()
    return figure(
        "Label and answer",
        canvas.svg(f"Table of labels against answers; {number(right)} percent on the diagonal"),
        f"{seen.count:,} test images of MNIST; shade: the answer's share among the images of a label. "
        f"{number(round(right, 1))} % are right.",
        entries=[("label Y, downwards", LABEL, ""), ("answer of the classifier, to the right", ANSWER, "")],
    )


def sums(seen: Confusion, q: dict[str, float], unit: str, width: int) -> str:
    """H(Y) split into what the answers say and what they leave open."""
    rows = [
        Strip("H(Y)", 0, q["y"], LABEL),
        Strip("I(Y;answer)", 0, q["y;a"], SHARED),
        Strip("H(Y|answer)", q["y;a"], q["y|a"], LABEL, 0.55),
        Strip("cross-entropy", max(0.0, q["y"] - q["cross"]), q["cross"], WRONG),
    ]
    alt = ", ".join(f"{row.name} = {number(row.length)}" for row in rows)
    most = max(q["y"], q["cross"])
    return figure(
        "What the answers say about the label",
        strips(rows, most, width, alt, label=112),
        f"In {unit}, estimated from {seen.count:,} test images. Floor: shuffled answers still seem to share "
        f"{number(q['floor'])} {unit} with the labels. The cross-entropy is that of the classifier's probabilities.",
        unit=unit,
    )


def formulas(q: dict[str, float], unit: str, width: int) -> str:
    """Every quantity with its formula filled in."""
    mark, equal, minus = mark_of(unit), r"\;=\;", r"\;-\;"
    named = [r"H(Y) - H(Y|\hat Y)\;=\;"] if width > 480 else []
    bound = [r"H(Y) - \mathrm{cross\ entropy}\;=\;"] if width > 480 else []
    return equations(
        [
            equation(r"I(Y;\hat Y)\;=\;", *named, q["y"], minus, q["y|a"], equal, q["y;a"], mark),
            equation(r"I(Y;X)\;\geq\;", *bound, q["y"], minus, q["cross"], equal, q["y"] - q["cross"], mark),
        ]
    )


CHANNEL = Tool(
    "classifier",
    "A classifier is a noisy channel",
    "The label goes in, the classifier's answer comes out: how much of the label survives? Put noise on the images and "
    "see the answers lose it.",
    channel,
    ("matrix", "strips", "formulas"),
    (
        Preset(
            "Clean images",
            "Of the 3.3 bits of a digit nearly all arrive. The loss of training, the cross-entropy, bounds the rest: "
            "H(Y|X) is at most that.",
            {"noise": "0"},
        ),
        Preset(
            "Noise nobody told it about",
            "Cross-entropy beyond H(Y) is worse than guessing; the answers themselves still say something. It is sure "
            "of itself where it should not be.",
            {"noise": "0.5"},
        ),
    ),
)
