"""The Samples tab: draw from any trained model, and walk from one sample to another."""

import base64

import torch
from torch import Tensor

from genmodels import weights
from genmodels.errors import UserError
from genmodels.models.base import Choice, Whole
from genmodels.pictures import gif, png, sheet, to_uint8
from genmodels.theory.interpolation import lerp, slerp
from genmodels.ui import tool
from genmodels.ui.drawing import number
from genmodels.ui.sources import MINE, Source, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

MODELS = choice("sample")
FIRST = "flow-mnist" if "flow-mnist" in MODELS.options else MODELS.options[0]
LABELS = Choice(("all", *map(str, range(10))), "class, where the model takes one")
SEED = Whole(0, 99_999, "seed", front=True)
STEPS = 11


def draw(
    *,
    model: MODELS = FIRST,
    seed: SEED = 0,
    count: Whole(1, 200, "samples") = 60,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """A grid of samples and what was measured of the model."""
    asked = source(model, run, "sample")
    z = asked.model.latents(count, torch.Generator().manual_seed(seed))
    images = sampled(asked, z, _labels(label, count, asked))
    columns = max(1, min(10, width // 36))
    words = f"{count} samples of {asked.origin}, seed {seed}{_of_class(label, asked)}"
    return {"picture": picture(png(sheet(images, columns)), words, width), "facts": facts(model)}


def walk(
    *,
    model: MODELS = FIRST,
    start: Whole(0, 99_999, "first seed") = 0,
    end: Whole(0, 99_999, "last seed") = 1,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The way between two latents on the sphere above the straight one, and the first as a film."""
    asked = source(model, run, "sample")
    ends = [asked.model.latents(1, torch.Generator().manual_seed(seed)) for seed in (start, end)]
    t = torch.linspace(0, 1, STEPS)
    shape = (STEPS, *[1] * (ends[0].dim() - 1))
    paths = [way(*ends, t.view(shape)) for way in (slerp, lerp)]
    labels = _labels("0" if label == "all" else label, 2 * STEPS, asked)
    images = sampled(asked, torch.cat(paths), labels)
    words = f"From seed {start} to seed {end} through {asked.origin}: on the sphere above, straight below"
    film = base64.b64encode(gif([sheet(image[None], 1) for image in images[:STEPS]])).decode()
    film = f"data:image/gif;base64,{film}"
    lengths = ", ".join(number(path[STEPS // 2].norm().item()) for path in paths)
    return {
        "strips": picture(png(sheet(images, STEPS)), words, width),
        "film": f'<figure><img class="pixels" width="140" alt="The walk as a film" src="{film}">'
        f'<figcaption>The walk and back. <a download="walk.gif" href="{film}">GIF</a></figcaption></figure>',
        "facts": f'<p class="note">Lengths of z in the middle: {lengths}. Latents from the prior nearly all have one '
        "length; a straight line passes nearer to 0, where the model never was.</p>",
    }


@torch.no_grad()
def sampled(asked: Source, z: Tensor, labels: Tensor) -> Tensor:
    """Bytes (N, C, H, W)."""
    return to_uint8(asked.model.to_unit(asked.model.sample(z, labels)))


def picture(content: bytes, words: str, width: int) -> str:
    """A picture at whole multiples of its own size, with its caption and a link that saves it."""
    data = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    natural = int.from_bytes(content[16:20], "big")  # the width in a PNG's header
    shown = natural * max(1, min(3, width // natural))
    return (
        f'<figure><img class="pixels" width="{shown}" alt="{words}" src="{data}">'
        f'<figcaption>{words}. <a download="samples.png" href="{data}">PNG</a></figcaption></figure>'
    )


def facts(model: str) -> str:
    """The figures a shipped model came with, n and floor beside them."""
    if model == MINE:
        return '<p class="note">Your own run: nothing measured yet. Save it and use the evaluate command.</p>'
    said = weights.said(weights.figures_of(weights.path_of(*model.rsplit("-", 1))))
    return f'<p class="note">{"; ".join(said)}.</p>' if said else ""


def _labels(label: str, count: int, asked: Source) -> Tensor:
    classes = asked.model.classes
    if label != "all" and int(label) >= classes:
        raise UserError(f"This model has classes 0 to {classes - 1}.")
    return torch.arange(count) % classes if label == "all" else torch.full((count,), int(label))


def _of_class(label: str, asked: Source) -> str:
    if not asked.model.conditional:
        return ""
    return ", one class after the other" if label == "all" else f", all {asked.dataset.classes[int(label)]}"


TOOLS = (
    Tool(
        name="draw",
        title="Draw samples",
        lead="Every picture here was made from noise a moment ago. Change the seed, the model, the class; compare what "
        "the models make of the same task.",
        answer=draw,
        slots=("picture", "facts"),
        presets=tuple(
            Preset(f"{name}, seed 7", words, {"model": name, "seed": 7})
            for name, words in (
                ("flow-mnist", "No opponent, no bound: noise is carried to digits."),
                ("made-mnist", "Pixel after pixel, with an exact likelihood."),
                ("cgan-mnist", "The label says which digit, the noise how it is written."),
            )
            if name in MODELS.options
        ),
    ),
    Tool(
        name="walk",
        title="Walk from one sample to another",
        lead="Between two latents lie others: a model that learned more than its training images has pictures for all "
        "of them.",
        answer=walk,
        slots=("strips", "film", "facts"),
    ),
)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("samples", TOOLS)
