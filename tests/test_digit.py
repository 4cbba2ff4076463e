"""Drawings become digits as MNIST made them: wherever and however large they were drawn."""

import base64

import pytest
import torch
from torch.nn import functional

from genmodels.data import load
from genmodels.digit import prepare
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.ui.sketch import SIDE, Drawing, ink
from genmodels.ui.tool import control

COUNT = 200


def drawn(digit: torch.Tensor, scale: float, top: int, left: int) -> torch.Tensor:
    """A digit (1, 28, 28) of that scale on the canvas, what hangs out being paper."""
    side = round(28 * scale)
    large = functional.interpolate(digit[None].float(), (side, side), mode="bilinear", antialias=True)[0, 0]
    canvas = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    canvas[top : top + side, left : left + side] = large.round().to(torch.uint8)[: SIDE - top, : SIDE - left]
    return canvas


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    mnist = load("mnist")
    return mnist.test_images[:COUNT], mnist.test_labels[:COUNT]


def placed(images: torch.Tensor, scale: float, top: int, left: int) -> torch.Tensor:
    return torch.stack([prepare(drawn(image, scale, top, left)) for image in images])


PLACES = {"whole": (3, 0, 0), "high": (2, 0, 14), "low and left": (2, 28, 0), "small, in a corner": (1.5, 42, 42)}


@pytest.mark.parametrize("place", PLACES)
def test_a_digit_is_the_same_wherever_and_however_large_it_is_drawn(digits, place):
    images, labels = digits
    answers = load_judge("mnist").logits(placed(images, *PLACES[place])).argmax(1)
    assert (answers == load_judge("mnist").logits(images).argmax(1)).float().mean() >= 0.985
    assert (answers == labels).float().mean() >= 0.985


def test_placed_digits_are_near_one_another_and_near_the_original(digits):
    images = digits[0]
    whole, small = placed(images, *PLACES["whole"]), placed(images, *PLACES["small, in a corner"])
    energy = images.float().square().mean()
    assert (whole.float() - small.float()).square().mean() < 0.1 * energy
    assert (whole.float() - images.float()).square().mean() < 0.2 * energy
    moved = placed(images[:20], 2, 5, 9)
    assert torch.equal(moved, placed(images[:20], 2, 20, 25))  # only moved: the very same


def test_a_digit_fills_twenty_pixels_and_its_mass_is_in_the_middle(digits):
    found = placed(digits[0], 2, 10, 20)
    assert found.dtype == torch.uint8 and found.shape == (COUNT, 1, 28, 28)
    for digit in found[:, 0].float():
        height, width = ((digit > 0).any(axis).sum().item() for axis in (1, 0))
        assert max(height, width) in (19, 20)
        for axis in (0, 1):
            mass = digit.sum(axis)
            assert abs((mass * torch.arange(28)).sum() / mass.sum() - 14) < 1
    assert (found.amax((1, 2, 3)) == 255).all()


def test_odd_drawings_are_digits_too():
    line, dot = torch.zeros(SIDE, SIDE, dtype=torch.uint8), torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    line[:, 40] = 255
    dot[3, 80] = 255
    for drawing in (line, dot, torch.full((SIDE, SIDE), 255, dtype=torch.uint8)):
        assert prepare(drawing).amax() == 255


def test_an_empty_canvas_is_a_sentence():
    with pytest.raises(UserError, match="Nothing is drawn"):
        prepare(ink(""))


def test_what_the_canvas_sends_arrives_and_nothing_else():
    kind = Drawing("draw")
    pixels = torch.randint(256, (SIDE, SIDE), dtype=torch.uint8)
    text = base64.b64encode(pixels.numpy().tobytes()).decode()
    assert kind.check("drawing", text) == text and torch.equal(ink(text), pixels)
    assert kind.check("drawing", "") == ""
    for wrong in (text[:-4], text + "AAAA", "!" * len(text), "\u00e9" * len(text), 3, None, [0] * SIDE**2):
        with pytest.raises(UserError, match="draw again"):
            kind.check("drawing", wrong)
    with pytest.raises(UserError, match="draw again"):
        kind.check("drawing", base64.b64encode(bytes(SIDE**2 - 1)).decode().ljust(len(text), "="))


def test_the_control_is_a_canvas_that_keeps_its_drawing_to_itself():
    html = control("tool-drawing", "drawing", Drawing("your digit"), "")
    assert f'data-side="{SIDE}"' in html and "data-private" in html and "your digit" in html
