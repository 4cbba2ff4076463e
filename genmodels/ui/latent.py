"""The Latent space tab: what an autoencoder's codes say, and whether one can draw from them."""

from genmodels.ui import tool
from genmodels.ui.between import BETWEEN
from genmodels.ui.denoise import DENOISE
from genmodels.ui.generate import GENERATE
from genmodels.ui.plane_of_codes import PLANE
from genmodels.ui.reparameterisation import REPARAMETERISATION

TOOLS = (PLANE, BETWEEN, REPARAMETERISATION, GENERATE, DENOISE)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("latent", TOOLS, scripts=("handles.js", "sketch.js", "latent.js"))
