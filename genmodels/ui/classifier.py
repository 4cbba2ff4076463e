"""The Classifier tab: a generative model that classifies by Bayes' rule, beside a network that learned nothing else."""

import math

import torch

from genmodels import classify
from genmodels.classify import Answer, Reference
from genmodels.models.base import Choice
from genmodels.pictures import to_uint8
from genmodels.ui import tool
from genmodels.ui.digits import DRAWING, FIRST, LOOK, MODELS, NUMBER, TEST, Digit, digit, generative, paired
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.few_labels import FEW
from genmodels.ui.gallery import SEED, Band, gallery
from genmodels.ui.notation import equation, equations
from genmodels.ui.outliers import outliers
from genmodels.ui.strips import Strip, strips
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

BAYES, JUDGE = 0, 1  # colours


def bayes(
    *,
    look: LOOK = TEST,
    number: NUMBER = 0,
    drawing: DRAWING = "",
    samples: Choice(tuple(map(str, classify.SAMPLES)), "importance samples K") = "10",
    model: MODELS = FIRST,
    seed: SEED = 0,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The digit as each label explains it, what Bayes' rule makes of that, and the network's answer."""
    seen, asked = digit(look, number, drawing), generative(model, run)
    count = int(samples)
    found = classify.ask(asked.model, seen.image, count, seed)
    known = classify.reference(asked.model, count)
    return {
        "answers": _answers(seen, found, width),
        "explained": _explained(found, asked.origin, count, width),
        "formulas": _formulas(found),
        "worse": _worse(found, count, width),
        "outliers": outliers(found.log_evidence, known, count, width),
        "accuracy": _accuracy(known, width),
    }


def _answers(seen: Digit, found: Answer, width: int) -> str:
    """p(y|x) of both as bars, the verdict in the title."""
    canvas = paired(found.bayes, found.judge, (BAYES, JUDGE), min(width, 560), 210)
    by, sure = _best(found.bayes)
    other, surer = _best(found.judge)
    agree = f"Both say {by}" if by == other else f"Bayes says {by}, the network {other}"
    return figure(
        agree,
        canvas.svg(f"p(y|x) of ten labels; Bayes {by} with {sure}, the network {other} with {surer}"),
        f"p(y|x) of {seen.words}. Bayes' rule and the generative model see a black and white draw of its greys, the "
        "network the greys themselves.",
        entries=[
            ("Bayes, from p(x|y)", BAYES, f"{by}: {sure}"),
            ("convolutional network, p(y|x) at once", JUDGE, f"{other}: {surer}"),
        ],
        x_label="label y",
    )


def _best(p: torch.Tensor) -> tuple[int, str]:
    best = int(p.argmax())
    return best, "over 0.999" if p[best] > 0.999 else f"{p[best]:.3f}"


def _explained(found: Answer, origin: str, count: int, width: int) -> str:
    """The draw and what each label makes of it."""
    words = [number(round(value, 1)) for value in found.log_likelihood.tolist()]
    bands = [
        Band("what Bayes sees", found.observed),
        Band("rebuilt as 0, 1, ... 9, and log p(x|y) in nats", to_uint8(found.rebuilt), words),
    ]
    return figure(
        "The same picture, ten labels",
        gallery(bands, width, "A digit, and its reconstruction as each of ten labels", least=2),
        f"{origin}. A pixel of the draw is white with the probability that its grey says: MNIST under a Bernoulli "
        f"likelihood. log p(x|y) from K = {count} importance samples, a bound from below that rises with K.",
    )


def _formulas(found: Answer) -> str:
    best = int(found.bayes.argmax())
    return equations(
        [
            equation(
                r"\log p(x) = \log\frac{1}{10}\sum_y p(x|y)\;=\;", round(found.log_evidence, 1), r"\ \mathrm{nats}"
            ),
            equation(
                r"p(y|x) = \frac{p(x|y)}{\sum_{y'} p(x|y')}:\quad \log p(",
                float(best),
                r"|x)\;=\;",
                round(found.log_likelihood[best].item(), 1),
                r"\;-\;(",
                round(math.log(10) + found.log_evidence, 1),
                r")\;=\;",
                round(found.bayes[best].log().item(), 3) + 0.0,
            ),
        ]
    )


def _worse(found: Answer, count: int, width: int) -> str:
    """How many nats each label is behind the best."""
    behind = (found.log_likelihood.max() - found.log_likelihood).tolist()
    rows = [Strip(str(label), 0, value, BAYES) for label, value in enumerate(behind)]
    return figure(
        "How much worse each label explains it",
        strips(rows, max(behind), min(width, 460), "Nats behind the best label: " + ", ".join(map(number, behind)), 24),
        f"Nats that log p(x|y) lies under that of the best label, from K = {count} samples with the same noise for "
        "all labels; 2.3 nats are a factor of ten in p(y|x).",
        unit="nats behind",
    )


def _accuracy(known: Reference, width: int) -> str:
    """Accuracy against K, beside the judge's."""
    low = min(*known.accuracy, known.judge) - 0.02
    places = [math.log10(count) for count in known.samples]
    canvas = Canvas((0, max(places[-1], 1)), (max(0, low), 1.0), min(width, 460), 190)
    canvas.line(places, known.accuracy, BAYES)
    canvas.dots(places, known.accuracy, BAYES)
    canvas.level(known.judge)
    error = math.sqrt(known.accuracy[-1] * (1 - known.accuracy[-1]) / known.digits)
    return figure(
        "Right answers as K grows",
        canvas.svg(f"Accuracy from {known.accuracy[0]:.3f} at K = 1 to {known.accuracy[-1]:.3f}"),
        f"Share of {known.digits:,} test digits; standard error {error:.3f}. The dashed line is the network on the "
        "same digits. More samples raise the bound on every log p(x|y); which label is best changes for few digits.",
        entries=[
            ("Bayes", BAYES, f"{known.accuracy[-1]:.3f} at K = {known.samples[-1]}"),
            ("network", JUDGE, f"{known.judge:.3f}"),
        ],
        x_label="log10 K",
    )


BAYES_TOOL = Tool(
    "bayes",
    "Bayes' rule makes a classifier of a generative model",
    "A CVAE has learned how each digit is written: p(x|y). Turn that round and it names a digit. Draw one, or take a "
    "test picture, and see how each label would have explained it.",
    bayes,
    ("answers", "explained", "formulas", "worse", "outliers", "accuracy"),
    (
        Preset("A clear seven", "The other labels rebuild it badly, and pay in nats.", {"number": 0}),
        Preset("A zero or a five?", "Two labels explain it nearly as well: few nats apart.", {"number": 445}),
        Preset(
            "One sample",
            "With K = 1 the bound is loose, and the answers depend on the dice: change the seed.",
            {"number": 445, "samples": "1"},
        ),
    ),
    folded=("model", "seed"),
)

TOOLS = (BAYES_TOOL, FEW)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("classifier", TOOLS, scripts=("sketch.js",))
