"""Rows of samples: never wider than asked, every image there, and words under their images."""

import base64
import io
import re

import pytest
import torch
from PIL import Image

from genmodels.pictures import sheet
from genmodels.ui.gallery import LARGEST, Band, gallery


def strips(svg: str) -> list[tuple[Image.Image, int, int]]:
    """Every picture with the width and height it is shown at."""
    found = re.findall(r'<image href="data:image/png;base64,([^"]+)" y="\d+" width="(\d+)" height="(\d+)"', svg)
    return [(Image.open(io.BytesIO(base64.b64decode(text))), int(wide), int(high)) for text, wide, high in found]


@pytest.mark.parametrize("width", [362, 600, 900])
@pytest.mark.parametrize("count", [1, 10, 23])
def test_a_gallery_fits_and_shows_whole_pixels(width, count):
    images = torch.randint(256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    words = [f"w{i}" for i in range(count)]
    svg = gallery([Band("above", images, words), Band("below", images)], width, "samples", least=2)
    wide, high = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    assert wide <= width
    shown = strips(svg)
    for picture, across, down in shown:
        scale = across // picture.width
        assert (across, down) == (scale * picture.width, scale * picture.height) and 2 <= scale <= LARGEST
    assert sum((picture.width + 1) // 29 for picture, _, _ in shown) == 2 * count
    if count == 10 and width == 600:
        assert len(shown) == 2 and shown[0][1] == 2 * 289  # smaller, so that a row stays a row
    first = shown[0][0]
    assert first.tobytes() == sheet(images[: (first.width + 1) // 29], (first.width + 1) // 29).numpy().tobytes()
    places = {word: float(x) for x, word in re.findall(r'<text x="([\d.]+)" y="\d+" text-anchor="middle">(\w+)<', svg)}
    assert list(places) == words and all(0 < x < wide for x in places.values())
    assert all(int(y) <= high for y in re.findall(r'y="(\d+)"', svg))


def test_words_of_a_gallery_are_no_markup():
    svg = gallery([Band("<b>", torch.zeros(1, 1, 8, 8, dtype=torch.uint8), ['"<'])], 300, '"<script>')
    assert "<b>" not in svg and "<script" not in svg and 'aria-label="&quot;' in svg
