"""Between two pictures: the straight way between their codes above the one on the sphere, and a film."""

import torch

from genmodels import latent
from genmodels.models.base import Choice, Whole
from genmodels.pictures import gif
from genmodels.ui.drawing import figure, number
from genmodels.ui.formula import equations
from genmodels.ui.gallery import Band, data_link, gallery
from genmodels.ui.plane_of_codes import FIRST, MODELS
from genmodels.ui.sketch import Drawing, ink
from genmodels.ui.sources import Source, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

TEST, DRAWN = ENDS = ("test picture", "my drawing")
STEPS = 9
FRAMES = 17  # of the film, one way
HALF = STEPS // 2
ANGLE = r"\theta=\arccos(a\cdot b\,/\,\Vert a\Vert\,\Vert b\Vert)"
LINE = r"\Vert(1-t)\,a+t\,b\Vert"
SPHERE = r"\Vert\mathrm{slerp}(a,b,t)\Vert=(1-t)\Vert a\Vert+t\Vert b\Vert"


def between(
    *,
    model: MODELS = FIRST,
    start: Whole(0, 9999, "number of the first test picture", front=True) = 3,
    last: Choice(ENDS, "the last picture is a", front=True) = TEST,
    end: Whole(0, 9999, "number of the last test picture", front=True) = 1,
    drawing: Drawing("draw a digit to end in") = "",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The two pictures, both ways between their codes, the film, and how long codes are on the way."""
    asked = source(model, run, "encode", "decode")
    first, data = latent.picture(asked.dataset, start), asked.dataset
    final = latent.digit(data, ink(drawing)) if last == DRAWN else latent.picture(data, end)
    images, labels = (torch.cat(parts) for parts in zip(first, final, strict=True))
    straight, sphere, told = latent.paths(asked.model, images, labels, STEPS)
    strips = [latent.decoded(asked.model, path, told) for path in (straight, sphere)]
    names = [data.classes[label] for label in labels.tolist()]
    by_hand = [f"no. {start}", "drawn" if last == DRAWN else f"no. {end}"]
    ends = f"{names[0]} and a drawing read as {names[1]}" if last == DRAWN else " and ".join(names)
    t = [f"{i / (STEPS - 1):.3g}" for i in range(STEPS)]
    halves = f" The label changes from {names[0]} to {names[1]} halfway." if asked.model.conditional else ""
    svg = gallery(
        [Band("the two", images, by_hand), Band("straight line", strips[0]), Band("on the sphere", strips[1], t)],
        width,
        f"{STEPS} pictures from {names[0]} to {names[1]} on a straight line, above as many on the sphere",
        least=2,
    )
    caption = (
        f"Pictures of {data.title}: {ends}, and {STEPS} places t on each "
        f"way between their codes, decoded by {asked.origin}. At both ends stand the decodings of the two codes "
        f"themselves.{halves}"
    )
    _, path, told = latent.paths(asked.model, images, labels, FRAMES)
    film = data_link(gif(list(latent.decoded(asked.model, path, told))), "image/gif")
    lengths = [[number(round(path[i].norm().item(), 3)) for i in (0, HALF, -1)] for path in (straight, sphere)]
    sayings = [f"= {a} at the start, {half} halfway, {b} at the end" for a, half, b in lengths]
    angle = f"= {number(round(latent.angle(*straight[[0, -1]]), 1))}\N{DEGREE SIGN} between the two codes"
    numbers = equations((LINE, sayings[0]), (SPHERE, sayings[1]), (ANGLE, angle))
    return {
        "strips": figure("From one to the other", svg, caption),
        "film": f'<figure><img class="pixels" width="{4 * images.shape[3]}" alt="A film from {names[0]} to {names[1]} '
        f'and back" src="{film}"><figcaption>There and back on the sphere, {FRAMES} pictures each way. '
        f'<a download="between.gif" href="{film}">GIF</a></figcaption></figure>',
        "lengths": f"<figure>{numbers}<figcaption>{_typical(asked)}</figcaption></figure>",
    }


def _typical(asked: Source) -> str:
    z, _ = latent.codes(asked.model, asked.dataset)
    mean = number(round(z.norm(dim=1).mean().item(), 2))
    says = f"Codes of {len(z):,} test pictures have a length of {mean} in the mean"
    if latent.has_prior(asked.model):
        says += f", draws from the prior one of about {number(round(z.shape[1] ** 0.5, 2))}"
    return f"{says}. A straight line cuts through shorter codes than these; the sphere keeps the lengths of the ends."


BETWEEN = Tool(
    name="between",
    title="Between two pictures",
    lead="Take the codes of two pictures and walk from one to the other. A cross-fade would show both at once, half as "
    "strong; a good code space shows digits all along.",
    answer=between,
    slots=("strips", "film", "lengths"),
    presets=tuple(
        Preset(title, claim, values)
        for title, claim, values in (
            ("Two hands", "Two ones: the way between them turns the stroke.", {"model": FIRST, "start": 2, "end": 5}),
            (
                "Through an autoencoder",
                "The same zero and two: no law holds the codes together, so the way may lead through nothing.",
                {"model": "ae-mnist"},
            ),
            (
                "Style alone",
                "A conditional VAE walks in style; the class jumps halfway, as the label does.",
                {"model": "cvae-mnist"},
            ),
        )
        if values["model"] in MODELS.options
    ),
)
