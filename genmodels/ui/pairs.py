"""One noise through two models, and one style in every class."""

from html import escape

import torch
from torch import Tensor

from genmodels import drawn, weights
from genmodels.digit import prepare
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.models import MODELS as KNOWN
from genmodels.models import can
from genmodels.models.base import Choice, Whole
from genmodels.pictures import png, sheet
from genmodels.ui.draw import MODELS, figures
from genmodels.ui.drawing import figure
from genmodels.ui.gallery import LABELS, SEED, Band, columns_of, gallery, of_class, picture
from genmodels.ui.sketch import Drawing, ink
from genmodels.ui.sources import MINE, Source, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

TOLD = tuple(name for name in MODELS.options if name == MINE or KNOWN[name.rsplit("-", 1)[0]].conditional)
ENCODING = [name for name in choice("sample", "encode").options if name in TOLD and name != MINE]
DRAWN, OF_PICTURE, BY_HAND = WAYS = ("at random", "test picture", "my drawing")  # sketch.js knows two
GUESS = "as the judge reads it"


def pair(
    *,
    model: MODELS = "gan-mnist" if "gan-mnist" in MODELS.options else MODELS.options[0],
    other: Choice(MODELS.options, "beside it", front=True) = MODELS.options[0],
    seed: SEED = 0,
    count: Whole(1, 100, "samples") = 30,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Samples of two models from the same z, side by side where there is room."""
    two = [source(name, run, "sample") for name in (model, other)]
    made = [drawn.draw(asked.model, seed, drawn.labels_of(asked.model, label, count)) for asked in two]
    same = made[0].z.shape == made[1].z.shape and torch.equal(made[0].z, made[1].z)
    one = width if width < 620 else (width - 30) // 2
    columns = max(1, min(10, one // 30))
    noise = f"the same {made[0].z[0].numel()} numbers z" if same else f"seed {seed}, z of its own"
    sheets = [
        picture(
            png(sheet(drawing.images, columns)),
            f"{count} samples of {asked.origin}{of_class(label, asked)}; {noise}",
            one,
            f" {escape('; '.join(weights.said(figures(name))[:2]))}",
        )
        for name, asked, drawing in zip((model, other), two, made, strict=True)
    ]
    beside = "minmax(0, 1fr) " * (1 if one == width else 2)
    lengths = " and ".join(str(drawing.z[0].numel()) for drawing in made)
    differ = f"are {lengths} numbers" if made[0].z.shape != made[1].z.shape else "follow other laws"
    words = (
        "Both pictures at the same place were made from the same z."
        if same
        else f"Their latents {differ}: both have the same seed only, and no place answers to the same place."
    )
    grid = f'<div style="display: grid; grid-template-columns: {beside}; gap: 16px 30px">{"".join(sheets)}</div>'
    return {"pair": f'{grid}<p class="note" style="margin-top: 10px">{words}</p>'}


def carry(
    *,
    model: Choice(TOLD, "trained, told the class", front=True) = ENCODING[0] if ENCODING else TOLD[0],
    style: Choice(WAYS, "style of", front=True) = OF_PICTURE if ENCODING else DRAWN,
    number: Whole(0, 9999, "test picture", front=True) = 0,
    drawing: Drawing("draw a digit") = "",
    written: Choice((GUESS, *map(str, range(10))), "what I drew") = GUESS,
    seed: SEED = 0,
    count: Whole(1, 20, "styles") = 6,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """A row for each style z and a column for each class."""
    asked = source(model, run, "sample")
    if not asked.model.conditional:
        raise UserError(f"{asked.model.name} is not told the class: choose one of {', '.join(TOLD[:-1])}.")
    words, beneath = columns_of(asked.dataset)
    if style == DRAWN:
        z, bands = drawn.noise(asked.model, count, seed), []
        told = f"{count} styles z, seed {seed}, of {asked.origin}: a row is one z, a column one class."
    elif not can(asked.model, "encode"):
        able = f": choose {' or '.join(ENCODING)}" if ENCODING else ""
        raise UserError(f"{asked.model.name} has no encoder that reads a style off a picture{able}, or draw styles.")
    else:
        data = asked.dataset
        if style == OF_PICTURE:
            index = torch.arange(number, number + count) % len(data.test_images)
            images, labels = data.test_images[index], data.test_labels[index]
            told = f"Above, {count} test pictures from number {number} on"
        else:
            images, labels = _by_hand(asked, drawing, written)
            guess = ", as the judge reads it" if written == GUESS else ""
            told = f"Above, your drawing brought to the size of MNIST's, taken for a {labels.item()}{guess}"
        z = drawn.style(asked.model, images, labels)
        bands = [Band("a row below for each", images, [data.classes[label] for label in labels.tolist()])]
        told = f"{told}; below, the style z that {asked.model.name} reads off each, in every class. {asked.origin}."
    rows = drawn.in_every_class(asked.model, z)
    bands += [Band("", row) for row in rows[:-1]] + [Band("", rows[-1], words)]
    svg = gallery(bands, min(width, 620), told)
    return {"grid": figure("Class against style", svg, told + beneath)}


def _by_hand(asked: Source, drawing: str, written: str) -> tuple[Tensor, Tensor]:
    """The drawing as a digit (1, 1, 28, 28) of bytes, and its class (1,)."""
    if asked.dataset.name != "mnist":
        raise UserError(f"A drawing is a digit, and {asked.model.name} has learned {asked.dataset.title}.")
    image = prepare(ink(drawing))[None]
    label = load_judge("mnist").logits(image).argmax(1) if written == GUESS else torch.tensor([int(written)])
    return image, label


PAIR = Tool(
    name="pair",
    title="Two models, one noise",
    lead="The same numbers z go through two models. Trained apart, they agree on nothing but the law of z: the same "
    "place shows another digit, unless both hear the same label.",
    answer=pair,
    slots=("pair",),
    presets=tuple(
        Preset(f"{model} beside {other}", words, {"model": model, "other": other})
        for model, other, words in (
            ("vae-mnist", "gan-mnist", "A bound on the likelihood blurs; an adversary does not let blur pass."),
            ("wgan-mnist", "wgan_gp-mnist", "Clipped weights against a gradient penalty: the same architecture."),
            ("cgan-mnist", "cvae-mnist", "Told the class, both obey; the latents are not of one size."),
        )
        if {model, other} <= set(MODELS.options)
    ),
)

CARRY = Tool(
    name="carry",
    title="Class against style",
    lead="The label says which digit, z how it is written: along a row slant and stroke stay, down a column the digit.",
    answer=carry,
    slots=("grid",),
    folded=("seed", "count"),
    presets=tuple(
        Preset(title, words, values)
        for title, words, values in (
            (
                "The hand of a test picture",
                "One written 7 shows how its writer would write the rest.",
                {"model": "cvae-mnist", "style": OF_PICTURE, "count": 1},
            ),
            (
                "cgan: styles at random",
                "A GAN has no encoder: its styles can only be drawn.",
                {"model": "cgan-mnist", "style": DRAWN},
            ),
            (
                "flow: styles at random",
                "Guidance pulls every column to its class.",
                {"model": "flow-mnist", "style": DRAWN, "count": 3},
            ),
        )
        if values["model"] in TOLD
    ),
)
