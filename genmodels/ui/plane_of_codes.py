"""The plane: where the codes of test pictures lie, and what any place between them decodes to."""

import json
import math
from html import escape

import torch

from genmodels import drawn, latent
from genmodels.latent import Plane
from genmodels.models.base import Choice, Whole
from genmodels.ui.drawing import BOTTOM, LEFT, RIGHT, TOP, Canvas, css, figure, number
from genmodels.ui.gallery import columns_of
from genmodels.ui.mosaic import mosaic, row
from genmodels.ui.sources import Source, choice, source
from genmodels.ui.tool import RUN, WIDTH, Numbers, Preset, Tool

MODELS = choice("encode", "decode")
FIRST = "vae-mnist" if "vae-mnist" in MODELS.options else MODELS.options[0]
LABEL = Choice(tuple(map(str, range(10))), "class to decode to, where the model takes one")
PRINCIPAL, CHOSEN = AXES = ("principal components", "two dimensions")
REACH = 3.5  # standard units from the middle to the frame
SIDE, HERE = 500, 170  # pixels at most
MOST, LEAST = 13, 9  # pictures in a row of the grid
SIGNS = "0123456789"
OF = " of the variance"


def plane(
    *,
    model: MODELS = FIRST,
    axes: Choice(AXES, "axes") = PRINCIPAL,
    first: Whole(1, 256, "dimension to the right") = 1,
    second: Whole(1, 256, "dimension upwards") = 2,
    label: LABEL = "0",
    place: Numbers(-REACH, REACH, 2, 2, "The place in the plane") = [0.9, -2.2],  # noqa: B006
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The codes from above with the place chosen, what it decodes to, and the grid of what there is around."""
    asked = source(model, run, "encode", "decode")
    wanted = drawn.labels_of(asked.model, label, 1)
    seen = latent.plane(asked.model, asked.dataset, first - 1, second - 1, axes == PRINCIPAL)
    names = _names(seen, axes == PRINCIPAL, first, second)
    side = min(SIDE, width if width < 540 else width - HERE - 30)
    rest = width - side - HERE - 60  # beside the two others, or below them
    codes, here = _codes(asked, seen, names, place, side), _here(asked, seen, place, wanted, width < 540)
    return {
        "plane": row(codes, here),
        "grid": _grid(asked, seen, int(wanted), rest if rest > 560 else width),
    }


def _names(seen: Plane, principal: bool, first: int, second: int) -> tuple[str, str]:
    """What the axes are, with their share of the variance."""
    words = (f"z{first}", f"z{second}")
    if principal:
        flat = len(seen.centre) == 2  # which needs no components
        words = ("z1", "z2") if flat else ("first principal component", "second principal component")
    return tuple(f"{word}, {share:.0%}{OF}" for word, share in zip(words, seen.shares, strict=True))


def _codes(asked: Source, seen: Plane, names: tuple[str, str], place: list[float], side: int) -> str:
    canvas = Canvas((-REACH, REACH), (-REACH, REACH), side, side - LEFT - RIGHT + TOP + BOTTOM)
    for k in seen.labels.unique().tolist():
        spots = [canvas.place(*spot) for spot in seen.places[seen.labels == k].tolist()]
        x, y = " ".join(f"{x:g}" for x, _ in spots), " ".join(f"{y + 3.5:g}" for _, y in spots)
        style = f"fill:{css(k)};font-size:10px;font-weight:600"
        canvas.raw(f'<text x="{x}" y="{y}" text-anchor="middle" style="{style}">{SIGNS[k] * len(spots)}</text>')
    if latent.has_prior(asked.model):
        around = torch.linspace(0, 2 * math.pi, 73)
        canvas.line((2 * around.cos()).tolist(), (2 * around.sin()).tolist(), "var(--quiet)", read=False, dashed=True)
    canvas.knob(*place, "place", "place to decode", "var(--ink)", 6)
    outside = int((seen.places.abs() > REACH).any(1).sum())
    unit = (
        "the prior's standard deviation (two are dashed)"
        if latent.has_prior(asked.model)
        else "the codes' standard deviation"
    )
    caption = (
        f"The codes of {len(seen.places):,} test pictures of {asked.dataset.title} by {asked.origin}; each sign is the "
        f"class of one.{columns_of(asked.dataset)[1]} Unit: {unit}; {outside or 'none'} lie outside. "
        "Click anywhere, or drag the disc, or choose it with the Tab key and use the arrows."
    )
    more = f' data-places="{REACH}" data-left="{canvas.left}" data-right="{canvas.right}"'
    alt = f"Codes of {len(seen.places)} test pictures by class, a disc at {number(place[0])}, {number(place[1])}"
    return figure(
        "The codes", canvas.svg(alt, more), caption, unit=f"upwards: {names[1].removesuffix(OF)}", x_label=names[0]
    )


def _here(asked: Source, seen: Plane, place: list[float], wanted: torch.Tensor, flat: bool) -> str:
    at = torch.tensor(place)
    made = latent.decoded(asked.model, seen.codes(at[None]), wanted)
    nearest = seen.nearest(at)
    images, labels = latent.subset(asked.dataset)
    name = asked.dataset.classes[labels[nearest]]
    told = f", as {asked.dataset.classes[wanted]}" if asked.model.conditional else ""
    where = f"({', '.join(number(round(at, 2)) for at in place)})"
    alt = f"What {where} decodes to{told}, and the nearest test picture: {name}"
    return figure(
        "Here",
        mosaic(torch.cat([made, images[nearest : nearest + 1]]), 1 + flat, HERE * (1 + flat), alt, largest=6),
        f"Decoded from {where}{told}. Then the test picture whose code is nearest in this plane: {name}.",
    )


def _grid(asked: Source, seen: Plane, label: int, width: int) -> str:
    one = asked.dataset.shape[2] + 1
    large = 2 if width >= 2 * one * LEAST else 1
    count = min(MOST, width // (large * one))
    count -= 1 - count % 2  # one stands in the middle
    steps = latent.quantiles(count).tolist()
    prior = latent.has_prior(asked.model)
    law = "the prior N(0, I)" if prior else "a normal law with the codes' mean and deviations, for there is no prior"
    rest = (
        ""
        if len(seen.centre) == 2
        else f" The other {len(seen.centre) - 2} directions stay at {'0' if prior else 'the mean'}."
    )
    told = f" All as {asked.dataset.classes[label]}." if asked.model.conditional else ""
    alt = f"{count} by {count} pictures decoded by {asked.model.name} from the plane of its codes"
    images = latent.grid(asked.model, seen, count, label)
    return figure(
        "The same plane, decoded",
        mosaic(images, count, large * one * count, alt, f' data-steps="{escape(json.dumps(steps))}"'),
        f"{count} by {count} places, from {number(round(steps[0], 2))} to {number(round(steps[-1], 2))} with equal "
        f"steps in probability under {law}.{rest}{told} Click a picture to go there.",
    )


PLANE = Tool(
    name="plane",
    title="The plane",
    lead="An encoder turns each picture into a few numbers, a decoder turns numbers into a picture. Seen from above, "
    "pictures that look alike lie together. Click between two crowds: what lies there?",
    answer=plane,
    slots=("plane", "grid"),
    presets=tuple(
        Preset(title, claim, values)
        for title, claim, values in (
            ("A VAE fills the plane", "Codes follow the prior, so that every place means something.", {"model": FIRST}),
            (
                "An autoencoder leaves holes",
                "Nothing says where codes lie. Away from the crowds decode pictures of nothing.",
                {"model": "ae-mnist", "place": [2.2, 1.8]},
            ),
            (
                "The class taken out",
                "A conditional VAE is told the class: codes no longer say it, classes mix.",
                {"model": "cvae-mnist", "label": "4"},
            ),
        )
        if values["model"] in MODELS.options
    ),
    folded=("axes", "first", "second"),
)
