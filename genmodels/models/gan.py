"""Generative adversarial network (Goodfellow et al. 2014), fully connected.

min_G max_D V = E log sigma(D(x)) + E log(1 - sigma(D(G(z))))
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS, Adversarial
from genmodels.models.base import (
    BATCH,
    RATE,
    Batch,
    Card,
    Choice,
    Curve,
    Flag,
    Player,
    Real,
    Terms,
    Whole,
    adam,
    precise,
)
from genmodels.models.layers import MLP, feature_norm, narrowing

LOSS = Choice(("non-saturating", "minimax"), "generator's loss", live=True)
DROPOUT = Real(0, 0.8, "dropout in the discriminator")
MIXED = Flag("real and fake in one batch", live=True)


class GAN(Adversarial):
    card = Card(
        title="Generative adversarial network",
        authors="Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio",
        year=2014,
        link="https://arxiv.org/abs/1406.2661",
        idea="A generator turns noise into pictures; a discriminator learns to tell them from real ones. Each "
        "learns from the other's mistakes, and at the equilibrium nobody can tell them apart.",
        objective=r"\min_G \max_D \; \mathbb{E}_x \log \sigma(D(x)) + \mathbb{E}_z \log(1 - \sigma(D(G(z))))",
        watch="The losses do not fall: they are a balance. The bound on the Jensen-Shannon divergence says how "
        "well the discriminator still tells real from fake; log 2 = 0.69 means always.",
        passage="GAN: the minimax game",
    )
    curves = {
        "discriminator_loss": Curve("discriminator loss, -V", "nats"),
        "generator_loss": Curve("generator loss", "nats"),
        "js_bound": Curve("lower bound on the Jensen-Shannon divergence, held-out images", "nats"),
    }

    mixed = False  # a setting where batch norm may be in the discriminator

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        depth: Whole(0, 6, "hidden layers", front=True) = 2,
        width: Whole(16, 2048, "units of the widest layer", front=True) = 256,
        loss: LOSS = "non-saturating",
        steps: STEPS = 1,
        dropout: DROPOUT = 0.0,
        norm: Choice(("batch", "layer", "none"), "normalisation in the generator") = "batch",
        discriminator_norm: Choice(("none", "batch", "layer"), "normalisation in the discriminator") = "none",
        mixed: MIXED = False,
        generator_lr: RATE = 1e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 64,
    ) -> None:
        super().__init__(shape, classes, locals())
        pixels = math.prod(shape)
        hidden = narrowing(width, depth)
        self.generator = MLP([latent, *hidden[::-1], pixels], norm=feature_norm(norm))
        norm_of = feature_norm(discriminator_norm)
        self.discriminator = MLP([pixels, *hidden, 1], lambda: nn.LeakyReLU(0.2), norm_of, dropout)

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        return self.discriminator(images, generator).squeeze(1)

    def logits(self, real: Tensor, fake: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The discriminator's logits (N,) of real and of fake images, from two separate batches: batch norm must
        never see real and fake together. `mixed` lets it, to show why: the generator's step, on fakes alone, then
        meets other statistics than those under which the discriminator has learned."""
        if self.mixed:
            both = self.critic(torch.cat([real, fake]), batch.labels.repeat(2), batch.generator)
            return precise(both).chunk(2)
        return tuple(precise(self.critic(images, batch.labels, batch.generator)) for images in (real, fake))

    def value(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """V = E log sigma(D(x)) + E log(1 - sigma(D(G(z))))."""
        real_logit, fake_logit = self.logits(real, fake, batch)
        return -softplus(-real_logit).mean() - softplus(fake_logit).mean()

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        return {"loss": -self.value(real, fake, batch)}

    def generator_loss(self, scores: Tensor) -> Tensor:
        if self.loss == "minimax":
            return -softplus(scores).mean()  # E log(1 - sigma(D))
        return softplus(-scores).mean()  # -E log sigma(D)

    def held_out(self, batch: Batch) -> Terms:
        """JS >= log 2 + V / 2 for any discriminator (Goodfellow 2014, theorem 1), on images it never saw."""
        return {"js_bound": math.log(2) + self.value(batch.images, self.fakes(batch), batch) / 2}

    def players(self) -> list[Player]:
        return self.game(adam(0.5, 0.999))
