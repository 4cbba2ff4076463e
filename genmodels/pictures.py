"""Sheets of small images at natural size, as PNG or GIF bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from genmodels.models import can
from genmodels.models.base import Model

GAP = 96  # the grey of the one-pixel gaps: seen beside black and beside white


def to_uint8(images: Tensor) -> Tensor:
    """Images in [0, 1] as bytes of the same shape, on the CPU."""
    return images.float().mul(255).round().clamp(0, 255).to(torch.uint8).cpu()


def sheet(images: Tensor, columns: int) -> Tensor:
    """Bytes (N, C, H, W) laid out row by row with one-pixel gaps, as one image (C, H', W')."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    cells = images.new_full((rows * columns, channels, height + 1, width + 1), GAP)
    cells[:count, :, :height, :width] = images
    cells = cells.view(rows, columns, channels, height + 1, width + 1).permute(2, 0, 3, 1, 4)
    return cells.reshape(channels, rows * (height + 1), columns * (width + 1))[:, :-1, :-1]


def png(image: Tensor) -> bytes:
    """One image (C, H, W) of bytes; level 1 is ten times as fast as the smallest file and little larger."""
    buffer = io.BytesIO()
    _pillow(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def gif(images: Sequence[Tensor], milliseconds: int = 120) -> bytes:
    """Images (C, H, W) of bytes, one after the other and back again, for ever."""
    frames = [_pillow(image) for image in [*images, *images[-2:0:-1]]]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


@torch.no_grad()
def reconstructions(model: Model, images: Tensor, labels: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Originals, what a denoiser is given in their place, and the model's answers: each (N, C, H, W) in [0, 1]."""
    rows = [images]
    if can(model, "corrupt"):
        rows.append(model.corrupt(images, generator))
    rows.append(model.reconstruct(rows[-1], labels))
    return [model.to_unit(row) for row in rows]


def noise(model: Model, count: int, generator: torch.Generator) -> Tensor:
    """z of the model's own law, (count, ...); N(0, I) for an autoencoder, whose codes have none."""
    if can(model, "sample"):
        return model.latents(count, generator)
    blank = torch.zeros(1, *model.shape, device=generator.device)
    with torch.no_grad():
        codes = model.encode(blank, torch.zeros(1, dtype=torch.long, device=generator.device)).shape[1]
    return torch.randn(count, codes, generator=generator, device=generator.device)


@torch.no_grad()
def decoded(model: Model, z: Tensor, labels: Tensor) -> Tensor:
    """The pictures (N, C, H, W) in [0, 1] of such z."""
    return model.to_unit(model.sample(z, labels) if can(model, "sample") else model.decode(z, labels))


def interleave(rows: Sequence[Tensor], columns: int) -> Tensor:
    """Several (N, ...) tensors as one whose sheet of so many columns shows each image above its counterparts."""
    pieces = zip(*(row.split(columns) for row in rows), strict=True)
    return torch.cat([piece for group in pieces for piece in group])


def _pillow(image: Tensor) -> Image.Image:
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
