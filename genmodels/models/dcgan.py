"""Deep convolutional GAN (Radford, Metz & Chintala 2016).

The five changes: strided and transposed convolutions in place of pooling; batch normalisation in both networks,
but neither at the generator's output nor at the discriminator's input; no hidden fully-connected layer; ReLU in
the generator with tanh at its output; LeakyReLU in the discriminator.
"""

from torch import Generator, Tensor, nn

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS
from genmodels.models.base import BATCH, RATE, Card, Choice, Whole
from genmodels.models.gan import GAN, LOSS, MIXED
from genmodels.models.layers import Downsampler, Upsampler


class DCGAN(GAN):
    card = Card(
        title="Deep convolutional GAN",
        authors="Radford, Metz, Chintala",
        year=2016,
        link="https://arxiv.org/abs/1511.06434",
        idea="The same game played by convolutional networks, with five rules of thumb that made it train "
        "reliably for the first time.",
        objective=r"\min_G \max_D \; \mathbb{E}_x \log \sigma(D(x)) + \mathbb{E}_z \log(1 - \sigma(D(G(z))))",
        watch="Strokes first, then digits. The bound on the Jensen-Shannon divergence stays well above 0: the "
        "discriminator keeps a small lead.",
        passage="DCGAN: five changes to the architecture",
    )

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        width: Whole(8, 128, "channels of the widest map", front=True) = 32,
        loss: LOSS = "non-saturating",
        steps: STEPS = 1,
        norm: Choice(("batch", "instance", "none"), "normalisation") = "batch",
        mixed: MIXED = False,
        generator_lr: RATE = 2e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        # The networks differ from GAN's, the game does not.
        super(GAN, self).__init__(shape, classes, locals())
        channels, size, _ = shape
        self.generator = Upsampler(latent, channels, size, width, nn.ReLU(), norm)
        self.discriminator = Downsampler(channels, size, width, 1, nn.LeakyReLU(0.2), norm)
        for module in self.modules():  # all weights from N(0, 0.02), the gains of batch norm from N(1, 0.02)
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        return self.discriminator(images).squeeze(1)
