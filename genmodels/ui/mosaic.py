"""Many small images as one picture at whole multiples of its size, and figures side by side."""

from html import escape

from torch import Tensor

from genmodels.pictures import png, sheet
from genmodels.ui.gallery import LARGEST, data_link


def mosaic(images: Tensor, columns: int, width: int, alt: str, more: str = "", largest: int = LARGEST) -> str:
    """Bytes (N, C, H, W) row by row, at most so many pixels wide where that can be; `more` are further attributes."""
    whole = sheet(images, columns)
    scale = max(1, min(largest, width // whole.shape[2]))
    high, wide = (scale * size for size in whole.shape[1:])
    return (
        f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" aria-label="{escape(alt)}"{more}>'
        f'<image href="{data_link(png(whole), "image/png")}" width="{wide}" height="{high}" '
        'image-rendering="pixelated" preserveAspectRatio="none"/></svg>'
    )


def row(*figures: str) -> str:
    """HTML side by side, under one another where there is no room."""
    return f'<div class="row" style="flex-wrap:wrap;gap:18px 30px">{"".join(figures)}</div>'
