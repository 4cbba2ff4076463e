"""Conditional GAN (Mirza & Osindero 2014): the label enters the generator and the discriminator.

min_G max_D E log sigma(D(x, y)) + E log(1 - sigma(D(G(z, y), y)))
"""

import math

import torch
from torch import Tensor, nn

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS
from genmodels.models.base import BATCH, RATE, Card, Choice, Whole
from genmodels.models.gan import DROPOUT, GAN, LOSS
from genmodels.models.layers import MLP, feature_norm, narrowing, one_hot


class CGAN(GAN):
    card = Card(
        title="Conditional GAN",
        authors="Mirza, Osindero",
        year=2014,
        link="https://arxiv.org/abs/1411.1784",
        idea="Both players are told the class. The discriminator asks whether the picture is real and of that "
        "class, so the generator must obey: one column, one digit.",
        objective=r"\min_G \max_D \; \mathbb{E} \log \sigma(D(x, y)) + \mathbb{E} \log(1 - \sigma(D(G(z, y), y)))",
        watch="Every column is one class. Labels help the generator, too: no digit is forgotten.",
        passage="Conditional GAN",
    )
    conditional = True

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        depth: Whole(1, 6, "hidden layers", front=True) = 2,
        width: Whole(16, 2048, "units of the widest layer", front=True) = 256,
        labels: Choice(("projection", "concatenation"), "label in the discriminator") = "projection",
        loss: LOSS = "non-saturating",
        steps: STEPS = 1,
        dropout: DROPOUT = 0.0,
        norm: Choice(("batch", "layer", "none"), "normalisation in the generator") = "batch",
        generator_lr: RATE = 1e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 64,
    ) -> None:
        super(GAN, self).__init__(shape, classes, locals())
        pixels, hidden, norm_of = math.prod(shape), narrowing(width, depth), feature_norm(norm)
        self.generator = MLP([latent + classes, *hidden[::-1], pixels], norm=norm_of)
        # One output per class picks D's logit for that class: the projection <v_y, phi(x)> (Miyato & Koyama 2018).
        inputs, outputs = (pixels, classes) if labels == "projection" else (pixels + classes, 1)
        self.discriminator = MLP([inputs, *hidden, outputs], lambda: nn.LeakyReLU(0.2), dropout=dropout)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().sample(torch.cat([z, one_hot(labels, self.classes)], 1))

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        if self.labels == "projection":
            return self.discriminator(images, generator).gather(1, labels[:, None]).squeeze(1)
        return self.discriminator(torch.cat([images.flatten(1), one_hot(labels, self.classes)], 1), generator).squeeze(
            1
        )
