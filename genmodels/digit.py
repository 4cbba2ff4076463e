"""A drawing brought to how the digits of MNIST were made."""

import torch
from torch import Tensor
from torch.nn import functional

from genmodels.errors import UserError

SIDE, BOX = 28, 20  # pixels of a digit of MNIST, and of the square that its ink fills
FAINT = 32  # bytes of ink that are nothing but the edge of a stroke


def prepare(pixels: Tensor) -> Tensor:
    """Bytes (H, W), 0 paper and 255 ink, as a digit (1, 28, 28) of bytes.

    As LeCun et al. 1998, section III.A: the ink fills a square of 20 pixels, as high or as wide as that, and its
    centre of mass lies in the middle of the picture. UserError where there is no ink.
    """
    inked = pixels >= FAINT
    if not inked.any():
        raise UserError("Nothing is drawn yet: draw a digit on the canvas, or choose a test picture.")
    rows, columns = (torch.nonzero(inked.any(axis)).flatten() for axis in (1, 0))
    ink = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].float()
    scale = BOX / max(ink.shape)
    size = [max(1, round(scale * side)) for side in ink.shape]
    ink = functional.interpolate(ink[None, None], size, mode="bilinear", antialias=True)[0, 0]
    ink = ink * (255 / ink.max())  # thin strokes grow faint when they shrink
    top, left = (_start(ink.sum(axis)) for axis in (1, 0))
    digit = torch.zeros(1, SIDE, SIDE, dtype=torch.uint8)
    digit[0, top : top + size[0], left : left + size[1]] = ink.round().clamp(0, 255).to(torch.uint8)
    return digit


def _start(mass: Tensor) -> int:
    """Where a row of masses begins, so that their centre lies at SIDE / 2 and all of them inside."""
    centre = (mass * torch.arange(len(mass))).sum() / mass.sum()
    return min(max(round(SIDE / 2 - centre.item()), 0), SIDE - len(mass))
