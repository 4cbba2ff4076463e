"""Autoencoder (Baldi & Hornik 1989; Hinton & Salakhutdinov 2006): squared error, summed over pixels.

    min E ||x - g(f(x))||^2

Without hidden layers f and g are affine, and the best of them is principal component analysis.
"""

from torch import Tensor

from genmodels.models.base import (
    BATCH,
    RATE,
    Batch,
    Card,
    Choice,
    Curve,
    Model,
    Player,
    Terms,
    Whole,
    adam,
    precise,
)
from genmodels.models.layers import Decoder, Encoder

LATENT = Whole(1, 256, "latent dimensions", front=True)
NETWORK = Choice(("connected", "convolutional"), "networks", front=True)
DEPTH = Whole(0, 6, "hidden layers, connected", front=True)
WIDTH = Whole(16, 2048, "hidden units", front=True)
CHANNELS = Whole(4, 128, "first channels, convolutional")


class AE(Model):
    card = Card(
        title="Autoencoder",
        authors="Baldi, Hornik; Hinton, Salakhutdinov",
        year=2006,
        link="https://doi.org/10.1126/science.1127647",
        idea="Squeeze a picture through a few numbers and rebuild it. What survives is what pictures have in common. "
        "Nothing says where the codes lie, so an autoencoder cannot generate.",
        objective=r"\min_{f, g} \; \mathbb{E}_x \lVert x - g(f(x)) \rVert^2",
        watch="The error on held-out pictures against that on training pictures: where they part, it memorises.",
        passage="Autoencoder",
    )
    curves = {
        "loss": Curve("squared error, training", "per image"),
        "held_out": Curve("squared error, held-out images", "per image"),
    }
    low = 0.0

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 32,
        network: NETWORK = "connected",
        depth: DEPTH = 1,
        width: WIDTH = 400,
        channels: CHANNELS = 32,
        lr: RATE = 1e-3,
        batch: BATCH = 128,
    ) -> None:
        super().__init__(shape, classes, locals())
        self.networks()

    def networks(self) -> None:
        hidden = [self.width] * self.depth
        self.encoder = Encoder(self.network, self.shape, hidden, self.channels, self.latent)
        self.decoder = Decoder(self.network, self.shape, hidden, self.channels, self.latent)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes (N, latent) of images (N, C, H, W) in [0, 1]."""
        return self.encoder(images)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) from codes (N, latent); the output is linear and may leave [0, 1] a little."""
        return self.decoder(z)

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(images))

    def error(self, images: Tensor, target: Tensor) -> Tensor:
        """Squared error, summed over pixels and channels, mean over images."""
        return (precise(self.reconstruct(images)) - target).square().flatten(1).sum(1).mean()

    def loss(self, batch: Batch) -> Terms:
        return {"loss": self.error(batch.images, batch.images)}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.loss(batch)["loss"]}

    def players(self) -> list[Player]:
        return [Player("model", list(self.parameters()), self.loss, adam(0.9, 0.999), self.lr)]
