"""What the discriminator thinks of samples, and which training images they resemble."""

from functools import lru_cache

from torch import Tensor

from genmodels import drawn
from genmodels.errors import UserError
from genmodels.models import can
from genmodels.models.base import Choice, Model, Real, Whole
from genmodels.scrutiny import FEATURES, HELD_OUT, REAL, SPACES, followed, heat, neighbours, normed, opinion
from genmodels.ui.draw import FIRST, MODELS
from genmodels.ui.drawing import figure, number
from genmodels.ui.gallery import LABELS, SEED, Band, gallery, of_class
from genmodels.ui.sources import REMEMBERED, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

JUDGES = choice("sample", "critic")
VERDICT = 50  # samples from which the verdict on memorising is drawn
WIDEST = 900  # pixels


def opinions(
    *,
    model: JUDGES = "dcgan-mnist" if "dcgan-mnist" in JUDGES.options else JUDGES.options[0],
    step: Real(0, 10, "follow the slopes for a step of length", front=True) = 2.0,
    seed: SEED = 0,
    count: Whole(1, 60, "samples") = 10,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The score under each sample, and its slope in every pixel."""
    asked = source(model, run, "sample")
    if not can(asked.model, "critic"):
        raise UserError(f"{asked.model.name} learns without an opponent: choose a GAN.")
    labels = drawn.labels_of(asked.model, label, count)
    images = drawn.draw(asked.model, seed, labels).images
    found = opinion(asked.model, images, labels, asked.dataset)
    colours, full = heat(found.slopes)
    below = [f"{(found.real < score).double().mean():.0%}" for score in found.scores]
    if found.probabilities is not None:
        below = [f"p {probability:.2f}" for probability in found.probabilities.tolist()]
    bands = [
        Band("samples, their scores below", images, [_short(score) for score in found.scores.tolist()]),
        Band("what would raise the score", colours, below),
    ]
    moved, scores = followed(asked.model, images, labels, found.slopes, step)
    bands.append(Band(f"after a step of {step:g} that way, and its score", moved, [_short(s) for s in scores.tolist()]))
    tests = min(REAL, len(asked.dataset.test_images))
    low, middle, high = found.real.quantile(found.real.new_tensor([0.05, 0.5, 0.95])).tolist()
    lower = " In percent: test images with a lower score." if found.probabilities is None else ""
    norms = (
        f" D has batch norm: as in training, samples meet the statistics of {REAL} samples and test images those of "
        f"{tests} test images."
        if normed(asked.model)
        else ""
    )
    caption = (
        f"{count} samples of {asked.origin}, seed {seed}{of_class(label, asked)}. Orange pixels would raise the score "
        f"by turning brighter, blue ones by turning darker; full colour is {number(full)} a pixel from black to white, "
        f"or more, on one scale for all. Last, each after a step of Euclidean length {step:g} along its slopes, no "
        "pixel beyond black and white."
    )
    words = (
        f"Scores of {tests} test images: median {number(middle)}, nine in ten from {number(low)} to {number(high)}. "
        f"Of {count} samples: median {number(found.scores.median().item())}. Here {found.meaning}.{lower}{norms}"
    )
    svg = gallery(bands, min(width, WIDEST), caption, least=2)
    return {"opinions": figure("What D thinks", svg, f"{caption} {words}")}


def nearest(
    *,
    model: MODELS = "gan-mnist" if "gan-mnist" in MODELS.options else FIRST,
    seed: SEED = 0,
    count: Whole(1, 20, "samples shown") = 10,
    ranks: Whole(1, 5, "nearest of each") = 3,
    space: Choice(SPACES, "near by", front=True) = SPACES[0],
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Each sample above its nearest training images, and the verdict of more samples."""
    asked = source(model, run, "sample")
    many = max(count, VERDICT)
    images = _drawn(asked.model, seed, label, many)
    found = neighbours(images, asked.dataset, ranks, space)
    bands = [Band("samples", images[:count])]
    for rank in range(found.indices.shape[1]):
        places = ("nearest training images", "second", "third", "fourth", "fifth")
        words = [f"{distance:.1f}" for distance in found.distances[:count, rank].tolist()]
        bands.append(Band(places[rank], asked.dataset.images[found.indices[:count, rank]], words))
    unit = "in the judge's features" if space == FEATURES else "of pixels, black 0 and white 1"
    caption = (
        f"{count} samples of {asked.origin}, seed {seed}{of_class(label, asked)}, above the nearest of {found.of:,} "
        f"training images; below each its Euclidean distance {unit}."
    )
    tests = min(HELD_OUT, len(asked.dataset.test_images))
    said = (
        f"{found.verdict} Medians: {number(found.distances[:, 0].median().item())} for {many} samples, "
        f"{number(found.expected)} for {tests} held-out test images, to the same training images."
    )
    if asked.dataset.shift:
        said += " This run learned them shifted a little: a shifted copy lies farther away than an exact one."
    svg = gallery(bands, min(width, WIDEST), caption, least=2)
    return {"nearest": figure("Nearest training pictures", svg, f"{said} {caption}")}


@lru_cache(maxsize=4)
def _drawn(model: Model, seed: int, label: str, count: int) -> Tensor:
    """Kept, so that other neighbours of the same samples are found at once."""
    return drawn.draw(model, seed, drawn.labels_of(model, label, count)).images


REMEMBERED.append(_drawn)


def _short(value: float) -> str:
    """A score in three digits, for there is little room below a picture."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}") if abs(value) < 1000 else number(round(value))


OPINIONS = Tool(
    name="opinions",
    title="What does D think?",
    lead="The discriminator's opinion of each sample, and the change it asks for: the generator learns from nothing "
    "but these slopes. Follow them: the score soon beats that of real pictures, and the picture is no better.",
    answer=opinions,
    slots=("opinions",),
    presets=tuple(
        Preset(title, words, {"model": name})
        for name, title, words in (
            ("dcgan-mnist", "dcgan's discriminator", "It classifies: its score is the logit of a probability."),
            (
                "wgan_gp-mnist",
                "wgan_gp's critic",
                "It does not classify: it measures, and its slopes are of one length.",
            ),
            ("r3gan-mnist", "r3gan's discriminator", "It only compares: no score means anything alone."),
        )
        if name in JUDGES.options
    ),
)

NEAREST = Tool(
    name="nearest",
    title="Nearest training pictures",
    lead="Does the model repeat what it saw? Beside the distances of samples stand those of test images, which no "
    "model has seen: copies would lie far nearer.",
    answer=nearest,
    slots=("nearest",),
    presets=(
        Preset("Alike to the judge", "Pictures of one kind lie near in its features.", {"space": FEATURES}),
        *(
            Preset(f"{name}", words, {"model": name})
            for name, words in (("vae-mnist", "Blurred samples lie near to everything, and copy nothing."),)
            if name in MODELS.options
        ),
    ),
)
