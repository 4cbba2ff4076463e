"""Wasserstein GAN (Arjovsky, Chintala & Bottou 2017) by weight clipping.

    min_G max_{f in F} E f(x) - E f(G(z)),   F: networks whose weights all lie in [-c, c]

Functions in F are K-Lipschitz for a K nobody knows, so the critic's gap estimates K W1(p, q). The paper has c = 0.01
and both rates 5e-5; the defaults here suit a minute, not a day.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import RMSprop

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, Adversarial
from genmodels.models.base import BATCH, RATE, Batch, Card, Choice, Curve, Player, Real, Terms, Whole, precise
from genmodels.models.layers import MLP, Downsampler, Upsampler, feature_norm, narrowing

CRITIC_STEPS = Whole(1, 20, "critic steps per round", front=True, live=True)
NETWORK = Choice(("connected", "convolutional"), "networks", front=True)


class WGAN(Adversarial):
    card = Card(
        title="Wasserstein GAN",
        authors="Arjovsky, Chintala, Bottou",
        year=2017,
        link="https://arxiv.org/abs/1701.07875",
        idea="Instead of classifying, a critic measures how far the two distributions lie apart: the cost of moving "
        "one onto the other. That distance falls smoothly even where the distributions do not overlap.",
        objective=r"\min_G \max_{f \in \mathcal{F}} \; \mathbb{E}_x f(x) - \mathbb{E}_z f(G(z)), \quad "
        r"\mathcal{F}: |w| \le c",
        watch="The critic's gap, K times the Wasserstein distance, falls as the pictures get better: at last a "
        "curve that says something. K is unknown under clipping, so compare it only with itself.",
        passage="WGAN",
    )
    curves = {
        "critic_loss": Curve("critic loss", "score units"),
        "generator_loss": Curve("generator loss", "score units"),
        "wasserstein": Curve("K times Wasserstein-1, K unknown, held-out images", "score units"),
    }

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        network: NETWORK = "connected",
        depth: Whole(1, 6, "hidden layers, connected", front=True) = 2,
        width: Whole(16, 2048, "units of the widest layer, connected") = 256,
        channels: Whole(8, 128, "first channels, convolutional") = 32,
        clip: Real(1e-4, 1, "weights clipped to", log=True, front=True, live=True) = 0.05,
        steps: CRITIC_STEPS = 5,
        generator_lr: RATE = 2e-3,
        critic_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        super().__init__(shape, classes, locals())
        self.networks(norm="none")

    def networks(self, norm: str) -> None:
        """A batch-normed generator, and a critic with the given normalisation."""
        if self.network == "convolutional":
            self.generator = Upsampler(self.latent, *self.shape[:2], self.channels, nn.ReLU(), "batch")
            self.discriminator = Downsampler(*self.shape[:2], self.channels, 1, nn.LeakyReLU(0.2), norm)
        else:
            pixels, hidden = math.prod(self.shape), narrowing(self.width, self.depth)
            self.generator = MLP([self.latent, *hidden[::-1], pixels], norm=nn.BatchNorm1d)
            self.discriminator = MLP([pixels, *hidden, 1], lambda: nn.LeakyReLU(0.2), feature_norm(norm))

    def gap(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """E f(x) - E f(G(z))."""
        return precise(self.critic(real, batch.labels)).mean() - precise(self.critic(fake, batch.labels)).mean()

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        return {"loss": -self.gap(real, fake, batch)}

    def generator_loss(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def held_out(self, batch: Batch) -> Terms:
        return {"wasserstein": self.gap(batch.images, self.fakes(batch), batch)}

    @torch.no_grad()
    def clip_weights(self) -> None:
        for weight in self.discriminator.parameters():
            weight.clamp_(-self.clip, self.clip)

    def players(self) -> list[Player]:
        # No momentum: the critic's loss moves under its feet (section 4 of the paper).
        return self.game(partial(RMSprop, foreach=True), "critic", self.clip_weights)
