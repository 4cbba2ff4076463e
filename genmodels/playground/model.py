"""A GAN on points of the plane: the images of its contract are (2, 1, 1), one number for x and one for y."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu, linear, normalize

from genmodels.models.adversarial import Adversarial
from genmodels.models.base import Batch, Choice, Player, Real, Terms, Whole, adam
from genmodels.playground.losses import CLIP, HINGE, LOSSES, PENALTY

SHAPE = (2, 1, 1)
LAYERS = Whole(1, 4, "hidden layers")
UNITS = Whole(4, 128, "units per layer")
OPTIMIZER = adam(0.5, 0.99)  # for every loss, so that the loss can change under way
SLOPE = 0.2  # of the leaky ReLU below 0


class Network(nn.Module):
    """Connected layers with leaky ReLU between them, weights from N(0, 2 / ((1 + slope^2) inputs)) (He 2015), biases 0.

    With `spectral` each weight is divided by its largest singular value, by power iteration (Miyato 2018): one step
    at every forward pass in training mode, none in eval mode.
    """

    def __init__(self, sizes: Sequence[int], generator: Generator) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            scale = math.sqrt(2 / ((1 + SLOPE**2) * inputs))
            self.weights.append(nn.Parameter(scale * torch.randn(outputs, inputs, generator=generator)))
            self.biases.append(nn.Parameter(torch.zeros(outputs)))
            self.register_buffer(f"direction{i}", normalize(torch.randn(outputs, generator=generator), dim=0))

    def forward(self, x: Tensor, spectral: bool = False) -> Tensor:  # (N, inputs) -> (N, outputs)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i:
                x = leaky_relu(x, SLOPE)
            x = linear(x, weight / self._largest(weight, i) if spectral else weight, bias)
        return x

    def _largest(self, weight: Tensor, layer: int) -> Tensor:
        left = getattr(self, f"direction{layer}")
        with torch.no_grad():
            right = normalize(weight.T @ left, dim=0)
            if self.training:
                left = normalize(weight @ right, dim=0)
                setattr(self, f"direction{layer}", left)
        return left @ (weight @ right)


class Plane(Adversarial):
    """Two small networks against each other; weights are drawn from `generator`. Loss, rates and steps may be changed
    while they play."""

    latent = 2  # so that the generator maps the plane into the plane, and can be drawn as such
    noise, noise_images = 0.0, 1

    def __init__(
        self,
        generator: Generator,
        *,
        loss: Choice(tuple(LOSSES), "objective", front=True, live=True) = "non-saturating",
        discriminator_steps: Whole(1, 20, "D's steps per round", front=True, live=True) = 1,
        discriminator_lr: Real(1e-5, 0.1, "D's learning rate", log=True, front=True, live=True) = 2e-3,
        generator_lr: Real(1e-5, 0.1, "G's learning rate", log=True, front=True, live=True) = 2e-3,
        generator_steps: Whole(1, 20, "G's steps per round", live=True) = 1,
        discriminator_layers: LAYERS = 2,
        discriminator_units: UNITS = 64,
        generator_layers: LAYERS = 2,
        generator_units: UNITS = 64,
        clip: Real(1e-3, 1, "weights clipped to", log=True, live=True) = 0.3,
        penalty_weight: Real(0, 100, "weight of the gradient penalty", live=True) = 1.0,
        batch: Whole(8, 512, "points per batch") = 128,
    ) -> None:
        super().__init__(SHAPE, 1, locals())
        self.generator = Network([2, *[generator_units] * generator_layers, 2], generator)
        self.discriminator = Network([2, *[discriminator_units] * discriminator_layers, 1], generator)

    def from_uint8(self, images: Tensor) -> Tensor:
        return images  # points are floats already

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Points (N, 2, 1, 1), anywhere in the plane, from latents (N, 2)."""
        return self.generator(z).reshape(-1, *SHAPE)

    def critic(self, images: Tensor, labels: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        return self.discriminator(images.flatten(1), self.loss == HINGE).squeeze(1)

    def discriminator_loss(self, real: Tensor, fake: Tensor, batch: Batch) -> Terms:
        loss = LOSSES[self.loss].discriminator(*self.critic(torch.cat([real, fake])).chunk(2))
        if self.loss == PENALTY:
            loss = loss + self.penalty_weight * self.gradient_penalty(real, fake, batch)
        return {"loss": loss}

    def gradient_penalty(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """E (||grad f(x^)|| - 1)^2 between real points and fakes (Gulrajani 2017, equation 3)."""
        between = fake.lerp(real, torch.rand(len(real), 1, 1, 1, generator=batch.generator))
        # The root has an infinite slope at 0: keep away from it.
        return ((self.squared_slopes(between, batch.labels) + 1e-12).sqrt() - 1).square().mean()

    def generator_loss(self, scores: Tensor) -> Tensor:
        return LOSSES[self.loss].generator(scores)

    def averaged(self) -> list[nn.Module]:
        return []  # the playground shows the players as they are

    @torch.no_grad()
    def clip_weights(self) -> None:
        for weight in self.discriminator.parameters():
            weight.clamp_(-self.clip, self.clip)

    def players(self) -> list[Player]:
        first, second = list(self.discriminator.parameters()), list(self.generator.parameters())
        after = self.clip_weights if self.loss == CLIP else None
        lr, steps = self.discriminator_lr, self.discriminator_steps
        return [
            Player("discriminator", first, self.play_discriminator, OPTIMIZER, lr, steps, after),
            Player("generator", second, self.play_generator, OPTIMIZER, self.generator_lr, self.generator_steps),
        ]
