"""Pictures of the Samples tab: sheets at whole multiples of their size, and rows of samples with words under them."""

import base64
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from torch import Tensor

from genmodels.data import Dataset
from genmodels.models.base import Choice, Whole
from genmodels.pictures import png, sheet
from genmodels.ui.sources import Source

LABELS = Choice(("all", *map(str, range(10))), "class, where the model takes one")
SEED = Whole(0, 99_999, "seed", front=True)
LARGEST = 3  # pixels of the screen for one of an image
NAME, WORD, AIR = 18, 16, 10  # pixels of a line above a band, of one under it, and between groups of bands


class Band(NamedTuple):
    """Images (N, C, H, W) of bytes in a row, what they are, and a word under each."""

    name: str
    images: Tensor
    words: Sequence[str] = ()


def data_link(content: bytes, kind: str) -> str:
    """Bytes as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def gallery(bands: Sequence[Band], width: int, alt: str, least: int = 1) -> str:
    """Bands under one another as SVG, one column for each image, in so many groups as the width asks for; an image's
    pixel takes at least `least` of the screen's."""
    most, side = max(len(band.images) for band in bands), bands[0].images.shape[3] + 1
    scale = min(LARGEST, max(least, width // (most * side)))
    groups = -(-most // max(1, width // (scale * side)))
    columns = -(-most // groups)  # as many in the last group as in the others, or nearly
    parts, y = [], 0
    for start in range(0, most, columns):
        for band in bands:
            images = band.images[start : start + columns]
            if not len(images):
                continue
            if band.name:
                parts.append(f'<text x="0" y="{y + 13}">{escape(band.name)}</text>')
                y += NAME
            strip = sheet(images, len(images))
            high, wide = (scale * size for size in strip.shape[1:])
            parts.append(
                f'<image href="{data_link(png(strip), "image/png")}" y="{y}" width="{wide}" height="{high}" '
                f'data-natural="{strip.shape[2]} {strip.shape[1]}" '
                'image-rendering="pixelated" preserveAspectRatio="none"/>'
            )
            y += high + scale
            if band.words:
                parts += [
                    f'<text x="{(i + 0.5) * scale * side:g}" y="{y + 11}" text-anchor="middle">{escape(word)}</text>'
                    for i, word in enumerate(band.words[start : start + columns])
                ]
                y += WORD
        y += AIR
    return (
        f'<svg viewBox="0 0 {columns * scale * side} {y - AIR}" width="{columns * scale * side}" height="{y - AIR}" '
        f'role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'
    )


def picture(content: bytes, words: str, width: int, more: str = "") -> str:
    """A PNG at whole multiples of its own size or hardly less, with its caption and links that save it."""
    data = data_link(content, "image/png")
    natural = int.from_bytes(content[16:20], "big")  # the width in a PNG's header
    shown = min(width, natural * max(1, min(LARGEST, int(1.04 * width) // natural)))
    return (
        f'<figure><img class="pixels" width="{shown}" alt="{escape(words)}" src="{data}">'
        f'<figcaption>{escape(words)}. <a download="samples.png" href="{data}">PNG</a>{more}</figcaption></figure>'
    )


def of_class(label: str, asked: Source) -> str:
    """Which classes were asked for, in words."""
    if not asked.model.conditional:
        return ""
    return ", one class after the other" if label == "all" else f", all {asked.dataset.classes[int(label)]}"


def columns_of(dataset: Dataset) -> tuple[list[str], str]:
    """A word for the column of each class, and what the words stand for where they are only numbers."""
    if all(len(name) < 3 for name in dataset.classes):
        return list(dataset.classes), ""
    names = ", ".join(f"{i} {name}" for i, name in enumerate(dataset.classes))
    return [str(i) for i in range(len(dataset.classes))], f" Classes: {names}."
