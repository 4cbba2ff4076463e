"""A small U-Net (Ronneberger 2015) that hears a time and a class, for the flow."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

WAVES = 32  # frequencies by which a time is told


class Block(nn.Module):
    """Two convolutions past which the input goes unchanged; time and class scale and shift what lies between them."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.norm_in, self.norm = nn.GroupNorm(1, inputs), nn.GroupNorm(1, outputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(told, 2 * outputs)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.modulation(told)[:, :, None, None].chunk(2, 1)
        h = self.first(functional.silu(self.norm_in(x)))
        h = self.second(functional.silu(self.norm(h) * (1 + scale) + shift))
        return self.past(x) + h


class UNet(nn.Module):
    """Images (N, C, H, W), times (N,) in [0, 1] and labels (N,) up to `labels` - 1 to outputs (N, C, H, W).

    Squares of 2 x 2 pixels become channels first: convolutions at full size would cost most of the time.
    The last layer starts at zero.
    """

    def __init__(self, channels: int, width: int, labels: int) -> None:
        super().__init__()
        told = 4 * width
        self.time = nn.Sequential(nn.Linear(2 * WAVES, told), nn.SiLU(), nn.Linear(told, told))
        self.label = nn.Embedding(labels, told)
        self.inlet = nn.Conv2d(4 * channels, width, 3, padding=1)
        self.before = Block(width, width, told)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(2 * width, 2 * width, told) for _ in range(2)])
        self.up = nn.Conv2d(2 * width, width, 3, padding=1)
        self.after = Block(2 * width, width, told)
        self.norm = nn.GroupNorm(1, width)
        self.outlet = nn.Conv2d(width, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def forward(self, x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        told = functional.silu(self.time(waves(time)) + self.label(labels))
        fine = self.before(self.inlet(functional.pixel_unshuffle(x, 2)), told)
        coarse = self.down(fine)
        for block in self.middle:
            coarse = block(coarse, told)
        raised = self.up(functional.interpolate(coarse, fine.shape[-2:]))
        h = self.after(torch.cat([fine, raised], 1), told)
        return functional.pixel_shuffle(self.outlet(functional.silu(self.norm(h))), 2)


def waves(time: Tensor) -> Tensor:
    """Times (N,) in [0, 1] as cosines and sines (N, 64) from half a turn to 64 turns."""
    turns = 0.5 * torch.logspace(0, 7, WAVES, 2, device=time.device, dtype=time.dtype)
    angles = 2 * math.pi * time[:, None] * turns
    return torch.cat([angles.cos(), angles.sin()], 1)
