"""BigGAN (Brock, Donahue & Simonyan 2019) in small.

    min_G - E D(G(z, y), y) + beta sum_W ||W'W o (1 - I)||_F^2

The game of `sngan` with two discriminator steps; one embedding of the class and a chunk of z in every norm of the
generator; orthogonal weights; and the truncation trick, which trades variety for quality after training.
"""

import math

import torch
from torch import Tensor, nn

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS
from genmodels.models.base import BATCH, RATE, Batch, Card, Curve, Flag, Real, Terms, Whole
from genmodels.models.residual import Discriminator, Generator, orthogonal, skewness, spectral
from genmodels.models.sngan import SNGAN, WIDTH

STANDING = 20  # batches from which statistics are estimated
STANDING_BATCH = 200  # images each


class BigGAN(SNGAN):
    card = Card(
        title="BigGAN, in small",
        authors="Brock, Donahue, Simonyan",
        year=2019,
        link="https://arxiv.org/abs/1809.11096",
        idea="The same game, scaled up, and what it takes: the class as one shared embedding, a piece of the noise at "
        "every resolution, weights that start orthogonal and are held there, averaged weights. Afterwards noise nearer "
        "the middle gives better pictures and fewer kinds: the truncation trick. In small: one residual block each at "
        "28 pixels, two at 32, self-attention only where it is asked for, tens of channels where the paper has up to "
        "1,536, batches of tens instead of 2,048, and larger steps, the generator's largest.",
        objective=r"\min_G \; -\mathbb{E} \, D(G(z, y), y) + \beta \sum_W \lVert W^\top W \odot (1 - I) "
        r"\rVert_F^2, \quad z \sim \mathcal{N}(0, I) \text{ redrawn where } |z_i| > t",
        watch="Orthogonality drifts from 0 and is held. Lower the truncation after training: the digits of a column "
        "become cleaner and more alike.",
        passage="WGAN: how to keep a critic Lipschitz",
    )
    curves = SNGAN.curves | {
        "orthogonality": Curve("orthogonal penalty of the generator, with its weight", "score units")
    }

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 64,
        width: WIDTH = 32,
        embedding: Whole(1, 256, "numbers of a class's embedding") = 32,
        beta: Real(0, 1, "beta, weight of orthogonality", live=True) = 1e-4,
        attends: Flag("self-attention in both players, as in sagan") = False,
        steps: STEPS = 2,
        generator_lr: RATE = 5e-3,
        discriminator_lr: RATE = 1e-3,
        noise: NOISE = 0.0,
        noise_images: NOISE_IMAGES = 500_000,
        batch: BATCH = 32,
    ) -> None:
        super(SNGAN, self).__init__(shape, classes, locals())
        self.generator = spectral(orthogonal(Generator(latent, classes, shape, width, attends, embedding)))
        self.discriminator = spectral(orthogonal(Discriminator(classes, shape, width, attends)))

    def play_generator(self, batch: Batch) -> Terms:
        penalty = self.beta * skewness(self.generator)
        return {"loss": super().play_generator(batch)["loss"] + penalty, "orthogonality": penalty}

    def truncate(self, z: Tensor, threshold: float, generator: torch.Generator) -> Tensor:
        """Latents (N, latent) with every entry above the threshold drawn again until it lies below, in one draw: by
        the inverse of the normal distribution function between the two ends."""
        inside = math.erf(threshold / math.sqrt(2))
        u = (2 * torch.rand(z.shape, generator=generator, device=z.device) - 1) * inside
        fresh = (math.sqrt(2) * torch.erfinv(u)).clamp(-threshold, threshold)
        return torch.where(z.abs() > threshold, fresh, z)

    @torch.no_grad()
    def settle(self, threshold: float, generator: torch.Generator) -> None:
        """Estimates the generator's batch-norm statistics anew, for its present weights and latents truncated so: both
        differ from those under which the running statistics were gathered. Leave a model in training alone."""
        norms = [module for module in self.generator.modules() if isinstance(module, nn.BatchNorm2d)]
        momentum, training = norms[0].momentum, norms[0].training
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches, each as good as the other
            norm.train()
        for _ in range(STANDING):
            z = self.truncate(self.latents(STANDING_BATCH, generator), threshold, generator)
            labels = torch.randint(self.classes, (STANDING_BATCH,), generator=generator, device=z.device)
            self.sample(z, labels)
        for norm in norms:
            norm.momentum = momentum
            norm.train(training)
