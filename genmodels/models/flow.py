"""Rectified flow (Liu et al. 2023), or flow matching along straight paths (Lipman et al. 2023).

    x_t = (1 - t) e + t x,  e ~ N(0, I):    min E || v(x_t, t, y) - (x - e) ||^2
    sampling:  dx_t / dt = v(x_t, t, y)  from t = 0 to 1

Guidance (Ho & Salimans 2022): one label in ten is hidden in training, and sampling follows v_u + w (v_c - v_u) with
v_c for the label and v_u for the hidden one. The loss is a sum over pixels and channels, a mean over images.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from genmodels.errors import UserError
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
from genmodels.models.unet import UNet

HIDDEN = 0.1  # share of labels hidden from the network, for guidance


class Flow(Model):
    card = Card(
        title="Rectified flow",
        authors="Liu, Gong, Liu; Lipman, Chen, Ben-Hamu, Nickel, Le",
        year=2023,
        link="https://arxiv.org/abs/2209.03003",
        idea="Draw straight lines from noise to pictures and learn which way they lead on the average. To sample, "
        "follow the arrows from fresh noise. No adversary and no code: one regression.",
        objective=r"\min_v \; \mathbb{E} \lVert v(x_t, t, y) - (x - e) \rVert^2, \quad x_t = (1 - t) \, e + t \, x, "
        r"\quad e \sim \mathcal{N}(0, I)",
        watch="The error soon stands still and the pictures go on improving: most of it is noise that no network can "
        "foresee. Few steps blur, strong guidance exaggerates.",
        passage="Optimal transport: from one distribution to another",
    )
    curves = {
        "loss": Curve("squared error of the velocity, training", "per image"),
        "held_out": Curve("squared error of the velocity, held-out images", "per image"),
    }
    low = -1.0
    conditional = True

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        width: Whole(8, 128, "channels of the finest maps", front=True) = 32,
        steps: Whole(1, 100, "steps of sampling", front=True, live=True) = 10,
        solver: Choice(("euler", "heun"), "solver", live=True) = "euler",
        guidance: Real(0, 10, "guidance w", front=True, live=True) = 2.0,
        lr: RATE = 2e-3,
        batch: BATCH = 64,
    ) -> None:
        super().__init__(shape, classes, locals())
        if shape[1] % 2 or shape[2] % 2:
            raise UserError(f"flow takes images with even sides, not {shape[1]} x {shape[2]} pixels.")
        self.network = UNet(shape[0], width, classes + 1)  # the last label is the hidden one

    def velocity(self, x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        """v(x_t, t, y), (N, C, H, W), at times (N,); the label `classes` stands for a hidden one."""
        return precise(self.network(x, time, labels))

    def loss(self, batch: Batch) -> Terms:
        x, generator = batch.images, batch.generator
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        chance = torch.rand(2, len(x), generator=generator, device=x.device, dtype=x.dtype)
        # One time in each of N equal parts of [0, 1]: uniform all the same, and the loss wavers less.
        time = (torch.arange(len(x), device=x.device) + chance[0]) / len(x)
        labels = batch.labels.masked_fill(chance[1] < HIDDEN, self.classes)
        t = time[:, None, None, None]
        error = self.velocity((1 - t) * noise + t * x, time, labels) - (x - noise)
        return {"loss": error.square().flatten(1).sum(1).mean()}

    def held_out(self, batch: Batch) -> Terms:
        return {"held_out": self.loss(batch)["loss"]}

    def guided(self, x: Tensor, time: float, labels: Tensor | None) -> Tensor:
        """v_u + w (v_c - v_u) at one time for all (N, C, H, W); v_u alone without labels."""
        times = x.new_full((len(x),), time)
        nobody = torch.full((len(x),), self.classes, device=x.device)
        if labels is not None and self.guidance == 1:
            return self.velocity(x, times, labels)
        unguided = self.velocity(x, times, nobody)
        if labels is None:
            return unguided
        return unguided + self.guidance * (self.velocity(x, times, labels) - unguided)

    def latents(self, count: int, generator: torch.Generator) -> Tensor:
        """e ~ N(0, I), (count, C * H * W)."""
        return torch.randn(count, math.prod(self.shape), generator=generator, device=generator.device)

    def travel(self, z: Tensor, labels: Tensor | None) -> Iterator[Tensor]:
        """x_t (N, C, H, W) at t = 0, 1/steps, ..., 1."""
        x = z.view(-1, *self.shape)
        yield x
        for step in range(self.steps):
            here, there = step / self.steps, (step + 1) / self.steps
            v = self.guided(x, here, labels)
            if self.solver == "heun":
                v = (v + self.guided(x + v / self.steps, there, labels)) / 2
            x = x + v / self.steps
            yield x

    def path(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The way from noise to image, (steps + 1, N, C, H, W)."""
        return torch.stack(list(self.travel(z, labels)))

    def sample(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Where the way of z (N, C * H * W) ends; pixels may leave [-1, 1] a little."""
        for x in self.travel(z, labels):
            end = x
        return end

    def players(self) -> list[Player]:
        return [Player("model", list(self.parameters()), self.loss, adam(0.9, 0.999), self.lr)]
