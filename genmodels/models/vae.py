"""Variational autoencoder (Kingma & Welling 2014), with beta (Higgins 2017) and importance weighting (Burda 2016).

    log p(x) >= E_q log p(x|z) - beta KL(q(z|x) || p(z)),   q(z|x) = N(mu, diag sigma^2),   z = mu + sigma eps
    L_K = E log 1/K sum_k p(x, z_k) / q(z_k|x)

All terms are nats: sums over pixels and channels, means over images.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from genmodels.models.ae import CHANNELS, LATENT, WIDTH
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
from genmodels.models.layers import MLP, Decoder, Encoder, one_hot
from genmodels.models.logistic import Echo, log_probability_of_bytes
from genmodels.models.pyramid import PyramidDecoder, PyramidEncoder

LIKELIHOOD = Choice(("automatic", "bernoulli", "gaussian", "logistic"), "likelihood p(x|z)", front=True)
NETWORK = Choice(("connected", "convolutional", "pyramid"), "networks", front=True)
DEPTH = Whole(0, 6, "hidden layers, connected; residual blocks, pyramid", front=True)
HEARD = Choice(("colours", "neighbours"), "earlier errors a pixel hears, logistic")
ACTIVATION = Choice(("relu", "tanh"), "activation, connected")
BETA = Real(0, 100, "beta, weight of the KL", front=True, live=True)
SAMPLES = Whole(1, 64, "importance samples k", live=True)
WARMUP = Whole(0, 10_000_000, "images until the KL has its full weight")
LOG_2PI = math.log(2 * math.pi)
SCALE = -3.0  # log of a logistic likelihood's scale at first: 13 bytes
ROWS = 512  # codes decoded at once by a bound: more fall out of the processor's cache


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
        heard: HEARD = "colours",
        network: NETWORK = "connected",
        depth: DEPTH = 1,
        width: WIDTH = 400,
        activation: ACTIVATION = "relu",
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
        automatic = "bernoulli" if self.shape[0] == 1 else "gaussian"
        self.law = automatic if self.likelihood == "automatic" else self.likelihood
        hidden, extra = [self.width] * self.depth, self.classes if self.conditional else 0
        # A logistic likelihood has a scale for every pixel and channel beside the mean.
        channels, height, width = self.shape
        shown = (2 * channels if self.law == "logistic" else channels, height, width)
        if self.network == "pyramid":  # of codes, for photographs in few bits
            self.encoder = PyramidEncoder(self.shape, self.depth, self.channels, self.latent, extra)
            self.decoder = PyramidDecoder(shown, self.depth, self.channels, self.latent, extra)
            self.codes = sum(self.decoder.grids.sizes)
        else:
            self.encoder = Encoder(self.network, self.shape, hidden, self.channels, 2 * self.latent, extra)
            self.decoder = Decoder(self.network, shown, hidden, self.channels, self.latent, extra)
            self.codes = self.latent
        for module in self.modules():
            if isinstance(module, MLP) and self.activation == "tanh":
                module.activation = nn.Tanh()
        # One sigma for all pixels of a Gaussian likelihood; its optimum is the root mean squared error.
        self.log_sigma = nn.Parameter(torch.tensor(-1.5)) if self.law == "gaussian" else None
        # Where a pixel hears its neighbours, few bits are left for the code to save: it may fall silent (Chen 2017).
        reach = 2 if self.heard == "neighbours" else 0
        self.echo = Echo(channels, reach) if self.law == "logistic" and (channels > 1 or reach) else None

    def condition(self, labels: Tensor | None) -> Tensor | None:
        # As large as a component of z, else the code learns to say the class before anybody hears the label.
        return one_hot(labels, self.classes) * self.classes**0.5 if self.conditional else None

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """mu and log sigma^2 of q(z|x), each (N, codes)."""
        return precise(self.encoder(images, self.condition(labels))).chunk(2, 1)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.posterior(images, labels)[0]

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of p(x|z), (N, C, H, W); under a logistic likelihood its location."""
        x = self.decoder(z, self.condition(labels))
        return torch.sigmoid(x) if self.law == "bernoulli" else x[:, : self.shape[0]]

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(images, labels), labels)

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """z ~ p(z) = N(0, I), (count, codes)."""
        return torch.randn(count, self.codes, generator=generator, device=generator.device)

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(z, labels)

    def observe(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the likelihood is about: under Bernoulli a fresh black and white draw of the grey pixels."""
        return torch.bernoulli(images, generator=generator) if self.law == "bernoulli" else images

    def log_likelihood(self, x: Tensor, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x|z) of images (N, C, H, W) at codes (..., N, codes), (..., N), summed over pixels and channels."""
        condition = self.condition(labels)
        if condition is not None:
            condition = condition.expand(*z.shape[:-1], -1).flatten(0, -2)
        output = precise(self.decoder(z.flatten(0, -2), condition)).unflatten(0, z.shape[:-1])
        if self.law == "bernoulli":  # black is 0, white is 1, and nothing lies between
            pixels = logsigmoid(output * (2 * x - 1))
        elif self.law == "gaussian":
            pixels = -0.5 * (((x - output) * torch.exp(-self.log_sigma)).square() + LOG_2PI) - self.log_sigma
        else:
            mean, log_scale = output.chunk(2, -3)
            heard = mean if self.echo is None else mean + self.echo(x - mean)
            pixels = log_probability_of_bytes(x, heard, log_scale + SCALE)
        return pixels.flatten(-3).sum(-1)

    def log_weights(self, x: Tensor, labels: Tensor | None, posterior: tuple[Tensor, Tensor], eps: Tensor) -> Tensor:
        """log p(x, z) - log q(z|x) at z = mu + sigma eps, for eps (samples, N, codes): (samples, N)."""
        mu, log_variance = posterior
        z = mu + torch.exp(0.5 * log_variance) * eps
        # log p(z) - log q(z|x): the constants cancel.
        prior = -0.5 * (z.square() - eps.square() - log_variance).sum(-1)
        return self.log_likelihood(x, z, labels) + prior

    def noise(self, count: int, samples: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Standard normal eps (k, count, codes), piece by piece, until the k add up to `samples`."""
        at_once = max(1, ROWS // count)
        for done in range(0, samples, at_once):
            size = (min(at_once, samples - done), count, self.codes)
            yield torch.randn(size, generator=generator, device=generator.device)

    def bound(self, images: Tensor, labels: Tensor | None, samples: int, generator: torch.Generator) -> Tensor:
        """The importance-weighted bound on log p(x) with K = `samples` (Burda 2016, equation 8), (N,), in nats."""
        x = self.observe(images, generator)
        posterior = self.posterior(x, labels)
        pieces = self.noise(len(x), samples, generator)
        sums = [self.log_weights(x, labels, posterior, eps.to(x.dtype)).logsumexp(0) for eps in pieces]
        return torch.stack(sums).logsumexp(0) - math.log(samples)

    def loss(self, batch: Batch) -> Terms:
        x = self.observe(batch.images, batch.generator)
        mu, log_variance = self.posterior(x, batch.labels)
        size = (self.samples, *mu.shape)
        eps = torch.randn(size, generator=batch.generator, device=mu.device, dtype=mu.dtype)
        if self.samples > 1:
            weights = self.log_weights(x, batch.labels, (mu, log_variance), eps)
            return {"loss": math.log(self.samples) - weights.logsumexp(0).mean()}
        z = mu + torch.exp(0.5 * log_variance) * eps
        reconstruction = -self.log_likelihood(x, z, batch.labels).mean()
        kl = 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        beta = self.beta * min(1.0, (batch.seen + 1) / (self.warmup + 1))
        return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.loss(batch)["loss"]}

    def players(self) -> list[Player]:
        return [Player("model", list(self.parameters()), self.loss, adam(0.9, 0.999), self.lr)]
