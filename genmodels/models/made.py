"""Masked autoencoder for distribution estimation (Germain et al. 2015): the chain rule as a network.

    log p(x) = sum_i log p(x_i | x_1, ..., x_{i-1})

Every unit has a degree: how many pixels, counted in the chosen order, it may have heard of. Pixel i has degree i on
the way in and i - 1 on the way out, and a weight from degree a to degree b is masked unless a <= b (equations 8, 9).
All terms are nats: sums over pixels and channels, means over images.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy_with_logits

from genmodels.errors import UserError
from genmodels.models.base import (
    BATCH,
    RATE,
    Batch,
    Card,
    Choice,
    Curve,
    Flag,
    Model,
    Player,
    Terms,
    Whole,
    adam,
    precise,
)


class MaskedLinear(nn.Linear):
    """Weights between units of these degrees, (inputs,) and (outputs,), none of them to a lower degree.

    What is masked, half of the matrix, is left out of the saved state: a row of the others.
    """

    def __init__(self, degrees: Tensor, degrees_out: Tensor) -> None:
        super().__init__(len(degrees), len(degrees_out))
        self.register_buffer("masked", degrees > degrees_out[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.masked_fill(self.masked, 0), self.bias)

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        name = prefix + "weight"
        destination[name] = destination[name][~self.masked]

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *others: object) -> None:
        name = prefix + "weight"
        whole = torch.zeros_like(self.weight, dtype=state[name].dtype)
        whole[~self.masked] = state[name]
        super()._load_from_state_dict(state | {name: whole}, prefix, *others)


MOST_WEIGHTS = 64  # million


class MADE(Model):
    card = Card(
        title="Masked autoencoder for distribution estimation",
        authors="Germain, Gregor, Murray, Larochelle",
        year=2015,
        link="https://arxiv.org/abs/1502.03509",
        idea="Pixel after pixel, each guessed from those before it. Masks cut every other path through an autoencoder, "
        "so one pass gives all guesses and their product is the exact probability of a picture. Pixels are black or "
        "white, drawn anew from the greys at each visit; of a colour picture, each of the three channels.",
        objective=r"\max \; \mathbb{E}_x \sum_i \log p(x_i \mid x_1, \ldots, x_{i-1})",
        watch="The likelihood is exact, not a bound: compare it with the VAE's. Samples have sharp strokes which do "
        "not always add up to a digit, for no single step sees the whole.",
        passage="Information theory: the chain rule",
    )
    curves = {
        "loss": Curve("-log p(x), training", "nats per image"),
        "held_out": Curve("-log p(x), held-out images", "nats per image"),
    }
    low = 0.0

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        depth: Whole(1, 4, "hidden layers", front=True) = 1,
        width: Whole(16, 8192, "hidden units", front=True) = 1000,
        order: Choice(("raster", "random"), "order of the pixels", front=True) = "raster",
        direct: Flag("direct connections from pixel to pixel") = True,
        lr: RATE = 3e-3,
        batch: BATCH = 128,
    ) -> None:
        super().__init__(shape, classes, locals())
        pixels = math.prod(shape)
        weights = width * (2 * pixels + (depth - 1) * width) / 1e6
        if weights > MOST_WEIGHTS:  # before any is made: a training holds each of them six times
            raise UserError(
                f"This model would have {weights:.0f} million weights: lower width or depth, "
                f"{MOST_WEIGHTS} is the most."
            )
        order_of = {
            "raster": torch.arange(pixels, device="cpu"),
            "random": torch.randperm(pixels, generator=torch.Generator().manual_seed(0), device="cpu"),
        }
        # Inside the network pixels stand in the order of the chain; outside, in that of the image.
        self.register_buffer("chain", order_of[order], persistent=False)
        self.register_buffer("place", order_of[order].argsort(), persistent=False)
        places = torch.arange(pixels, device="cpu")
        degrees = 1 + torch.arange(width, device="cpu") * (pixels - 1) // width  # rising from 1 to pixels - 1
        self.register_buffer("degrees", degrees, persistent=False)
        inputs = [places + 1] + [degrees] * (depth - 1)
        self.hidden = nn.ModuleList(MaskedLinear(before, degrees) for before in inputs)
        self.output = MaskedLinear(degrees, places)
        self.shortcut = MaskedLinear(places + 1, places) if direct else None
        for layer in (self.output, self.shortcut) if direct else (self.output,):
            nn.init.zeros_(layer.weight)  # at first every pixel is a fair coin
            nn.init.zeros_(layer.bias)

    def logits(self, images: Tensor) -> Tensor:
        """log p(x_i = 1 | earlier) - log p(x_i = 0 | earlier) for every pixel of binary images, (N, C, H, W)."""
        x = images.flatten(1)[:, self.chain]
        h = x
        for layer in self.hidden:
            h = functional.relu(layer(h))
        output = self.output(h) if self.shortcut is None else self.output(h) + self.shortcut(x)
        return precise(output)[:, self.place].view_as(images)

    def log_prob(self, images: Tensor) -> Tensor:
        """log p(x) of binary images (N, C, H, W), exact, (N,), in nats."""
        return -binary_cross_entropy_with_logits(self.logits(images), images, reduction="none").flatten(1).sum(1)

    def observe(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the likelihood is about: a fresh black and white draw of the grey pixels."""
        return torch.bernoulli(images, generator=generator)

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """One uniform number a pixel, (count, C * H * W): it will be white where the number is below p."""
        return torch.rand(count, math.prod(self.shape), generator=generator, device=generator.device)

    @torch.no_grad()
    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Binary images (N, C, H, W), pixel by pixel. A unit is computed once, as soon as all pixels up to its
        degree are known, so that a sample costs no more arithmetic than one pass through the network."""
        z = z.T[self.chain]
        x = torch.zeros_like(z)
        layers = [layer.weight.new_zeros(self.width, z.shape[1]) for layer in self.hidden]
        known = torch.searchsorted(self.degrees, torch.arange(len(z) + 1, device=z.device), right=True).tolist()
        for i in range(len(z)):
            # Here x[:i] is known and, with it, the first known[i] units of every layer.
            logit = self.output.bias[i] + self.output.weight[i, : known[i]] @ layers[-1][: known[i]]
            if self.shortcut is not None:
                logit += self.shortcut.bias[i] + self.shortcut.weight[i, :i] @ x[:i]
            x[i] = z[i] < torch.sigmoid(logit)
            new, before = slice(known[i], known[i + 1]), x[: i + 1]
            if new.start < new.stop:
                for layer, units in zip(self.hidden, layers, strict=True):
                    weight, bias = layer.weight[new, : len(before)], layer.bias[new, None]
                    units[new] = functional.relu(torch.addmm(bias, weight, before))
                    before = units[: new.stop]
        return x[self.place].T.reshape(-1, *self.shape)

    def loss(self, batch: Batch) -> Terms:
        return {"loss": -self.log_prob(self.observe(batch.images, batch.generator)).mean()}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.loss(batch)["loss"]}

    def players(self) -> list[Player]:
        return [Player("model", list(self.parameters()), self.loss, adam(0.9, 0.999), self.lr)]
