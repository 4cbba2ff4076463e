"""The Information tab: what distributions say about each other, in tables, codes, trees and a classifier."""

from genmodels.ui import tool
from genmodels.ui.chain import CHAIN
from genmodels.ui.channel import CHANNEL
from genmodels.ui.codes import CODES
from genmodels.ui.joint import JOINT_TOOL
from genmodels.ui.lengths import LENGTHS

TOOLS = (JOINT_TOOL, CODES, CHAIN, CHANNEL, LENGTHS)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("information", TOOLS, scripts=("handles.js", "information.js"))
