"""The Information tab: what distributions say about each other, in tables, codes, trees and a classifier."""

from genmodels.ui import tool
from genmodels.ui.joint import JOINT_TOOL

TOOLS = (JOINT_TOOL,)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("information", TOOLS, script="information.js")
