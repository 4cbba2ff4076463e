"""The Latent space tab without a browser: what its tools draw and say, and what they refuse."""

import base64
import io
import re
import time
from statistics import median
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from genmodels import data, latent, mixture, registry, weights
from genmodels.errors import UserError
from genmodels.ui.between import FRAMES, STEPS, between
from genmodels.ui.denoise import denoise
from genmodels.ui.generate import generate
from genmodels.ui.latent import TOOLS
from genmodels.ui.page import TABS
from genmodels.ui.plane_of_codes import MODELS, REACH, plane
from genmodels.ui.reparameterisation import reparameterise
from genmodels.ui.sources import MINE, source
from genmodels.ui.tool import checked

SHIPPED = [name for name in MODELS.options if name != MINE]
ALL = {tool.name: tool for tool in TOOLS}


def parsed(html: str) -> ElementTree.Element:
    closed = re.sub(r"(<img[^>]*)>", r"\1/>", html)
    return ElementTree.fromstring(f"<div>{closed}</div>")


def images(html: str) -> list[Image.Image]:
    found = re.findall(r'href="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


@pytest.fixture(scope="module")
def small_run():
    """A visitor's VAE of two dimensions whose KL weighs so much that it collapses."""
    settings = {"width": 16, "latent": 2, "beta": 100, "lr": 0.01}
    run = registry.create("vae", "mnist", settings, device="cpu", rounds=150)
    assert run.join(120)
    return run.id


def test_the_tab_comes_after_training_and_offers_every_autoencoder():
    assert list(TABS)[1:4] == ["train", "compare", "latent"]
    coders = {path.stem for path in weights.shelf() if path.stem.split("-")[0] in ("ae", "dae", "vae", "cvae")}
    assert coders == set(SHIPPED)


@pytest.mark.parametrize("width", [362, 640, 1480])
@pytest.mark.parametrize("name", ALL)
def test_every_figure_says_its_content_fits_its_width_and_can_be_saved(name, width):
    for values in ({}, *(preset.values for preset in ALL[name].presets if "measured" not in preset.values)):
        slots = ALL[name].answer(**checked(ALL[name], {"width": width} | values))
        assert set(slots) == set(ALL[name].slots)
        for figure in parsed("".join(slots.values())).iter("figure"):
            caption = "".join(figure.find("figcaption").itertext())
            assert len(caption) > 40
            svg = figure.find("svg")
            if svg is not None:
                assert float(svg.get("width")) <= width and svg.get("aria-label") and "PNG" in caption
        assert "nan" not in "".join(re.sub('base64,[^"]+', "", html) for html in slots.values()).lower()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_place_decodes_to_what_the_decoder_says_and_another_to_another(name):
    here, there = (
        images(plane(model=name, place=place, label="4")["plane"])[0] for place in ([1.0, 1.0], [-1.0, -1.5])
    )
    asked = source(name, "")
    seen = latent.plane(asked.model, asked.dataset)
    expected = latent.decoded(asked.model, seen.codes(torch.tensor([[1.0, 1.0]])), torch.tensor([4]))[0]
    channels, height, width = expected.shape
    drawn = torch.frombuffer(bytearray(here.tobytes()), dtype=torch.uint8).view(here.height, width, channels)
    assert torch.equal(drawn[:height].permute(2, 0, 1), expected)
    assert here.crop((0, 0, width, height)).tobytes() != there.crop((0, 0, width, height)).tobytes()


def test_signs_stand_where_the_codes_are_and_number_all_of_them():
    html = plane(model="vae-mnist", width=640)["plane"]
    texts = [text for text in parsed(html).iter("text") if len(text.get("x").split()) > 1]
    assert {text.text[0] for text in texts} == set("0123456789")
    assert sum(len(text.text) for text in texts) == latent.SUBSET
    svg = next(svg for svg in parsed(html).iter("svg") if svg.get("data-places"))
    left, right = float(svg.get("data-left")), float(svg.get("data-right"))
    asked = source("vae-mnist", "")
    seen = latent.plane(asked.model, asked.dataset)
    zeros = seen.places[seen.labels == 0]
    first = next(text for text in texts if text.text[0] == "0")
    expected = left + (zeros[0, 0].item() / REACH + 1) / 2 * (right - left)
    assert float(first.get("x").split()[0]) == pytest.approx(expected, abs=0.1)
    height = float(svg.get("data-bottom")) - float(svg.get("data-top"))
    assert height == right - left  # one scale, or the knob would not follow the pointer


def test_the_axes_say_their_share_of_the_variance():
    html = plane(model="ae-mnist")["plane"]
    asked = source("ae-mnist", "")
    first, second = latent.plane(asked.model, asked.dataset).shares
    assert f"first principal component, {first:.0%} of the variance" in html
    assert f"second principal component, {second:.0%}" in html
    assert "the codes' standard deviation" in html.replace("&#x27;", "'")
    chosen = plane(model="ae-mnist", axes="two dimensions", first=3, second=7)["plane"]
    assert "z3, " in chosen and "z7, " in chosen


def test_a_click_answers_within_a_tenth_of_a_second():
    for name in SHIPPED:
        plane(model=name, width=1480)
        taken = []
        for i in range(9):
            start = time.perf_counter()
            plane(model=name, width=1480, place=[0.1 * i, -0.2 * i])
            taken.append(time.perf_counter() - start)
        assert median(taken) < 0.1


def test_a_path_is_two_strips_between_the_reconstructions_and_a_film():
    slots = between(model="vae-mnist", start=3, end=1, width=640)
    given, straight, sphere = images(slots["strips"])
    assert straight.size == sphere.size == (STEPS * 29 - 1, 28) and given.width == 57
    asked = source("vae-mnist", "")
    for which, left in ((3, 0), (1, 29 * (STEPS - 1))):
        image, label = latent.picture(asked.dataset, which)
        ends = latent.decoded(asked.model, latent.encoded(asked.model, image, label), label)[0, 0]
        for strip in (straight, sphere):
            cell = torch.frombuffer(bytearray(strip.crop((left, 0, left + 28, 28)).tobytes()), dtype=torch.uint8)
            assert (cell.view(28, 28).int() - ends.int()).abs().max() <= 1
    assert straight.tobytes() != sphere.tobytes()
    film = re.search(r'src="data:image/gif;base64,([^"]+)"', slots["film"])[1]
    assert Image.open(io.BytesIO(base64.b64decode(film))).n_frames == 2 * FRAMES - 2
    assert 'download="between.gif"' in slots["film"]


def test_a_path_may_end_in_a_drawing():
    pixels = torch.zeros(84, 84, dtype=torch.uint8)
    pixels[10:70, 38:46] = 255  # a one
    drawing = base64.b64encode(pixels.numpy().tobytes()).decode()
    slots = between(model="cvae-mnist", start=3, last="my drawing", drawing=drawing, width=640)
    assert "0 and a drawing read as 1" in slots["strips"] and "changes from 0 to 1 halfway" in slots["strips"]
    given, straight, _ = images(slots["strips"])
    assert given.crop((29, 0, 57, 28)).getextrema() == (0, 255)
    for strip, left in ((given, 29), (straight, 29 * (STEPS - 1))):  # ink where the ink was
        least, most = strip.crop((left + 13, 10, left + 15, 18)).getextrema()
        assert least > 100 and most > 200
    with pytest.raises(UserError, match="Nothing is drawn"):
        between(last="my drawing")


def test_the_dice_changes_z_and_leaves_the_posterior():
    one, two = (reparameterise(seed=seed) for seed in (0, 1))
    rows = [[cell.text for cell in parsed(slots["table"]).iter("td") if cell.text] for slots in (one, two)]
    columns = [[row[k::5] for k in range(5)] for row in rows]
    assert columns[0][0] == columns[1][0] and columns[0][1] == columns[1][1] and columns[0][4] == columns[1][4]
    assert columns[0][2] != columns[1][2] and columns[0][3] != columns[1][3]
    for mu, sigma, eps, z in zip(*columns[0][:4], strict=True):
        mu, sigma, eps, z = (float(text.replace("\N{MINUS SIGN}", "-")) for text in (mu, sigma, eps, z))
        assert z == pytest.approx(mu + sigma * eps, abs=3e-3)
    assert images(one["posterior"])[0].tobytes() != images(two["posterior"])[0].tobytes()


def test_every_bar_traverses_its_dimension():
    slots = reparameterise(along=3)
    bars = [bar for bar in parsed(slots["bars"]).iter("rect") if bar.get("data-sets")]
    latent = source("vae-mnist", "").model.latent
    assert [bar.get("data-to") for bar in bars] == [str(k + 1) for k in range(latent)]
    assert all(bar.get("data-sets") == "along" and bar.get("tabindex") == "0" for bar in bars)
    assert "Dimension 3 alone" in slots["traversal"]
    assert images(slots["traversal"])[0].tobytes() != images(reparameterise(along=4)["traversal"])[0].tobytes()


def test_collapse_is_named_when_it_happens(small_run):
    live = registry.create("vae", "mnist", {"width": 16, "latent": 2, "beta": 0.1}, device="cpu", rounds=150)
    assert live.join(120)
    assert "No posterior collapse: none of 2 dimensions" in reparameterise(model=MINE, run=live.id)["bars"]
    settings = {"width": 16, "latent": 128}  # more codes than it needs
    partly = registry.create("vae", "mnist", settings, device="cpu", rounds=800)
    assert partly.join(120)
    assert re.search(r"<figcaption>\d+ of 128 dimensions have", reparameterise(model=MINE, run=partly.id)["bars"])
    assert "Posterior collapse: 2 of 2 dimensions" in reparameterise(model=MINE, run=small_run)["bars"]


def test_the_visitors_run_answers_every_tool_it_can(small_run):
    assert "vae on MNIST, 19,200 images seen" in plane(model=MINE, run=small_run)["plane"]
    assert "z1, " in plane(model=MINE, run=small_run)["plane"]  # two dimensions need no components
    between(model=MINE, run=small_run)
    generate(model=MINE, run=small_run)
    with pytest.raises(UserError, match="choose a denoising autoencoder"):
        denoise(model=MINE, run=small_run)
    with pytest.raises(UserError, match="have 2 numbers"):
        reparameterise(model=MINE, run=small_run, second=3)


def test_what_a_model_cannot_be_asked_is_one_sentence(monkeypatch):
    run = registry.create("ae", "mnist", {"width": 16, "latent": 1}, device="cpu", rounds=1)
    assert run.join(60)
    with pytest.raises(UserError, match="span no plane"):
        plane(model=MINE, run=run.id)
    with pytest.raises(UserError, match="choose a vae or a cvae"):
        reparameterise(model=MINE, run=run.id)
    monkeypatch.setattr(mixture, "MOST", 0)
    mixture.of_codes.cache_clear()
    mixture.distances.cache_clear()
    slots = generate(model=MINE, other="vae-mnist", run=run.id)
    assert len(images(slots["prior"])) == 2 and "too many" in slots["mixture"]  # the prior's pictures stand
    with pytest.raises(UserError, match="too many"):
        generate(measured=True)


@pytest.mark.parametrize("tool", [plane, between, reparameterise, generate, denoise])
def test_without_a_run_there_is_one_sentence(tool):
    with pytest.raises(UserError, match="no run of yours"):
        tool(model=MINE, run="")


def test_a_mixture_draws_nearer_to_real_pictures_than_the_prior_of_an_autoencoder():
    slots = generate(model="ae-mnist", other="vae-mnist", measured=True)
    rows = [[float(cell.text) for cell in row.iter("td")] for row in parsed(slots["table"]).iter("tr")][1:]
    (ae_prior, ae_mixture, floor), (vae_prior, vae_mixture, same) = rows
    assert floor == same < vae_mixture < vae_prior < ae_prior / 2 and ae_mixture < ae_prior / 2
    assert "1,000 draws" in slots["table"]
    first = images(slots["prior"])[0].tobytes()
    assert first == images(generate()["prior"])[0].tobytes() != images(generate(seed=1)["prior"])[0].tobytes()


def test_the_prior_that_is_shown_is_the_standard_normal():
    asked = source("ae-mnist", "")
    shown = images(generate(seed=5, width=362)["prior"])[0]
    columns, rows = (shown.width + 1) // 29, (shown.height + 1) // 29
    z = torch.randn(columns * rows, asked.model.latent, generator=torch.Generator().manual_seed(5))
    expected = latent.decoded(asked.model, z, torch.zeros(len(z), dtype=torch.int64))
    for k in (0, len(z) - 1):
        left, top = 29 * (k % columns), 29 * (k // columns)
        cell = torch.frombuffer(bytearray(shown.crop((left, top, left + 28, top + 28)).tobytes()), dtype=torch.uint8)
        assert torch.equal(cell.view(28, 28), expected[k, 0])


def test_denoising_shows_its_errors_and_refuses_what_is_not_there():
    slots = denoise(level=0.5)
    assert len(images(slots["rows"])) == 3
    words = [float(text.text) for text in parsed(slots["rows"]).iter("text") if text.text[0] == "0"]
    before, after = words[:8], words[8:]
    assert min(before) > 0.2 and max(after) < 0.05
    asked = source("dae-mnist", "")
    assert asked.model.sigma == 0.5 and "gaussian, 0.5" in slots["rows"]
    with pytest.raises(UserError, match="0 to 9,999"):
        denoise(start=len(data.load("mnist").test_images))
