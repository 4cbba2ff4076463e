"""Self-attention GAN (Zhang et al. 2019): both players may compare distant parts of a picture.

    y_i = x_i + gamma sum_j softmax_j(q(x_i) . k(x_j)) v(x_j),    gamma = 0 at the start

Spectral norm in both players, and two time scales; the game is that of `sngan`.
"""

from torch import Tensor

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS
from genmodels.models.base import BATCH, RATE, Card
from genmodels.models.residual import Discriminator, Generator, spectral
from genmodels.models.sngan import SNGAN, WIDTH


class SAGAN(SNGAN):
    card = Card(
        title="Self-attention GAN",
        authors="Zhang, Goodfellow, Metaxas, Odena",
        year=2019,
        link="https://arxiv.org/abs/1805.08318",
        idea="A convolution sees its neighbourhood. Self-attention lets each position gather from all others, weighted "
        "by how well its query meets their keys; gamma opens it slowly. Both players are spectrally normalised, "
        "and have learning rates of their own. Smaller than in the paper: attention at half the size in the generator "
        "and at a quarter in the discriminator, one residual block each at 28 pixels, two at 32, tens of channels "
        "instead of hundreds. The paper's rates, 1e-4 for the generator and 4e-4, let so small a generator fall "
        "behind, even ten times as large: here it is the generator that takes the larger steps.",
        objective=r"y_i = x_i + \gamma \sum_j \mathrm{softmax}_j(q(x_i)^\top k(x_j)) \, v(x_j), \quad "
        r"\min_D \; \mathbb{E} \max(0, 1 - D(x, y)) + \mathbb{E} \max(0, 1 + D(G(z, y), y))",
        watch="Gamma leaves 0 when local features are there, in either direction. Ask for the attention of a position: "
        "strokes look along strokes.",
        passage="DCGAN: five changes to the architecture",
    )

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        width: WIDTH = 32,
        steps: STEPS = 1,
        generator_lr: RATE = 5e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        super(SNGAN, self).__init__(shape, classes, locals())
        self.generator = spectral(Generator(latent, classes, shape, width, attends=True))
        self.discriminator = spectral(Discriminator(classes, shape, width, attends=True))

    def attention(self, z: Tensor, labels: Tensor, row: int, column: int) -> Tensor:
        """What the generator gathers for a pixel's position, and from where: weights (N, H / 2, W / 2), sum 1, for
        latents (N, latent), labels (N,) and a row and column of the picture, in pixels."""
        x = self.generator.features(z, labels)
        size = x.shape[3]
        position = row // 2 * size + column // 2
        return self.generator.attention.weights(x)[:, position].view(-1, size, size)
