"""Variational autoencoder (Kingma & Welling 2014), with beta (Higgins 2017) and importance weighting (Burda 2016).

    log p(x) >= E_q log p(x|z) - beta KL(q(z|x) || p(z)),   q(z|x) = N(mu, diag sigma^2),   z = mu + sigma eps
    L_K = E log 1/K sum_k p(x, z_k) / q(z_k|x)

All terms are nats: sums over pixels and channels, means over images.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genmodels.models.ae import CHANNELS, DEPTH, LATENT, NETWORK, WIDTH
from genmodels.models.base import (
    BATCH,
    RATE,
    Batch,
    Card,
    Choice,
    Curve,
    Model,
    Player,
    Real,
    Terms,
    Whole,
    adam,
    precise,
)
from genmodels.models.layers import Decoder, Encoder, one_hot

LIKELIHOOD = Choice(("automatic", "bernoulli", "gaussian"), "likelihood p(x|z)", front=True)
BETA = Real(0, 100, "beta, weight of the KL", front=True, live=True)
SAMPLES = Whole(1, 64, "importance samples k", live=True)
WARMUP = Whole(0, 10_000_000, "images until the KL has its full weight")
LOG_2PI = math.log(2 * math.pi)


class VAE(Model):
    card = Card(
        title="Variational autoencoder",
        authors="Kingma, Welling",
        year=2014,
        link="https://arxiv.org/abs/1312.6114",
        idea="The encoder answers with a distribution instead of a point, and pays for straying from the prior. So "
        "the codes fill the space, and any point of it decodes to a picture.",
        objective=r"\max \; \mathbb{E}_{q(z|x)} \log p(x|z) - \beta \, \mathrm{KL}(q(z|x) \,\|\, p(z)), \quad "
        r"z = \mu + \sigma \odot \varepsilon",
        watch="Reconstruction improves while the KL first rises: the code starts to carry information. A KL near 0 "
        "means that the code is ignored.",
        passage="VAE and reparameterisation",
    )
    curves = {
        "loss": Curve("negative bound, training", "nats per image"),
        "held_out": Curve("negative bound, held-out images", "nats per image"),
        "reconstruction": Curve("reconstruction, -log p(x|z)", "nats per image"),
        "kl": Curve("KL(q(z|x) || p(z))", "nats per image"),
    }
    low = 0.0

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        latent: LATENT = 20,
        beta: BETA = 1.0,
        likelihood: LIKELIHOOD = "automatic",
        network: NETWORK = "connected",
        depth: DEPTH = 1,
        width: WIDTH = 400,
        channels: CHANNELS = 32,
        samples: SAMPLES = 1,
        warmup: WARMUP = 0,
        lr: RATE = 1e-3,
        batch: BATCH = 128,
    ) -> None:
        super().__init__(shape, classes, locals())
        self.networks()

    def networks(self) -> None:
        # Black and white digits are coins; colours are not.
        grey = self.shape[0] == 1
        self.binary = self.likelihood == "bernoulli" or (self.likelihood == "automatic" and grey)
        hidden, extra = [self.width] * self.depth, self.classes if self.conditional else 0
        self.encoder = Encoder(self.network, self.shape, hidden, self.channels, 2 * self.latent, extra)
        self.decoder = Decoder(self.network, self.shape, hidden, self.channels, self.latent, extra)
        # One sigma for all pixels of a Gaussian likelihood; its optimum is the root mean squared error.
        self.log_sigma = None if self.binary else nn.Parameter(torch.tensor(-1.5))

    def condition(self, labels: Tensor | None) -> Tensor | None:
        # As large as a component of z, else the code learns to say the class before anybody hears the label.
        return one_hot(labels, self.classes) * self.classes**0.5 if self.conditional else None

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """mu and log sigma^2 of q(z|x), each (N, latent)."""
        return precise(self.encoder(images, self.condition(labels))).chunk(2, 1)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.posterior(images, labels)[0]

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of p(x|z), (N, C, H, W)."""
        x = self.decoder(z, self.condition(labels))
        return torch.sigmoid(x) if self.binary else x

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(images, labels), labels)

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """z ~ p(z) = N(0, I), (count, latent)."""
        return torch.randn(count, self.latent, generator=generator, device=generator.device)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(z, labels)

    def observe(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the likelihood is about: under Bernoulli a fresh black and white draw of the grey pixels."""
        return torch.bernoulli(images, generator=generator) if self.binary else images

    def log_likelihood(self, x: Tensor, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x|z), (N,), summed over pixels and channels."""
        output = precise(self.decoder(z, self.condition(labels)))
        if self.binary:
            return -binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
        squares = ((x - output) * torch.exp(-self.log_sigma)).square().flatten(1).sum(1)
        return -0.5 * (squares + math.prod(self.shape) * (LOG_2PI + 2 * self.log_sigma))

    def log_weights(self, x: Tensor, labels: Tensor | None, samples: int, generator: torch.Generator) -> Tensor:
        """log p(x, z_k) - log q(z_k|x) for `samples` draws of z per image, (samples, N)."""
        mu, log_variance = self.posterior(x, labels)
        eps = torch.randn(samples, *mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        z = mu + torch.exp(0.5 * log_variance) * eps
        # log p(z) - log q(z|x): the constants cancel.
        prior = -0.5 * (z.square() - eps.square() - log_variance).sum(-1)
        repeated = [t if t is None else t.repeat(samples, *[1] * (t.dim() - 1)) for t in (x, labels)]
        return self.log_likelihood(repeated[0], z.flatten(0, 1), repeated[1]).view(samples, -1) + prior

    def bound(self, images: Tensor, labels: Tensor | None, samples: int, generator: torch.Generator) -> Tensor:
        """The importance-weighted bound on log p(x) with K = `samples` (Burda 2016, equation 8), (N,), in nats."""
        x = self.observe(images, generator)
        at_once = max(1, 8192 // len(images))
        parts = [
            self.log_weights(x, labels, min(at_once, samples - done), generator).logsumexp(0)
            for done in range(0, samples, at_once)
        ]
        return torch.stack(parts).logsumexp(0) - math.log(samples)

    def loss(self, batch: Batch) -> Terms:
        x = self.observe(batch.images, batch.generator)
        if self.samples > 1:
            weights = self.log_weights(x, batch.labels, self.samples, batch.generator)
            return {"loss": math.log(self.samples) - weights.logsumexp(0).mean()}
        mu, log_variance = self.posterior(x, batch.labels)
        eps = torch.randn(mu.shape, generator=batch.generator, device=mu.device, dtype=mu.dtype)
        z = mu + torch.exp(0.5 * log_variance) * eps
        reconstruction = -self.log_likelihood(x, z, batch.labels).mean()
        kl = 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        beta = self.beta * min(1.0, (batch.seen + 1) / (self.warmup + 1))
        return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.loss(batch)["loss"]}

    def players(self) -> list[Player]:
        return [Player("model", list(self.parameters()), self.loss, adam(0.9, 0.999), self.lr)]
