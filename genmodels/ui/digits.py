"""The digit that a person chose or drew, and the models that can say how likely each label makes it."""

from typing import NamedTuple

import torch
from torch import Tensor

from genmodels import data
from genmodels.classify import fit
from genmodels.digit import prepare
from genmodels.models import MODELS as ALL
from genmodels.models.base import Choice, Whole
from genmodels.ui.drawing import Canvas
from genmodels.ui.sketch import Drawing, ink
from genmodels.ui.sources import MINE, Source, choice, source

TEST, DRAWN = "test picture", "my drawing"
LOOK = Choice((TEST, DRAWN), "look at", front=True)
NUMBER = Whole(0, 9999, "number of the test picture", front=True)
DRAWING = Drawing("draw a digit")
MODELS = Choice(
    tuple(name for name in choice("posterior").options if name == MINE or ALL[name.rsplit("-", 1)[0]].conditional),
    "generative model",
)
FIRST = MODELS.options[0]


class Digit(NamedTuple):
    """Bytes (1, 28, 28), what they are in words, and the label where it is known."""

    image: Tensor
    words: str
    label: int | None


def digit(look: str, number: int, drawing: str) -> Digit:
    """The test picture of that number, or the drawing; UserError where nothing is drawn."""
    if look == DRAWN:
        return Digit(prepare(ink(drawing)), "your drawing, cropped, scaled and centred as MNIST's digits", None)
    mnist = data.load("mnist")
    label = int(mnist.test_labels[number])
    return Digit(mnist.test_images[number], f"test picture {number:,} of MNIST, a {label}", label)


def generative(model: str, run: str) -> Source:
    """The model chosen; UserError where it has no p(x|y) of digits."""
    found = source(model, run)
    fit(found.model)
    return found


def paired(one: Tensor, other: Tensor, colors: tuple[int, int], width: int, height: int) -> Canvas:
    """Two p(y|x), (10,) each, side by side as bars, the label above those that can be seen."""
    canvas = Canvas((-0.5, 9.5), (0, 1.12), width, height)
    for p, color, aside in zip((one, other), colors, (-0.2, 0.2), strict=True):
        canvas.bars([label + aside for label in range(10)], p.tolist(), color, 0.36)
    for label, p in enumerate(torch.maximum(one, other).tolist()):
        if p > 0.01:
            canvas.text(label, p + 0.03, str(label), color="var(--ink)", more=' class="value"')
    return canvas
