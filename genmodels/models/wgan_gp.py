"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017).

min_G max_f E f(x) - E f(G(z)) - lambda E (||grad f(x^)|| - 1)^2,   x^ = u x + (1 - u) G(z), u ~ U[0, 1]
"""

import torch
from torch import Tensor

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES
from genmodels.models.base import BATCH, RATE, Batch, Card, Choice, Curve, Player, Real, Terms, Whole, adam
from genmodels.models.wgan import CRITIC_STEPS, NETWORK, WGAN


class WGANGP(WGAN):
    card = Card(
        title="Wasserstein GAN with gradient penalty",
        authors="Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville",
        year=2017,
        link="https://arxiv.org/abs/1704.00028",
        idea="A 1-Lipschitz function has gradients of norm at most 1. Instead of clipping weights, the critic pays "
        "for every gradient norm other than 1, measured between real and generated pictures.",
        objective=r"\min_G \max_f \; \mathbb{E}_x f(x) - \mathbb{E}_z f(G(z)) - "
        r"\lambda \, \mathbb{E}_{\hat x} (\lVert \nabla f(\hat x) \rVert_2 - 1)^2",
        watch="The gap estimates the Wasserstein distance itself, slightly overshooting: the penalty lets slopes "
        "grow a little above 1.",
        passage="WGAN-GP: three differences from WGAN",
    )
    curves = {
        "critic_loss": Curve("critic loss", "score units"),
        "generator_loss": Curve("generator loss", "score units"),
        "penalty": Curve("gradient penalty", "score units"),
        "wasserstein": Curve("Wasserstein-1 estimate, held-out images", "score units"),
    }

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        network: NETWORK = "connected",
        depth: Whole(1, 6, "hidden layers, connected", front=True) = 2,
        width: Whole(16, 2048, "hidden units, connected") = 256,
        channels: Whole(8, 128, "first channels, convolutional") = 32,
        penalty_weight: Real(0, 100, "weight of the gradient penalty", front=True, live=True) = 10.0,
        sides: Choice(("two-sided", "one-sided"), "penalty", live=True) = "two-sided",
        norm: Choice(("none", "layer", "instance"), "normalisation in the critic") = "layer",
        steps: CRITIC_STEPS = 3,
        generator_lr: RATE = 3e-3,
        critic_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 64,
    ) -> None:
        super(WGAN, self).__init__(shape, classes, locals())
        # A fully-connected layer has one number a feature: over one image, only all features can be normalised.
        self.networks("layer" if (norm, network) == ("instance", "connected") else norm)

    def gradient_penalty(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """E (||grad f(x^)|| - 1)^2, the norm over all pixels of one image, without its weight lambda."""
        u = torch.rand(len(real), 1, 1, 1, generator=batch.generator, device=real.device)
        between = u * real + (1 - u) * fake
        # The root has an infinite slope at 0: keep away from it.
        excess = (self.squared_slopes(between, batch.labels) + 1e-12).sqrt() - 1
        return (excess.relu() if self.sides == "one-sided" else excess).square().mean()

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        penalty = self.gradient_penalty(real, fake, batch)
        return {"loss": self.penalty_weight * penalty - self.gap(real, fake, batch), "penalty": penalty}

    def players(self) -> list[Player]:
        return self.game(adam(0.0, 0.9), "critic")
