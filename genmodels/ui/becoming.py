"""How a picture comes about: steps of a flow, pixels of a chain, and where attention gathers from."""

from genmodels import drawn
from genmodels.drawn import WAY
from genmodels.errors import UserError
from genmodels.models import can
from genmodels.models.base import Choice, Real, Whole
from genmodels.models.flow import Flow
from genmodels.pictures import to_uint8
from genmodels.scrutiny import INK
from genmodels.ui.draw import MODELS
from genmodels.ui.drawing import figure, number
from genmodels.ui.gallery import LABELS, SEED, Band, gallery, of_class
from genmodels.ui.sources import MINE, choice, source
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

SLOW = tuple(name for name in MODELS.options if name == MINE or name.rsplit("-", 1)[0] in WAY)
ATTENTIVE = choice("sample", "attention")
WIDEST = 900  # pixels


def becoming(
    *,
    model: Choice(SLOW, "trained", front=True) = SLOW[0],
    share: Real(0, 1, "how far on the way", front=True) = 0.5,
    seed: SEED = 0,
    count: Whole(1, 12, "samples") = 10,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Samples on their way, above what the model makes of them meanwhile."""
    asked = source(model, run, "sample")
    found = drawn.becoming(asked.model, seed, count, label, share)
    if isinstance(asked.model, Flow):
        names = "x, on its way from noise", "where the arrow points: x + (1 \N{MINUS SIGN} t) v"
        how = "Below, the picture that the present arrow alone would lead to: at first the mean of many, blurred."
    else:
        names = "pixels drawn so far", "how likely each was to be white, when its turn came"
        how = "Grey is not drawn yet. Below, the probability under which each pixel was drawn, given all before it."
    caption = f"{count} samples of {asked.origin}, seed {seed}{of_class(label, asked)}: {found.moment}. {how}"
    bands = [Band(names[0], found.pictures), Band(names[1], found.beneath)]
    svg = gallery(bands, min(width, WIDEST), caption, least=2)
    return {"becoming": figure("How it comes about", svg, caption, unit=found.moment)}


def attention(
    *,
    model: ATTENTIVE = ATTENTIVE.options[0],
    row: Whole(0, 31, "row of the pixel", front=True) = 10,
    column: Whole(0, 31, "column of the pixel", front=True) = 14,
    seed: SEED = 0,
    count: Whole(1, 20, "samples") = 10,
    label: LABELS = "all",
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """Samples with a pixel marked, above the positions from which it gathers."""
    if model == MINE and not run:
        words = "No model with self-attention to ask yet: train sagan in the Train tab, then come back."
        return {"attention": f'<p class="note">{words}</p>'}  # no fault of who only opened the page
    asked = source(model, run, "sample")
    if not can(asked.model, "attention"):
        raise UserError(f"{asked.model.name} has no attention: choose or train sagan.")
    labels = drawn.labels_of(asked.model, label, count)
    found = drawn.gathered(asked.model, seed, labels, row, column)
    side, positions = found.images.shape[3], found.weights[0].numel()
    row, column = min(row, side - 1) // 2 * 2, min(column, side - 1) // 2 * 2
    marked = found.images.expand(-1, 3, -1, -1).clone()
    marked[:, :, row : row + 2, column : column + 2] = marked.new_tensor(INK)[:, None, None]
    peaks = found.weights.flatten(1).amax(1)
    maps = to_uint8(found.weights / peaks[:, None, None])[:, None].repeat_interleave(2, 2).repeat_interleave(2, 3)
    caption = (
        f"{count} samples of {asked.origin}, seed {seed}{of_class(label, asked)}; marked, rows {row} and {row + 1}, "
        f"columns {column} and {column + 1}. Below, the weight of each of {positions} positions for it, white the "
        f"largest of its picture; under each, that weight over the even share 1/{positions}. Gamma is "
        f"{number(found.gamma)}: so much of what is gathered is added."
    )
    words = [f"{peak * positions:.1f}\N{MULTIPLICATION SIGN}" for peak in peaks.tolist()]
    bands = [Band("click a pixel", marked), Band("gathers from", maps, words)]
    svg = gallery(bands, min(width, WIDEST), caption, least=2)
    return {"attention": figure("Where a pixel gathers from", svg, caption)}


BECOMING = Tool(
    name="becoming",
    title="How it comes about",
    lead="Two models take their time: a flow carries noise to a picture in small steps, a chain draws pixel after "
    "pixel. Move the slider from 0 to 1.",
    answer=becoming,
    slots=("becoming",),
    presets=tuple(
        Preset(title, words, values)
        for title, words, values in (
            (
                "From noise",
                "At t = 0 every arrow points to the mean of its class.",
                {"model": "flow-mnist", "share": 0},
            ),
            ("Half a picture", "The chain knows only what lies above.", {"model": "made-mnist", "share": 0.5}),
        )
        if values["model"] in SLOW
    ),
)

ATTENTION = Tool(
    name="attention",
    title="Where does attention look?",
    lead="Self-attention lets a position gather from all others. Click a pixel of a sample, or drag over it: below "
    "stand the positions it asks, the brighter the more.",
    answer=attention,
    slots=("attention",),
)
