"""R3GAN (Huang, Gokaslan, Kuleshov & Tompkin 2024): relativistic pairing loss with two gradient penalties.

    max_D E log sigma(D(x) - D(G(z))) - gamma/2 E ||grad D(x)||^2 - gamma/2 E ||grad D(G(z))||^2
    max_G E log sigma(D(G(z)) - D(x))

A logit means nothing alone, only against that of the picture it is paired with (Jolicoeur-Martineau 2019). The
penalties R1 and R2 make the game converge where it starts close enough (section 2.2 of the paper). Both networks are
residual, without any normalisation, each other's mirror image, and told the class (section 3 and appendix).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, softplus

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS, Adversarial
from genmodels.models.base import BATCH, RATE, Batch, Card, Curve, Player, Real, Terms, Whole, adam, precise
from genmodels.models.layers import one_hot, pyramid

SLOPE = 0.2  # of the leaky ReLU below 0


class Larger(nn.Module):
    """Two convolutions, the first of which doubles the size; past them the input, doubled."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
        self.last = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, outputs, 2 H, 2 W)
        h = self.last(leaky_relu(self.up(leaky_relu(x, SLOPE)), SLOPE))
        return h + interpolate(self.past(x), scale_factor=2)


class Smaller(nn.Module):
    """Two convolutions, the last of which halves the size; past them the input, halved by averages of 2 x 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.last = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.past = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, outputs, H / 2, W / 2)
        h = self.last(leaky_relu(self.mix(leaky_relu(x, SLOPE)), SLOPE))
        return h + self.past(avg_pool2d(x, 2))


class Generator(nn.Module):
    """Latents (N, latent) and labels (N,) to images (N, C, H, W) before tanh; `width` channels at half the size."""

    def __init__(self, latent: int, classes: int, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        widths, sizes = levels(shape[1], width)
        self.classes, self.start = classes, (widths[-1], sizes[-1], sizes[-1])
        self.stem = nn.Linear(latent + classes, math.prod(self.start))
        pairs = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.blocks = nn.Sequential(*[Larger(*pair) for pair in pairs])
        self.out = nn.ConvTranspose2d(width, shape[0], 4, 2, 1)
        keep_variance(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.stem(torch.cat([z, one_hot(labels, self.classes)], 1)).view(-1, *self.start)
        return self.out(leaky_relu(self.blocks(x), SLOPE))


class Discriminator(nn.Module):
    """Images (N, C, H, W) and labels (N,) to logits (N,): what the convolutions found times an embedding of the class
    (Miyato & Koyama 2018)."""

    def __init__(self, classes: int, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        widths, sizes = levels(shape[1], width)
        self.stem = nn.Conv2d(shape[0], width, 4, 2, 1)
        self.blocks = nn.Sequential(*[Smaller(*pair) for pair in zip(widths, widths[1:], strict=False)])
        features = widths[-1] * sizes[-1] ** 2
        self.classes = nn.Embedding(classes, features)
        keep_variance(self)
        nn.init.normal_(self.classes.weight, 0.0, features**-0.5)  # so that a logit is about 1

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        found = leaky_relu(self.blocks(self.stem(images)), SLOPE).flatten(1)
        return (found * self.classes(labels)).sum(1)


def levels(size: int, width: int) -> tuple[list[int], list[int]]:
    """Channels and sides of the feature maps, the largest first: twice the channels at half the side."""
    sizes = pyramid(size)[1:] or [size // 2]
    return [width << level for level in range(len(sizes))], sizes


class R3GAN(Adversarial):
    card = Card(
        title="R3GAN, a relativistic GAN with two gradient penalties",
        authors="Huang, Gokaslan, Kuleshov, Tompkin",
        year=2024,
        link="https://arxiv.org/abs/2501.05441",
        idea="Every generated picture is paired with a real one, and only the difference of their logits counts: no "
        "mode can be dropped without losing its pairs. Flat slopes at real and at generated pictures calm the game, "
        "so that it needs no normalisation and no tricks. Residual networks that are each other's mirror image, and "
        "know the class. Smaller than in the paper, and one picture in a few bears the penalties, for second "
        "derivatives are dear.",
        objective=r"\max_D \; \mathbb{E} \log \sigma(D(x) - D(G(z))) - \tfrac{\gamma}{2} "
        r"\mathbb{E} \lVert \nabla D(x) \rVert^2 - \tfrac{\gamma}{2} \mathbb{E} \lVert \nabla D(G(z)) \rVert^2, \quad "
        r"\max_G \; \mathbb{E} \log \sigma(D(G(z)) - D(x))",
        watch="Every column is one class. The losses move towards log 2 = 0.69, where real and generated pictures get "
        "the same logit; in an unpenalised game (gamma = 0) the discriminator pulls away and G's loss with it.",
        passage="GAN: the minimax game",
    )
    curves = {
        "discriminator_loss": Curve("discriminator loss, with penalties", "nats"),
        "generator_loss": Curve("generator loss", "nats"),
        "r1": Curve("R1, gamma/2 squared slope at real images", "nats"),
        "r2": Curve("R2, gamma/2 squared slope at generated images", "nats"),
        "held_out": Curve("pairing loss of the discriminator, held-out images", "nats"),
    }

    conditional = True

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        width: Whole(8, 128, "channels at half the size", front=True) = 32,
        gamma: Real(0, 100, "gamma, weight of the penalties", front=True, live=True) = 1.0,
        every: Whole(1, 16, "one image in so many bears the penalties", live=True) = 4,
        steps: STEPS = 1,
        generator_lr: RATE = 2e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        super().__init__(shape, classes, locals())
        self.generator = Generator(latent, classes, shape, width)
        self.discriminator = Discriminator(classes, shape, width)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.tanh(self.generator(z, labels))

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        return self.discriminator(images, labels)

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
    signals keep their size without normalisation; biases 0, and 0 all that a block adds to its input (Zhang 2019)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            reach = math.prod(layer.weight.shape[1:])
            if isinstance(layer, nn.ConvTranspose2d):  # strides spread inputs apart
                reach = layer.in_channels * math.prod(layer.kernel_size) / math.prod(layer.stride)
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / ((1 + SLOPE**2) * reach)))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for block in network.blocks:
        nn.init.zeros_(block.last.weight)
