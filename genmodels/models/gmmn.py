"""Generative moment matching network (Li, Swersky & Zemel 2015; Dziugaite, Roy & Ghahramani 2015).

    min_G MMD(p, q),   MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y),   x, x' ~ p,  y, y' ~ q

p and q are the laws of real and generated codes of an autoencoder, or of the images themselves. As in Li's paper the
loss is the root of the biased estimate, which keeps its pull where the MMD is small already. The paper's batch is
1,000; half of that does more in a minute.
"""

import math

import torch
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
from genmodels.models.layers import MLP, Decoder, Encoder, feature_norm, narrowing

BANDWIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)


class GMMN(Model):
    card = Card(
        title="Generative moment matching network",
        authors="Li, Swersky, Zemel; Dziugaite, Roy, Ghahramani",
        year=2015,
        link="https://arxiv.org/abs/1502.02761",
        idea="No opponent: a kernel compares all pairs within and between a batch of real and a batch of generated "
        "points, and so all their moments at once. Pixels have too many dimensions for that, so it compares the codes "
        "of an autoencoder, which learns beside it and turns generated codes into pictures.",
        objective=r"\min_G \; \bigl( \mathbb{E}\, k(x, x') + \mathbb{E}\, k(y, y') - 2 \, \mathbb{E}\, k(x, y) "
        r"\bigr)^{1/2}, \quad k(a, b) = \sum_s e^{-\lVert a - b \rVert^2 / 2s}",
        watch="A loss that falls, for nobody plays against the generator; it wavers as long as the codes are still "
        "being learned. At 0 the unbiased estimate on held-out images would mean that the kernel sees no difference. "
        "Then compare codes with pixels.",
        passage="Generative moment matching networks",
    )
    curves = {
        "autoencoder_loss": Curve("autoencoder: squared error", "per image"),
        "generator_loss": Curve("generator: MMD, training", "six kernels"),
        "loss": Curve("generator of pixels: MMD, training", "six kernels"),
        "mmd": Curve("squared MMD, unbiased, held-out images", "six kernels, squared distance"),
    }
    low = 0.0

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: Whole(1, 256, "latent dimensions", front=True) = 10,
        space: Choice(("codes", "pixels"), "where the MMD is taken", front=True) = "codes",
        code: Whole(2, 256, "numbers in a code", front=True) = 16,
        depth: Whole(0, 6, "hidden layers of the generator", front=True) = 3,
        width: Whole(16, 2048, "units of the widest layer") = 256,
        norm: Choice(("batch", "layer", "none"), "normalisation in the generator") = "batch",
        generator_lr: RATE = 3e-3,
        autoencoder_lr: RATE = 1e-3,
        batch: BATCH = 500,
    ) -> None:
        super().__init__(shape, classes, locals())
        out = code if space == "codes" else math.prod(shape)
        self.generator = MLP([latent, *narrowing(width, depth)[::-1], out], norm=feature_norm(norm))
        if space == "codes":
            self.encoder = Encoder("connected", shape, [width], 0, code)
            self.decoder = Decoder("connected", shape, [width], 0, code)

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """z ~ U[-1, 1], (count, latent), as in Li's paper."""
        return 2 * torch.rand(count, self.latent, generator=generator, device=generator.device) - 1

    def points(self, images: Tensor) -> Tensor:
        """What the kernel compares of images (N, C, H, W): codes (N, code), unbounded, or all pixels (N, C H W)."""
        return self.encoder(images) if self.space == "codes" else images.flatten(1)

    def generated(self, z: Tensor) -> Tensor:
        """Points of the same kind from latents (N, latent)."""
        # Li's codes end in a sigmoid and lie too close together for these bandwidths; linear ones spread.
        return self.generator(z) if self.space == "codes" else torch.sigmoid(self.generator(z))

    def picture(self, points: Tensor) -> Tensor:
        """Images (N, C, H, W) of points; the decoder is linear at its end and may leave [0, 1] a little."""
        return self.decoder(points) if self.space == "codes" else points.reshape(-1, *self.shape)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.picture(self.generated(z))

    def play_autoencoder(self, batch: Batch) -> Terms:
        error = precise(self.picture(self.points(batch.images))) - batch.images
        return {"loss": error.square().flatten(1).sum(1).mean()}

    def both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Real points, through which no gradient flows, and as many generated ones."""
        with torch.no_grad():
            real = self.points(batch.images)
        return precise(real), precise(self.generated(self.latents(len(real), batch.generator)))

    def play_generator(self, batch: Batch) -> Terms:
        # The root has an infinite slope at 0, and rounding may lead below it.
        return {"loss": (mmd2(*self.both(batch)).clamp(min=0) + 1e-8).sqrt()}

    def held_out(self, batch: Batch) -> Terms:
        return {"mmd": mmd2(*self.both(batch), biased=False)}

    def players(self) -> list[Player]:
        generator = Player(
            "generator", list(self.generator.parameters()), self.play_generator, adam(0.9, 0.999), self.generator_lr
        )
        if self.space == "pixels":
            return [generator]
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        return [
            Player("autoencoder", parameters, self.play_autoencoder, adam(0.9, 0.999), self.autoencoder_lr),
            generator,
        ]


def mmd2(x: Tensor, y: Tensor, bandwidths: tuple[float, ...] = BANDWIDTHS, biased: bool = True) -> Tensor:
    """Squared maximum mean discrepancy of points (N, D) and (M, D) under the kernel sum_s exp(-|a - b|^2 / 2s).

    Biased (Li 2015, equation 3) it is at least 0; unbiased (Gretton 2012, equation 3), without the pairs of a point
    with itself, its mean is 0 where both laws are equal.
    """
    within = [_kernel_sum(points, points, bandwidths) for points in (x, y)]
    between = _kernel_sum(x, y, bandwidths) / (len(x) * len(y))
    if biased:
        return within[0] / len(x) ** 2 + within[1] / len(y) ** 2 - 2 * between
    itself = len(bandwidths)  # k(a, a)
    shares = [(total - n * itself) / (n * (n - 1)) for total, n in zip(within, (len(x), len(y)), strict=True)]
    return shares[0] + shares[1] - 2 * between


def _kernel_sum(a: Tensor, b: Tensor, bandwidths: tuple[float, ...]) -> Tensor:
    with torch.autocast(a.device.type, enabled=False):  # distances are differences of large numbers
        apart = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    apart = apart.clamp(min=0)
    return sum(torch.exp(apart / (-2 * width)).sum() for width in bandwidths)
