"""Draw from any trained model, and walk from one sample to another."""

from html import escape
from typing import Any

import torch

from genmodels import drawn, weights
from genmodels.models.base import Flag, Real, Whole
from genmodels.pictures import gif, png, sheet
from genmodels.theory.interpolation import lerp, slerp
from genmodels.ui.drawing import number
from genmodels.ui.gallery import LABELS, SEED, data_link, of_class, picture
from genmodels.ui.sources import MINE, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

MODELS = choice("sample")
FIRST = "cgan-mnist" if "cgan-mnist" in MODELS.options else MODELS.options[0]  # quick, and good
STEPS = 11


def draw(
    *,
    model: MODELS = FIRST,
    seed: SEED = 0,
    count: Whole(1, 200, "samples") = 60,
    label: LABELS = "all",
    temperature: Real(0, 2, "temperature: z times this") = 1.0,
    threshold: Real(0.1, drawn.WHOLE, "truncation: no entry of z beyond") = drawn.WHOLE,
    tensors: Flag("with a link to the tensors") = False,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """A grid of samples and what was measured of the model."""
    asked = source(model, run, "sample")
    labels = drawn.labels_of(asked.model, label, count)
    made = drawn.draw(asked.model, seed, labels, temperature, threshold)
    columns = max(1, min(10, width // 36))
    done = f"; {made.said}" if made.said else ""
    words = f"{count} samples of {asked.origin}, seed {seed}{of_class(label, asked)}{done}"
    link = ""
    if tensors:
        content = drawn.tensors(made, asked.model.conditional, words)
        data = data_link(content, "application/octet-stream")
        link = f' <a download="samples.safetensors" href="{data}">safetensors, {len(content) / 1000:,.0f} kB</a>'
    changed = temperature != 1 or threshold < drawn.WHOLE
    return {"picture": picture(png(sheet(made.images, columns)), words, width, link), "facts": facts(model, changed)}


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
    ends = [drawn.noise(asked.model, 1, seed) for seed in (start, end)]
    t = torch.linspace(0, 1, STEPS)
    shape = (STEPS, *[1] * (ends[0].dim() - 1))
    paths = [way(*ends, t.view(shape)) for way in (slerp, lerp)]
    labels = drawn.labels_of(asked.model, "0" if label == "all" else label, 2 * STEPS)
    images = drawn.sampled(asked.model, torch.cat(paths), labels)
    words = f"From seed {start} to seed {end} through {asked.origin}: on the sphere above, straight below"
    film = data_link(gif([sheet(image[None], 1) for image in images[:STEPS]]), "image/gif")
    lengths = ", ".join(number(path[STEPS // 2].norm().item()) for path in paths)
    return {
        "strips": picture(png(sheet(images, STEPS)), words, width),
        "film": f'<figure><img class="pixels" width="140" alt="The walk as a film" src="{film}">'
        f'<figcaption>The walk and back. <a download="walk.gif" href="{film}">GIF</a></figcaption></figure>',
        "facts": f'<p class="note">Lengths of z in the middle: {lengths}. Latents from the prior nearly all have one '
        "length; a straight line passes nearer to 0, where the model never was.</p>",
    }


def facts(model: str, changed: bool = False) -> str:
    """The figures a shipped model came with, what real images would have and n beside them."""
    if model == MINE:
        return '<p class="note">Your own run: nothing measured yet. Save it and use the evaluate command.</p>'
    rows = drawn.measures(figures(model))
    lines = "".join(
        f"<tr><th>{escape(row.name)}</th><td>{number(round(row.value, 3))}</td><td>{row.real}</td>"
        f"<td>{row.count:,}</td></tr>"
        for row in rows
    )
    other = " They were taken at temperature 1 without truncation." if changed else ""
    return (
        f"<table><thead><tr><th>{escape(model)}</th><th>measured</th><th>if real</th><th>n</th></tr></thead>{lines}"
        f'</table><p class="note">Measured of this file when it was shipped.{other} Of the feature distance, "if real" '
        "is its floor: training against test images.</p>"
    )


def figures(model: str) -> dict[str, Any]:
    """What was measured of a shipped model; nothing of one's own run."""
    return {} if model == MINE else weights.figures_of(weights.path_of(*model.rsplit("-", 1)))


DRAW = Tool(
    name="draw",
    title="Draw samples",
    lead="Every picture here was made from noise a moment ago. Change the seed, the model, the class; compare what "
    "the models make of the same task.",
    answer=draw,
    slots=("picture", "facts"),
    presets=tuple(
        Preset(title, words, {"model": name, "seed": 7} | more)
        for name, title, words, more in (
            ("flow-mnist", "flow-mnist, seed 7", "No opponent, no bound: noise is carried to digits.", {}),
            ("made-mnist", "made-mnist, seed 7", "Pixel after pixel, with an exact likelihood.", {}),
            (
                "cgan-mnist",
                "cgan-mnist at half the temperature",
                "Noise nearer the middle: better pictures, fewer kinds.",
                {"temperature": 0.5},
            ),
            (
                "biggan-mnist",
                "biggan-mnist, truncated",
                "The truncation trick trades variety for quality.",
                {"threshold": 0.5},
            ),
        )
        if name in MODELS.options
    ),
    folded=("temperature", "threshold", "tensors"),
)

WALK = Tool(
    name="walk",
    title="Walk from one sample to another",
    lead="Between two latents lie others: a model that learned more than its training images has pictures for all "
    "of them.",
    answer=walk,
    slots=("strips", "film", "facts"),
)
