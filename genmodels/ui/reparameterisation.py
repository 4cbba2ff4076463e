"""Reparameterisation: the posterior of one picture, a draw from it, and what each dimension of the code is worth."""

import math
from html import escape

import torch

from genmodels import latent
from genmodels.diagnosis import SILENT
from genmodels.errors import UserError
from genmodels.latent import Draw
from genmodels.models import can
from genmodels.models.base import Whole
from genmodels.ui.drawing import BOTTOM, LEFT, RIGHT, TOP, Canvas, figure, number
from genmodels.ui.formula import equations
from genmodels.ui.gallery import SEED, Band, gallery
from genmodels.ui.mosaic import row
from genmodels.ui.sources import Source, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

MODELS = choice("posterior", "decode")
FIRST = "vae-mnist" if "vae-mnist" in MODELS.options else MODELS.options[0]
REACH = 3.0
PRIOR, POSTERIOR = 4, 0
BARS = 128  # at most
LISTED = 6  # dimensions of the table
PICTURES = 210  # pixels that they take
ALONG = 9  # pictures of a traversal
MU, SIGMA, EPS = "\N{GREEK SMALL LETTER MU}", "\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER EPSILON}"
DICE = f'<p><button type="button" data-sets="seed" data-to="any">Throw the dice: another {EPS}</button></p>'


def reparameterise(
    *,
    model: MODELS = FIRST,
    picture: Whole(0, 9999, "number of the test picture", front=True) = 0,
    seed: SEED = 0,
    first: Whole(1, 256, "dimension to the right", front=True) = 1,
    second: Whole(1, 256, "dimension upwards", front=True) = 2,
    along: Whole(1, 256, "dimension to traverse", front=True) = 1,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The posterior with its draw, the pictures, the KL of each dimension, and one dimension traversed."""
    asked = source(model, run, "encode", "decode")
    if not can(asked.model, "posterior"):
        raise UserError(f"{asked.model.name} gives a picture one code and no distribution: choose a vae or a cvae.")
    image, label = latent.picture(asked.dataset, picture)
    drawn = latent.draw(asked.model, image, label, seed)
    places = [latent.dimension(which - 1, len(drawn.mu)) for which in (first, second, along)]
    posterior = _posterior(drawn, *places[:2], picture, min(420, width if width < 540 else width - PICTURES - 30))
    pictures = _pictures(asked, drawn, image, label, seed)
    return {
        "posterior": row(posterior, f"<div>{pictures}{DICE}</div>"),
        "numbers": _numbers(drawn, *places[:2]),
        "bars": _bars(asked, drawn, places[2], width),
        "traversal": _traversal(asked, drawn, label, places[2], width),
        "table": _table(drawn),
    }


def _posterior(drawn: Draw, i: int, j: int, which: int, side: int) -> str:
    canvas = Canvas((-REACH, REACH), (-REACH, REACH), side, side - LEFT - RIGHT + TOP + BOTTOM)
    around = torch.linspace(0, 2 * math.pi, 73)
    mu, sigma, z = (part[[i, j]] for part in (drawn.mu, drawn.sigma, drawn.z))
    for radius in (1, 2):
        circle = radius * torch.stack([around.cos(), around.sin()])
        canvas.line(*circle.tolist(), PRIOR, read=False, dashed=True)
        canvas.line(*(mu[:, None] + sigma[:, None] * circle).tolist(), POSTERIOR, read=False)
    canvas.arrows([tuple(mu.tolist())], [tuple(z.tolist())])
    canvas.dots(*mu[:, None].tolist(), POSTERIOR, 3)
    canvas.dots(*z[:, None].tolist(), 1, 4)
    where = ", ".join(number(round(m, 3)) for m in mu.tolist())
    alt = f"The posterior of dimensions {i + 1} and {j + 1} around ({where}), over the prior"
    return figure(
        "Posterior over prior",
        canvas.svg(alt),
        f"q(z|x) of test picture {which} at one and two deviations, the prior's dashed; the arrow is "
        f"{SIGMA}{EPS}, from {MU} to z. Exact, but for the one draw.",
        unit=f"upwards: z{j + 1}",
        entries=[("prior p(z)", PRIOR, "N(0, 1)"), ("posterior q(z|x)", POSTERIOR, ""), ("this z", 1, "")],
        x_label=f"z{i + 1}",
    )


def _pictures(asked: Source, drawn: Draw, image: torch.Tensor, label: torch.Tensor, seed: int) -> str:
    made = latent.decoded(asked.model, torch.stack([drawn.mu, drawn.z]), label.repeat(2))
    name = asked.dataset.classes[label]
    words = ("x", f"from {MU}", "from z")
    svg = gallery(
        [Band("", torch.cat([image, made]), words)], PICTURES, f"Test picture of {name}, decoded from mu and from z"
    )
    caption = f"A test picture, its decoding by {asked.origin} from the mean, and from the draw with seed {seed}."
    return figure("What it decodes to", svg, caption)


def _numbers(drawn: Draw, i: int, j: int) -> str:
    lines = []
    for k in dict.fromkeys((i, j)):
        mu, sigma, eps, z = (number(round(part[k].item(), 3)) for part in (drawn.mu, drawn.sigma, drawn.eps, drawn.z))
        lines.append(
            (
                rf"z_{{{k + 1}}}=\mu_{{{k + 1}}}+\sigma_{{{k + 1}}}\,\varepsilon_{{{k + 1}}}",
                f"= {mu} + {sigma} \N{MULTIPLICATION SIGN} ({eps}) = {z}",
            )
        )
    total = r"\mathrm{KL}=\frac{1}{2}\sum_i\,(\mu_i^2+\sigma_i^2-1-\log\sigma_i^2)"
    lines.append((total, f"= {number(round(drawn.kl.sum().item(), 2))} nats for this picture"))
    says = (
        f"The noise is drawn outside and only then stretched and moved: so z has slopes by {MU} and {SIGMA}, along "
        "which the encoder learns. A draw by itself has none."
    )
    return f"<figure>{equations(*lines)}<figcaption>{says}</figcaption></figure>"


def _bars(asked: Source, drawn: Draw, along: int, width: int) -> str:
    means = latent.mean_kl(asked.model, asked.dataset)
    count, shown = len(means), min(BARS, len(means))
    most = 1.1 * max(0.1, drawn.kl[:shown].max().item(), means[:shown].max().item())
    canvas = Canvas((0.5, shown + 0.5), (0, most), min(width, 760), 190)
    for k, (here, mean) in enumerate(zip(drawn.kl[:shown].tolist(), means[:shown].tolist(), strict=True)):
        canvas.box((k + 0.6, k + 1.4), (0, here), POSTERIOR, 1 if k == along else 0.5)
        canvas.line([k + 0.55, k + 1.45], [mean, mean], "var(--ink)", read=False)
        says = f"dimension {k + 1}: {number(round(here, 3))} nats here, {number(round(mean, 3))} in the mean"
        canvas.box(
            (k + 0.5, k + 1.5),
            (0, most),
            "transparent",
            title=says,
            more=f' tabindex="0" role="button" aria-label="{escape(says)}" data-sets="along" data-to="{k + 1}"',
        )
    first = f", the first {shown} dimensions" if shown < count else ""
    silent = int((means < latent.COLLAPSED).sum())
    if silent:
        # A code larger than needed switches some off; one that says hardly anything has collapsed.
        said = "Posterior collapse: " if count - silent <= SILENT * count else ""
        verdict = (
            f"{said}{silent} of {count} dimensions have a mean KL below {latent.COLLAPSED} nats. Their posterior is "
            "the prior, whatever the picture; the decoder cannot use them."
        )
    else:
        verdict = f"No posterior collapse: none of {count} dimensions has a mean KL below {latent.COLLAPSED} nats."
    return figure(
        "What each dimension says",
        canvas.svg(f"KL of {count} dimensions in nats, dimension {along + 1} chosen", ' data-group="bars"'),
        f"{verdict} Bars: this picture{first}; strokes: mean over {latent.SUBSET:,} test pictures, "
        f"{number(round(means.sum().item(), 2))} nats in all. Click a bar to traverse its dimension.",
        unit="KL, nats",
        x_label="dimension of z",
    )


def _traversal(asked: Source, drawn: Draw, label: torch.Tensor, along: int, width: int) -> str:
    strip = latent.traverse(asked.model, drawn.mu, label, along, ALONG)
    words = [number(round(step, 2)) for step in torch.linspace(-latent.FAR, latent.FAR, ALONG).tolist()]
    svg = gallery(
        [Band("", strip, words)],
        width,
        f"{ALONG} pictures as dimension {along + 1} goes from {words[0]} to {words[-1]}",
        least=2,
    )
    return figure(
        f"Dimension {along + 1} alone",
        svg,
        f"Only z{along + 1} changes, from {words[0]} to {words[-1]}; the rest of z stays at the picture's "
        f"{MU}, {number(round(drawn.mu[along].item(), 2))} here.",
    )


def _table(drawn: Draw) -> str:
    top = drawn.kl.argsort(descending=True)[:LISTED].tolist()
    columns = (drawn.mu, drawn.sigma, drawn.eps, drawn.z, drawn.kl)
    rows = "".join(
        f"<tr><th>z{k + 1}</th>{''.join(f'<td>{number(round(part[k].item(), 3))}</td>' for part in columns)}</tr>"
        for k in top
    )
    names = (MU, SIGMA, EPS, "z", "KL, nats")
    head = "".join(f"<th>{name}</th>" for name in names)
    return (
        f"<table><thead><tr><td></td>{head}</tr></thead>{rows}</table>"
        f'<p class="note">The {len(top)} of {len(drawn.mu)} dimensions that say most about this picture.</p>'
    )


REPARAMETERISATION = Tool(
    name="reparameterisation",
    title="Reparameterisation",
    lead="The encoder of a VAE answers with a distribution, and the code is drawn from it. Throw the dice: z moves "
    "inside the ellipse, and the picture hardly changes, for the decoder has learned to stand the noise.",
    answer=reparameterise,
    slots=("posterior", "numbers", "bars", "traversal", "table"),
    presets=tuple(
        Preset(title, claim, values)
        for title, claim, values in (
            ("Another throw", "The same picture, another z: nearly the same decoding.", {"seed": 7}),
            (
                "Told the class",
                "A conditional VAE pays fewer nats: the class comes for nothing.",
                {"model": "cvae-mnist"},
            ),
        )
        if values.get("model", FIRST) in MODELS.options
    ),
)
