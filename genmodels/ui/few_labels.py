"""With few labels: generative and discriminative classifiers as their training sets grow, measured beforehand."""

import json
import math
from functools import cache
from statistics import mean, stdev

from genmodels.few_labels import RESULTS
from genmodels.models.base import Choice
from genmodels.ui.drawing import Canvas, figure
from genmodels.ui.tool import WIDTH, Preset, Tool

SIMPLE, DEEP = "simple", "deep"
PAIRS = {SIMPLE: ("naive Bayes", "logistic regression"), DEEP: ("CVAE by Bayes' rule", "network")}


@cache
def _measured() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def few(
    *, pair: Choice((SIMPLE, DEEP, "all"), "classifiers", front=True) = "all", width: WIDTH = 600
) -> dict[str, str]:
    """Accuracy against the number of labels, mean and spread over seeds."""
    known = _measured()
    names = PAIRS.get(pair) or tuple(known["accuracy"])
    places = [math.log10(size) for size in known["sizes"]]
    colors = dict(zip(known["accuracy"], (0, 1, 2, 3), strict=True))
    canvas = Canvas((places[0] - 0.1, places[-1] + 0.1), (0, 1), min(width, 760), 300)
    for name in names:
        means = [mean(values) for values in known["accuracy"][name]]
        canvas.line(places, means, colors[name])
        for place, values in zip(places, known["accuracy"][name], strict=True):
            spread = stdev(values) if len(values) > 1 else 0.0
            ends = [(place, mean(values) - spread)], [(place, mean(values) + spread)]
            canvas.strokes(*ends, [3.0], f"var(--series-{colors[name] + 1})")
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{mean(values):.3f}</td>' for values in known['accuracy'][name])}</tr>"
        for name in names
    )
    head = "".join(f"<td>{size:,}</td>" for size in known["sizes"])
    return {
        "curve": figure(
            "Right answers after so many labels",
            canvas.svg(f"Accuracy of {', '.join(names)} from {known['sizes'][0]} to {known['sizes'][-1]:,} labels"),
            f"Mean over {known['seeds']} draws of the training set, as many of each class; bars: one standard "
            f"deviation. Share of {known['tested']:,} test digits; measured by python -m genmodels.few_labels. "
            "No classifier saw more than these labelled digits; guessing reaches 0.1.",
            entries=[(name, colors[name], "") for name in names],
            x_label="log10 of the number of labelled digits",
        ),
        "table": f"<table><thead><tr><th>labels</th>{head}</tr></thead><tbody>{rows}</tbody></table>",
    }


FEW = Tool(
    "few",
    "Few labels: who learns sooner?",
    "A generative model has to learn what digits look like, a discriminative one only what tells them apart. Ng and "
    "Jordan (2002): the first is there sooner, the second gets further. On digits only the second half shows.",
    few,
    ("curve", "table"),
    (
        Preset(
            "Naive Bayes and logistic regression",
            "The pair of the theorem. Naive Bayes takes pixels for independent, which they are not: it is level at ten "
            "labels and behind from then on.",
            {"pair": SIMPLE},
        ),
        Preset(
            "CVAE and network",
            "The same question with hidden layers: no difference at ten labels that the spread would not explain, and "
            "then the network leads.",
            {"pair": DEEP},
        ),
    ),
)
