"""Can it generate? Codes from N(0, I) beside codes from a law fitted to them, of two autoencoders."""

import torch

from genmodels import drawn, latent, mixture
from genmodels.errors import UserError
from genmodels.models.base import Choice, Flag, Whole
from genmodels.ui.drawing import figure, number
from genmodels.ui.gallery import LABELS, SEED, of_class
from genmodels.ui.mosaic import mosaic, row
from genmodels.ui.plane_of_codes import FIRST, MODELS
from genmodels.ui.sources import Source, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

ROWS = 5


def generate(
    *,
    model: MODELS = "ae-mnist" if "ae-mnist" in MODELS.options else FIRST,
    other: Choice(MODELS.options, "beside it", front=True) = FIRST,
    seed: SEED = 0,
    label: LABELS = "all",
    components: Whole(1, 40, "Gaussians in the mixture") = 10,
    measured: Flag("with distances, which take seconds", front=True) = False,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Both laws through both decoders, a row for each law."""
    pair = [source(name, run, "encode", "decode") for name in (model, other)]
    one = width if width < 540 else min(580, (width - 30) // 2)
    return {
        "prior": row(*(_prior(asked, seed, label, one) for asked in pair)),
        "mixture": row(*(_mixture(asked, seed, label, components, one) for asked in pair)),
        "table": _table([*dict.fromkeys(pair)], components) if measured else "",
    }


def _prior(asked: Source, seed: int, label: str, width: int) -> str:
    meant = (
        "the law its codes were trained to follow" if latent.has_prior(asked.model) else "a law it has never heard of"
    )
    dimensions = latent.codes(asked.model, asked.dataset)[0].shape[1]
    z = torch.randn(_count(asked, width), dimensions, generator=torch.Generator().manual_seed(seed))
    return _pictures(asked, f"{asked.model.name}: z from N(0, I)", z, seed, label, width, meant)


def _mixture(asked: Source, seed: int, label: str, components: int, width: int) -> str:
    try:
        law = mixture.of_codes(asked.model, asked.dataset, components)
    except UserError as error:  # the prior's pictures stand all the same
        return f'<p class="note">{error}</p>'
    z = law.draw(_count(asked, width), torch.Generator().manual_seed(seed))
    fitted = min(mixture.CODES, len(asked.dataset.images))
    meant = f"{len(law.shares)} Gaussians fitted to the codes of {fitted:,} training pictures"
    return _pictures(asked, f"{asked.model.name}: z from a mixture", z, seed, label, width, meant)


def _columns(asked: Source, width: int) -> int:
    return max(1, min(10, width // (2 * (asked.dataset.shape[2] + 1))))


def _count(asked: Source, width: int) -> int:
    return ROWS * _columns(asked, width)


def _pictures(asked: Source, title: str, z: torch.Tensor, seed: int, label: str, width: int, meant: str) -> str:
    made = latent.decoded(asked.model, z, drawn.labels_of(asked.model, label, len(z)))
    caption = f"{len(z)} draws, seed {seed}, decoded by {asked.origin}{of_class(label, asked)}; from {meant}."
    return figure(title, mosaic(made, _columns(asked, width), width, caption), caption)


def _table(models: list[Source], components: int) -> str:
    """Feature distances of both laws, with their floor."""
    rows = []
    for asked in models:
        found = mixture.distances(asked.model, asked.dataset, components)
        values = "".join(f"<td>{number(round(distance.distance, 2))}</td>" for distance in found)
        rows.append(f"<tr><th>{asked.model.name}</th>{values}<td>{number(round(found[0].floor, 2))}</td></tr>")
    return (
        "<table><thead><tr><th>feature distance</th><th>N(0, I)</th><th>mixture</th><th>floor</th></tr></thead>"
        f"{''.join(rows)}</table>"
        f'<p class="note">From {found[0].count:,} draws of each law to as many test pictures, all classes in turn; the '
        "floor is that of training against test pictures, the same number. Less is better.</p>"
    )


GENERATE = Tool(
    name="generate",
    title="Can it generate?",
    lead="Any numbers can be decoded, but which? An autoencoder's codes lie where they like, so that N(0, I) misses "
    "them; a VAE was made to fill N(0, I). A law fitted to the codes afterwards helps both.",
    answer=generate,
    slots=("prior", "mixture", "table"),
    presets=tuple(
        Preset(title, claim, values)
        for title, claim, values in (
            (
                "In numbers",
                "An autoencoder cannot generate from N(0, I), a VAE can: the distance to real pictures says so.",
                {"measured": True},
            ),
            (
                "A denoising autoencoder",
                "It knows where pictures lie, but not where codes lie.",
                {"model": "dae-mnist"},
            ),
            ("One Gaussian", "A single Gaussian for all codes: better than N(0, I).", {"components": 1}),
        )
        if values.get("model", FIRST) in MODELS.options
    ),
    folded=("components",),
)
