"""The Latent space tab: what an autoencoder's codes say, and whether one can draw from them."""

from genmodels.ui import tool
from genmodels.ui.plane_of_codes import PLANE

TOOLS = (PLANE,)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("latent", TOOLS, scripts=("handles.js", "latent.js"))
