"""Samples of shipped weights and of a visitor's run, as the page asks for them."""

import base64
import io
import re

import pytest
from PIL import Image

from genmodels import registry, weights
from genmodels.errors import UserError
from genmodels.ui.samples import MODELS, draw, walk
from genmodels.ui.sources import MINE, choice

SHIPPED = [name for name in MODELS.options if name != MINE]


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_every_shipped_generator_is_offered_and_nothing_else():
    names = {path.stem for path in weights.shelf()}
    assert SHIPPED and set(SHIPPED) <= names
    assert MODELS.options[-1] == MINE
    assert not [name for name in choice("sample", "reconstruct").options if name.startswith("cgan")]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_seed_draws_the_same_and_another_draws_others(name):
    first, again, other = (pictures(draw(model=name, seed=seed, count=20)["picture"])[0] for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    low, high = first.convert("L").getextrema()
    assert high - low > 100  # ink on paper


def test_a_class_asked_for_is_named():
    assert "all 7" in draw(model="cgan-mnist", label="7", count=4)["picture"]
    assert "one class after the other" in draw(model="cgan-mnist", count=4)["picture"]


def test_facts_stand_with_their_floor():
    assert "floors of 0.03" in draw(model="cgan-mnist", count=1)["facts"]


def test_a_walk_is_two_strips_and_a_film():
    slots = walk(model="cgan-mnist", start=3, end=4)
    strip, film = pictures(slots["strips"])[0], pictures(slots["film"])[0]
    assert strip.size == (11 * 29 - 1, 2 * 29 - 1) and film.n_frames == 20


def test_my_run_is_asked_between_its_rounds():
    with pytest.raises(UserError, match="no run of yours"):
        draw(model=MINE, run="nonsense")
    run = registry.create("gan", "mnist", {"width": 16}, device="cpu", rounds=3)
    assert run.join(60)
    assert "gan on MNIST, 192 images seen" in draw(model=MINE, run=run.id, count=4)["picture"]
    vae = registry.create("ae", "mnist", {"width": 16}, device="cpu", rounds=1)
    assert vae.join(60)
    with pytest.raises(UserError, match="cannot sample"):
        draw(model=MINE, run=vae.id)
