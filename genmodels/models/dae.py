"""Denoising autoencoder (Vincent et al. 2008): rebuild the clean picture from a corrupted one.

    min E ||x - r(x~)||^2,   x~ = x + sigma eps   or   x with pixels set to 0

For Gaussian noise the best r is x~ + sigma^2 grad log p_sigma(x~) (Miyasawa 1961; Alain & Bengio 2014).
"""

import torch
from torch import Tensor

from genmodels.models.ae import AE, CHANNELS, DEPTH, LATENT, NETWORK, WIDTH
from genmodels.models.base import BATCH, RATE, Batch, Card, Choice, Curve, Model, Real, Terms


class DAE(AE):
    card = Card(
        title="Denoising autoencoder",
        authors="Vincent, Larochelle, Bengio, Manzagol",
        year=2008,
        link="https://doi.org/10.1145/1390156.1390294",
        idea="Spoil the picture, then ask for the clean one. To undo noise the network must know where pictures "
        "lie: its correction points uphill on their density.",
        objective=r"\min_r \; \mathbb{E}_{x, \tilde x} \lVert x - r(\tilde x) \rVert^2",
        watch="Three rows: the picture, the spoiled picture, the network's guess.",
        passage="Autoencoder: too much capacity, and how to mend it",
    )
    curves = {
        "loss": Curve("squared error against the clean picture, training", "per image"),
        "held_out": Curve("squared error against the clean picture, held-out images", "per image"),
    }

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        corruption: Choice(("gaussian", "masking"), "corruption", front=True, live=True) = "gaussian",
        sigma: Real(0, 2, "noise, standard deviation", front=True, live=True) = 0.5,
        masked: Real(0, 1, "share of pixels masked", live=True) = 0.5,
        latent: LATENT = 64,
        network: NETWORK = "connected",
        depth: DEPTH = 1,
        width: WIDTH = 400,
        channels: CHANNELS = 32,
        lr: RATE = 1e-3,
        batch: BATCH = 128,
    ) -> None:
        Model.__init__(self, shape, classes, locals())
        self.networks()

    def corrupt(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The spoiled images (N, C, H, W); a masked pixel loses all its channels."""
        if self.corruption == "gaussian":
            return images + self.sigma * torch.randn(images.shape, generator=generator, device=images.device)
        kept = torch.rand(images[:, :1].shape, generator=generator, device=images.device) >= self.masked
        return images * kept

    def loss(self, batch: Batch) -> Terms:
        return {"loss": self.error(self.corrupt(batch.images, batch.generator), batch.images)}
