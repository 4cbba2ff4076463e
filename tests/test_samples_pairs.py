"""One noise through two models, and one style in every class."""

import base64
import io
import re

import pytest
import torch
from PIL import Image

from genmodels import drawn
from genmodels.digit import prepare
from genmodels.errors import UserError
from genmodels.ui.pairs import BY_HAND, DRAWN, OF_PICTURE, carry, pair
from genmodels.ui.sketch import SIDE, ink
from genmodels.ui.sources import source


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'(?:src|href)="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_latents_of_one_size_are_the_same_and_others_are_said_to_differ():
    same = pair(model="gan-mnist", other="wgan-mnist", seed=3)
    assert same["pair"].count("the same 64 numbers z") == 4 and "from the same z" in same["pair"]
    left, right = pictures(same["pair"])[::2]  # each a second time as its download
    assert left.size == right.size and left.tobytes() != right.tobytes()
    alone = pictures(pair(model="gan-mnist", other="gan-mnist", seed=3)["pair"])
    assert {picture.tobytes() for picture in alone} == {left.tobytes()}
    assert same["pair"].count("floors of 0.03") == 2  # what was measured of each
    other = pair(model="gan-mnist", other="vae-mnist")
    sizes = [source(name, "").model.latent for name in ("gan-mnist", "vae-mnist")]
    assert "are {} and {} numbers".format(*sizes) in other["pair"] and "; the same" not in other["pair"]
    law = pair(model="made-mnist", other="flow-mnist", count=1)  # one size, uniform and normal
    assert "follow other laws" in law["pair"]


def test_a_row_keeps_its_z_and_a_column_its_class():
    model = source("cgan-mnist", "").model
    z = drawn.noise(model, 3, 0)
    grid = drawn.in_every_class(model, z)
    assert torch.equal(grid[1, 4], drawn.sampled(model, z[1:2], torch.tensor([4]))[0])


def test_the_style_of_a_picture_comes_back_in_its_own_class():
    asked = source("cvae-mnist", "")
    images, labels = asked.dataset.test_images[:20], asked.dataset.test_labels[:20]
    grid = drawn.in_every_class(asked.model, drawn.style(asked.model, images, labels)).float()
    errors = (grid - images[:, None].float()).square().flatten(2).sum(2)
    assert (errors.argmin(1) == labels).float().mean() > 0.9
    html = carry(model="cvae-mnist", style=OF_PICTURE, number=5, count=2)["grid"]
    assert len(pictures(html)) == 3 and "from number 5 on" in html


def test_models_without_classes_or_encoder_say_so():
    assert "a row is one z" in carry(model="cgan-mnist", style=DRAWN)["grid"]
    with pytest.raises(UserError, match="no encoder .* choose cvae-mnist"):
        carry(model="cgan-mnist", style=OF_PICTURE)


def test_the_style_of_a_drawing_is_carried_and_its_class_read_or_told():
    canvas = bytearray(SIDE * SIDE)
    for y in range(10, 74):  # a leaning stroke
        start = y * SIDE + 30 + (74 - y) // 3
        canvas[start : start + 7] = bytes([255]) * 7
    drawing = base64.b64encode(canvas).decode()
    read, told = (
        carry(style=BY_HAND, drawing=drawing, written=written)["grid"] for written in ("as the judge reads it", "7")
    )
    assert "taken for a 1, as the judge reads it" in read and "taken for a 7;" in told
    shown = pictures(read)
    assert len(shown) == 2  # the drawing, and one row
    assert shown[0].tobytes() == prepare(ink(drawing)).numpy().tobytes()
    with pytest.raises(UserError, match="Nothing is drawn yet"):
        carry(style=BY_HAND)
