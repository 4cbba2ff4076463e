"""R3GAN (Huang, Gokaslan, Kuleshov & Tompkin 2024): relativistic pairing loss with two gradient penalties.

    max_D E log sigma(D(x) - D(G(z))) - gamma/2 E ||grad D(x)||^2 - gamma/2 E ||grad D(G(z))||^2
    max_G E log sigma(D(G(z)) - D(x))

A logit means nothing alone, only against that of the picture it is paired with (Jolicoeur-Martineau 2019). The
penalties R1 and R2 make the game converge where it starts close enough (section 2.2 of the paper).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS, Adversarial
from genmodels.models.base import BATCH, RATE, Batch, Card, Curve, Player, Real, Terms, Whole, adam, precise
from genmodels.models.layers import Downsampler, Upsampler

SLOPE = 0.2  # of the leaky ReLU below 0


class R3GAN(Adversarial):
    card = Card(
        title="R3GAN, a relativistic GAN with two gradient penalties",
        authors="Huang, Gokaslan, Kuleshov, Tompkin",
        year=2024,
        link="https://arxiv.org/abs/2501.05441",
        idea="Every generated picture is paired with a real one, and only the difference of their logits counts: no "
        "mode can be dropped without losing its pairs. Flat slopes at real and at generated pictures calm the game, "
        "so that it needs no normalisation and no tricks. One picture in a few bears the penalties, for second "
        "derivatives are dear.",
        objective=r"\max_D \; \mathbb{E} \log \sigma(D(x) - D(G(z))) - \tfrac{\gamma}{2} "
        r"\mathbb{E} \lVert \nabla D(x) \rVert^2 - \tfrac{\gamma}{2} \mathbb{E} \lVert \nabla D(G(z)) \rVert^2, \quad "
        r"\max_G \; \mathbb{E} \log \sigma(D(G(z)) - D(x))",
        watch="The losses move towards log 2 = 0.69, where real and generated pictures get the same logit; in an "
        "unpenalised game (gamma = 0) the discriminator pulls away and G's loss with it.",
        passage="GAN: the minimax game",
    )
    curves = {
        "discriminator_loss": Curve("discriminator loss, with penalties", "nats"),
        "generator_loss": Curve("generator loss", "nats"),
        "r1": Curve("R1, gamma/2 squared slope at real images", "nats"),
        "r2": Curve("R2, gamma/2 squared slope at generated images", "nats"),
        "held_out": Curve("pairing loss of the discriminator, held-out images", "nats"),
    }

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        width: Whole(8, 128, "channels of the widest map", front=True) = 32,
        gamma: Real(0, 100, "gamma, weight of the penalties", front=True, live=True) = 1.0,
        every: Whole(1, 16, "one image in so many bears the penalties", live=True) = 4,
        steps: STEPS = 1,
        generator_lr: RATE = 4e-3,
        discriminator_lr: RATE = 2e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        super().__init__(shape, classes, locals())
        channels, size, _ = shape
        self.generator = Upsampler(latent, channels, size, width, nn.LeakyReLU(SLOPE), "none")
        self.discriminator = Downsampler(channels, size, width, 1, nn.LeakyReLU(SLOPE), "none")
        self.discriminator.layers[-1].bias = None  # a constant cancels in a difference of logits
        for network in (self.generator, self.discriminator):
            keep_variance(network)

    def penalties(self, real: Tensor, fake: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """R1 and R2: gamma/2 ||grad D||^2, summed over pixels, mean over every so many of the images.

        A part of each batch costs what a penalty at every so many rounds would, but never jolts Adam.
        """
        count = math.ceil(len(real) / self.every)
        slopes = self.squared_slopes(torch.cat([real[:count], fake[:count]]), batch.labels[:count].repeat(2))
        r1, r2 = (self.gamma / 2 * slopes).chunk(2)
        return r1.mean(), r2.mean()

    def margin(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """D(x) - D(G(z)) of pairs, (N,)."""
        return precise(self.critic(real, batch.labels)) - precise(self.critic(fake, batch.labels))

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        r1, r2 = self.penalties(real, fake, batch)
        return {"loss": softplus(-self.margin(real, fake, batch)).mean() + r1 + r2, "r1": r1, "r2": r2}

    def play_generator(self, batch: Batch) -> Terms:
        """The same pairs with the opposite wish: the generated picture shall seem the more real one."""
        margin = self.margin(self.blur(batch.images, batch), self.fakes(batch), batch)
        return {"loss": softplus(margin).mean()}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": softplus(-self.margin(batch.images, self.fakes(batch), batch)).mean()}

    def players(self) -> list[Player]:
        return self.game(adam(0.0, 0.99))


def keep_variance(network: nn.Module) -> None:
    """Weights from N(0, 2 / ((1 + slope^2) n)), n the inputs that reach one output (He 2015, equation 15), so that
    signals keep their size from layer to layer without normalisation; biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            reach = math.prod(layer.kernel_size)
            if isinstance(layer, nn.ConvTranspose2d):  # strides spread inputs apart; the first layer has just one
                reach = reach / math.prod(layer.stride) if layer.stride[0] > 1 else 1
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / ((1 + SLOPE**2) * layer.in_channels * reach)))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
