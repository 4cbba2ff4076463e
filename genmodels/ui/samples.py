"""The Samples tab: what one can ask of any trained model that generates."""

from genmodels.ui import tool
from genmodels.ui.becoming import ATTENTION, BECOMING
from genmodels.ui.draw import DRAW, WALK
from genmodels.ui.pairs import CARRY, PAIR
from genmodels.ui.scrutiny import NEAREST, OPINIONS

TOOLS = (DRAW, BECOMING, PAIR, CARRY, OPINIONS, NEAREST, ATTENTION, WALK)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("samples", TOOLS, scripts=("sketch.js", "samples.js"))
