"""What all adversarial models share: latents, instance noise, and the game of two players.

A GAN's own file holds its networks (`generator`, `discriminator`) and the losses on scores.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genmodels.models.base import Batch, Model, Player, Real, Terms, Whole, precise

LATENT = Whole(2, 256, "latent dimensions", front=True)
STEPS = Whole(1, 20, "discriminator steps per round", front=True, live=True)
NOISE = Real(0, 2, "instance noise at the start", live=True)
NOISE_IMAGES = Whole(1000, 10_000_000, "images until the instance noise is gone")


class Adversarial(Model):
    """A generator against one opponent, whose output is a logit (discriminator) or a score (critic).

    Subclasses build both networks, implement `discriminator_loss` and `generator_loss`, and name the players by
    returning `self.game(...)` from `players`.
    """

    low = -1.0
    generator: nn.Module
    discriminator: nn.Module
    latent: int
    generator_lr: float
    steps: int
    noise: float
    noise_images: int

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """z ~ N(0, I), (count, latent)."""
        return torch.randn(count, self.latent, generator=generator, device=generator.device)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] from latents (N, latent); labels (N,) where the model is conditional."""
        return torch.tanh(self.generator(z)).reshape(len(z), *self.shape)

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """The opponent's logit or score (N,) of each image; the generator is for dropout."""
        return self.discriminator(images).squeeze(1)

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        """The opponent's objective on real and fake images (N, C, H, W)."""
        raise NotImplementedError

    def generator_loss(self, scores: Tensor) -> Tensor:
        """The generator's objective on the opponent's scores (N,) of its images."""
        raise NotImplementedError

    def averaged(self) -> list[nn.Module]:
        return [self.generator]

    def blur(self, images: Tensor, batch: Batch) -> Tensor:
        """Instance noise (Arjovsky & Bottou 2017, section 3): the same on real and fake, falling to 0."""
        sigma = self.noise * max(0.0, 1 - batch.seen / self.noise_images)
        if sigma == 0:
            return images
        return images + sigma * torch.randn(images.shape, generator=batch.generator, device=images.device)

    def fakes(self, batch: Batch) -> Tensor:
        z = self.latents(len(batch.images), batch.generator)
        return self.blur(self.sample(z, batch.labels), batch)

    def squared_slopes(self, images: Tensor, labels: Tensor) -> Tensor:
        """||grad D||^2 at images (N, C, H, W), summed over pixels, (N,): to be differentiated once more."""
        images = images.detach().requires_grad_()
        with torch.autocast(images.device.type, enabled=False):  # second derivatives need full precision
            scores = self.critic(images, labels)
            (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        return gradient.flatten(1).square().sum(1)

    def play_discriminator(self, batch: Batch) -> Terms:
        with torch.no_grad():
            fake = self.fakes(batch)
        return self.discriminator_loss(self.blur(batch.images, batch), fake, batch)

    def play_generator(self, batch: Batch) -> Terms:
        scores = self.critic(self.fakes(batch), batch.labels, batch.generator)
        return {"loss": self.generator_loss(precise(scores))}

    def game(
        self,
        optimizer: Callable[..., Optimizer],
        opponent: str = "discriminator",
        after_step: Callable[[], None] | None = None,
    ) -> list[Player]:
        """The two players, the opponent first."""
        opponent_lr = getattr(self, f"{opponent}_lr")
        first, second = list(self.discriminator.parameters()), list(self.generator.parameters())
        return [
            Player(
                opponent,
                first,
                self.play_discriminator,
                optimizer,
                opponent_lr,
                self.steps,
                after_step,
            ),
            Player("generator", second, self.play_generator, optimizer, self.generator_lr),
        ]
