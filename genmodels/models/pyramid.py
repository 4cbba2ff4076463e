"""Networks whose code is a pyramid of grids: coarse cells for what spans the picture, fine ones for its details.

With one vector for a code a photograph's details cannot be told, and with one fine grid each cell has to repeat what
its neighbours say. A cell has `latent` numbers on the finest grid, twice as many on the next, and so on; the code is
all of them in one row.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmodels.errors import UserError
from genmodels.models.layers import pyramid


class Residual(nn.Module):
    """Two convolutions beside the identity, which is all there is at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, last = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(last.weight)
        self.layers = nn.Sequential(nn.ReLU(), first, nn.ReLU(), last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Grids:
    """Sides, widths and code channels of the levels, the finest first."""

    def __init__(self, side: int, channels: int, latent: int) -> None:
        self.sides = pyramid(side)[1:]
        if not self.sides:
            raise UserError(
                f"A pyramid needs images whose side can be halved, not {side} pixels: take another network."
            )
        self.widths = [channels * (level + 1) for level in range(len(self.sides))]
        self.codes = [latent << level for level in range(len(self.sides))]
        self.sizes = [codes * side**2 for codes, side in zip(self.codes, self.sides, strict=True)]


class PyramidEncoder(nn.Module):
    """Image (N, C, H, W), and `extra` numbers beside it, to mu and log sigma^2 of all cells, (N, 2 * codes)."""

    def __init__(self, shape: tuple[int, int, int], blocks: int, channels: int, latent: int, extra: int) -> None:
        super().__init__()
        grids = Grids(shape[1], channels, latent)
        self.first = nn.Conv2d(4 * shape[0] + extra, channels, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 4, 2, 1) for fine, coarse in zip(grids.widths, grids.widths[1:], strict=False)
        )
        self.blocks = nn.ModuleList(nn.Sequential(*[Residual(width) for _ in range(blocks)]) for width in grids.widths)
        pairs = zip(grids.widths, grids.codes, strict=True)
        self.heads = nn.ModuleList(nn.Conv2d(width, 2 * codes, 1) for width, codes in pairs)
        for head, codes in zip(self.heads, grids.codes, strict=True):
            nn.init.orthogonal_(head.weight)  # the code tells something from the start
            head.weight.data[codes:] *= 0.1

    def forward(self, images: Tensor, extra: Tensor | None = None) -> Tensor:
        x = functional.pixel_unshuffle(2 * images - 1, 2)
        if extra is not None:
            x = torch.cat([x, extra[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        x, mu, log_variance = self.first(x), [], []
        for level, (blocks, head) in enumerate(zip(self.blocks, self.heads, strict=True)):
            x = blocks(self.down[level - 1](x) if level else x)
            for found, half in zip((mu, log_variance), head(x).chunk(2, 1), strict=True):
                found.append(half.flatten(1))
        return torch.cat(mu + log_variance, 1)


class PyramidDecoder(nn.Module):
    """A code (N, codes), and `extra` numbers beside it, to an image (N, C, H, W): from the coarsest grid to the finest,
    each adding its own numbers to what comes from above."""

    def __init__(self, shape: tuple[int, int, int], blocks: int, channels: int, latent: int, extra: int) -> None:
        super().__init__()
        self.grids = Grids(shape[1], channels, latent)
        widths, codes = self.grids.widths, self.grids.codes
        extras = [0] * (len(codes) - 1) + [extra]  # the label enters at the top
        self.tails = nn.ModuleList(nn.Conv2d(a + b, w, 1) for a, b, w in zip(codes, extras, widths, strict=True))
        self.blocks = nn.ModuleList(nn.Sequential(*[Residual(width) for _ in range(blocks)]) for width in widths)
        pairs = zip(widths[1:], widths, strict=False)
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 4, 2, 1) for coarse, fine in pairs)
        self.last = nn.Conv2d(channels, 4 * shape[0], 3, padding=1)

    def forward(self, z: Tensor, extra: Tensor | None = None) -> Tensor:
        parts, x = z.split(self.grids.sizes, 1), None
        for level in reversed(range(len(parts))):
            side = self.grids.sides[level]
            cells = parts[level].reshape(len(z), -1, side, side)
            if x is None and extra is not None:
                cells = torch.cat([cells, extra[:, :, None, None].expand(-1, -1, side, side)], 1)
            own = self.tails[level](cells)
            x = self.blocks[level](own if x is None else own + self.up[level](x))
        return functional.pixel_shuffle(self.last(x), 2)
