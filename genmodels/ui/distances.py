"""The Distances tab: divergences that fall silent, earth that is moved, maps, and critics."""

from genmodels.ui import tool
from genmodels.ui.dual import DUAL
from genmodels.ui.earth import EARTH
from genmodels.ui.monge import MONGE
from genmodels.ui.points import POINTS
from genmodels.ui.slide import SLIDE

TOOLS = (SLIDE, EARTH, POINTS, MONGE, DUAL)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("distances", TOOLS, scripts=("handles.js",))
