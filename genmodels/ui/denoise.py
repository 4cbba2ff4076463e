"""Denoise: pictures, what noise leaves of them, and what a denoising autoencoder makes of that."""

import torch
from torch import Tensor

from genmodels import latent
from genmodels.errors import UserError
from genmodels.models import can
from genmodels.models.base import Choice, Real, Whole
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.gallery import SEED, Band, gallery
from genmodels.ui.sources import Source, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

MODELS = choice("corrupt", "reconstruct")
FIRST = MODELS.options[0]
SHOWN = 8
GAUSSIAN, MASKING = KINDS = ("gaussian", "masking")


def denoise(
    *,
    model: MODELS = FIRST,
    kind: Choice(KINDS, "corruption", front=True) = GAUSSIAN,
    level: Real(0, 1, "level: deviation of the noise, or share of pixels masked", front=True) = 0.5,
    start: Whole(0, 9999, "number of the first test picture", front=True) = 0,
    seed: SEED = 0,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Three rows of pictures with their errors, and the mean error at every level."""
    asked = source(model, run)
    if not can(asked.model, "corrupt"):
        raise UserError(f"{asked.model.name} was never asked to undo noise: choose a denoising autoencoder, dae.")
    latent.picture(asked.dataset, start)
    index = torch.arange(start, start + SHOWN) % len(asked.dataset.test_images)
    images = asked.dataset.test_images[index]
    spoiled, rebuilt, before, after = latent.denoised(asked.model, images, kind, level, seed)
    trained = asked.model.corruption, asked.model.sigma if asked.model.corruption == GAUSSIAN else asked.model.masked
    svg = gallery(
        [
            Band("test pictures", images),
            Band("corrupted", spoiled, _words(before)),
            Band("rebuilt", rebuilt, _words(after)),
        ],
        width,
        f"{SHOWN} test pictures, corrupted with {kind} noise of level {number(level)}, and rebuilt",
        least=2,
    )
    rows = figure(
        "Pictures, noise, answers",
        svg,
        f"{SHOWN} test pictures of {asked.dataset.title} from number {start}, corrupted ({kind}, {number(level)}) and "
        f"rebuilt by {asked.origin}, which learned with {trained[0]}, {number(trained[1])}. Under each the mean "
        f"squared error per pixel against the clean picture: {_mean(before)} and {_mean(after)} in the mean.",
    )
    return {"rows": rows, "curve": _curve(asked, kind, level, width)}


def _words(errors: Tensor) -> list[str]:
    return [f"{error:.3f}" for error in errors.tolist()]


def _mean(errors: Tensor) -> str:
    return f"{errors.mean().item():.4f}"


def _curve(asked: Source, kind: str, level: float, width: int) -> str:
    levels, before, after = latent.denoising_curve(asked.model, asked.dataset, kind)
    canvas = Canvas((0, 1), (0, 1.05 * max(*after, min(max(before), 0.3))), min(width, 560), 200)
    canvas.line(levels, before, 4)
    canvas.line(levels, after, 0)
    canvas.mark(level, "the level above")
    return figure(
        "Error at every level",
        canvas.svg(f"Errors before and after, from {_error(after[0])} at level 0 to {_error(after[-1])} at level 1"),
        f"Mean over {latent.CURVE_PICTURES} test pictures at {len(levels)} levels. At level 0 the code alone costs "
        f"{_error(after[0])}; beyond the level it learned with, the answers grow worse.",
        unit="mean squared error per pixel",
        entries=[("corrupted", 4, ""), ("rebuilt", 0, "")],
        x_label="level",
    )


def _error(value: float) -> str:
    return f"{value:.3f}"


DENOISE = Tool(
    name="denoise",
    title="Denoise",
    lead="A denoising autoencoder was shown spoiled pictures and asked for the clean ones. Move the level: up to what "
    "it learned with, and beyond.",
    answer=denoise,
    slots=("rows", "curve"),
    presets=(
        Preset(
            "Twice the noise",
            "More than it was taught: it still answers with digits, not always the right ones.",
            {"level": 1},
        ),
        Preset("Pixels missing", "Another kind of damage than the one it knows.", {"kind": MASKING, "level": 0.6}),
        Preset("No noise", "Clean pictures lose something, too: what the code cannot hold.", {"level": 0}),
    ),
)
