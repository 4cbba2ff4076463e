"""Spectral normalisation (Miyato et al. 2018) with a projection discriminator (Miyato & Koyama 2018).

    min_D E max(0, 1 - D(x, y)) + E max(0, 1 + D(G(z, y), y)),    min_G - E D(G(z, y), y)

D(x, y) = psi(phi(x)) + <v_y, phi(x)>, every weight of D divided by its largest singular value.
"""

import torch
from torch import Tensor
from torch.nn.functional import relu

from genmodels.models.adversarial import LATENT, NOISE, NOISE_IMAGES, STEPS, Adversarial
from genmodels.models.base import BATCH, RATE, Batch, Card, Curve, Player, Terms, Whole, adam, precise
from genmodels.models.residual import Discriminator, Generator, spectral

WIDTH = Whole(8, 128, "channels at half the size", front=True)


class SNGAN(Adversarial):
    card = Card(
        title="Spectrally normalised GAN with projection",
        authors="Miyato, Kataoka, Koyama, Yoshida",
        year=2018,
        link="https://arxiv.org/abs/1802.05957",
        idea="Every layer of the discriminator is divided by its largest singular value, so that no layer stretches "
        "anything: a Lipschitz bound for the price of one matrix product a layer. The class asks its question as an "
        "inner product with the features, and sets the gains of the generator's batch norms. Smaller than in the "
        "papers: one residual block each at 28 pixels, two at 32, the last layer alone at full size, tens of channels "
        "instead of hundreds, one discriminator step a round instead of five, and larger steps, the generator's "
        "largest: at the discriminator's rate so small a generator falls behind.",
        objective=r"\min_D \; \mathbb{E} \max(0, 1 - D(x, y)) + \mathbb{E} \max(0, 1 + D(G(z, y), y)), \quad "
        r"\min_G \; -\mathbb{E} \, D(G(z, y), y), \quad D(x, y) = \psi(\phi(x)) + \langle v_y, \phi(x) \rangle",
        watch="Every column is one class. The discriminator's loss stays below 2, which is what one would pay that "
        "cannot tell real from generated; on held-out images it is a little higher.",
        passage="WGAN: how to keep a critic Lipschitz",
    )
    curves = {
        "discriminator_loss": Curve("discriminator's hinge loss", "score units"),
        "generator_loss": Curve("generator loss", "score units"),
        "held_out": Curve("discriminator's hinge loss, held-out images", "score units"),
    }
    conditional = True

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
        super().__init__(shape, classes, locals())
        self.generator = Generator(latent, classes, shape, width)
        self.discriminator = spectral(Discriminator(classes, shape, width))

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.tanh(self.generator(z, labels))

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        return self.discriminator(images, labels)

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        # Without batch norm nobody sees his neighbours: one pass, and one power iteration, for both.
        scores = precise(self.critic(torch.cat([real, fake]), batch.labels.repeat(2)))
        real_scores, fake_scores = scores.chunk(2)
        return {"loss": relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()}

    def generator_loss(self, scores: Tensor) -> Tensor:
        return -scores.mean()

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.discriminator_loss(batch.images, self.fakes(batch), batch)["loss"]}

    def players(self) -> list[Player]:
        return self.game(adam(0.0, 0.9))
