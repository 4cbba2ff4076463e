"""Samples of shipped weights and of a visitor's run, as the page asks for them."""

import base64
import io
import re

import pytest
import torch
from PIL import Image
from safetensors.torch import load

from genmodels import drawn, registry, weights
from genmodels.drawn import sampled
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.ui.becoming import attention, becoming
from genmodels.ui.draw import MODELS, draw, walk
from genmodels.ui.pairs import DRAWN, carry, pair
from genmodels.ui.scrutiny import nearest, opinions
from genmodels.ui.sources import MINE, choice, source

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
    facts = draw(model="cgan-mnist", count=1)["facts"]
    assert re.search(r"feature distance</th><td>0.2\d+</td><td>0.032</td><td>10,000<", facts)
    assert "temperature 1" in draw(model="cgan-mnist", count=1, temperature=0.5)["facts"]


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


def test_temperature_scales_normal_latents_and_says_so():
    cold = [pictures(draw(model="gan-mnist", count=4, seed=s, temperature=0)["picture"])[0].tobytes() for s in (1, 2)]
    assert cold[0] == cold[1]  # nothing but the middle is left
    assert "z multiplied by 0.5" in draw(model="gan-mnist", count=4, temperature=0.5)["picture"]
    plain, asked = (draw(model="gmmn-mnist", count=4, temperature=t)["picture"] for t in (1, 0.5))
    assert "gmmn takes uniform z" in asked and pictures(plain)[0].tobytes() == pictures(asked)[0].tobytes()
    assert "gan does not know" in draw(model="gan-mnist", count=4, threshold=0.5)["picture"]


def test_the_tensors_are_those_of_the_picture():
    link = re.search(r'octet-stream;base64,([^"]+)"', draw(model="cgan-mnist", count=12, tensors=True)["picture"])[1]
    kept = load(base64.b64decode(link))
    assert b"12 samples of cgan on MNIST" in base64.b64decode(link)
    model = source("cgan-mnist", "").model
    assert kept["labels"].tolist() == [i % 10 for i in range(12)]
    assert torch.equal(sampled(model, kept["z"], kept["labels"]), kept["images"])
    assert len(link) < 700_000
    assert "octet-stream" not in draw(model="cgan-mnist", count=12)["picture"]


def test_truncation_draws_anew_and_settles_a_copy():
    model = build("biggan", (1, 28, 28), 10, width=8, latent=16).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made = drawn.draw(model, 0, torch.arange(10), threshold=0.5)
    assert made.z.abs().max() <= 0.5 and "4,000 samples" in made.said
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert drawn.draw(model, 0, torch.arange(10)).z.abs().max() > 0.5


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_every_tool_answers_for_my_own_run(name):
    run = registry.create("cgan", name, {"width": 16, "latent": 8}, device="cpu", rounds=2)
    assert run.join(60)
    mine = {"model": MINE, "run": run.id}
    title = {"mnist": "cgan on MNIST", "cifar10": "cgan on CIFAR-10"}[name]
    assert title in draw(**mine, count=3, label="1")["picture"]
    assert "the same 8 numbers z" in pair(**mine | {"other": MINE}, count=3)["pair"]
    assert title in carry(**mine, style=DRAWN, count=2)["grid"]
    assert title in opinions(**mine, count=3)["opinions"]
    assert title in nearest(**mine, count=3)["nearest"]
    assert title in walk(**mine)["strips"]
    with pytest.raises(UserError, match="in one go"):
        becoming(**mine)
    with pytest.raises(UserError, match="no attention"):
        attention(**mine)
