"""What the page draws and says, without a browser: figures, controls, and what repeats a run."""

import math
import shlex
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from genmodels.errors import UserError
from genmodels.models import MODELS, build
from genmodels.models.base import settings_of
from genmodels.ui import controls, repeat, requests
from genmodels.ui.drawing import number, ticks
from genmodels.ui.experiments import experiments
from genmodels.ui.figures import POINTS, Line, Plot, curves, curves_png

NUMBERS = some.floats(-1e6, 1e6) | some.just(math.nan) | some.just(math.inf)


def plot(values: list[float], name: str = "loss <i>&") -> Plot:
    line = Line(name, range(len(values)), values)
    return Plot("Terms", "images seen", "nats", [line], [(math.log(2), "log 2")], [(1, 'steps = "3"')])


@given(some.lists(NUMBERS, max_size=30))
def test_any_curve_is_a_well_formed_figure(values):
    figure = ElementTree.fromstring(curves(plot(values)))
    finite = [value for value in values if math.isfinite(value)]
    drawn = figure.find(".//polyline").get("data-values").split()
    assert [float(pair.split(",")[1]) for pair in drawn] == pytest.approx(finite, rel=1e-4)
    assert figure.find(".//li/span").text == "loss <i>&"
    assert figure.find("svg").get("aria-label").startswith("Terms, in nats: ")
    for pair in figure.find(".//polyline").get("points").split():
        assert all(math.isfinite(float(part)) for part in pair.split(","))


def test_long_curves_are_thinned_and_keep_the_latest_value():
    figure = ElementTree.fromstring(curves(plot([math.sin(i) for i in range(5000)])))
    drawn = figure.find(".//polyline").get("data-values").split()
    assert len(drawn) <= POINTS
    assert float(drawn[-1].split(",")[1]) == pytest.approx(math.sin(4999), rel=1e-4)
    assert figure.find(".//li/output").text == number(math.sin(4999))


@given(some.floats(-1e9, 1e9), some.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_inside(low, span):
    high = low + span
    assume(high > low and span > 1e-9 * abs(low))
    found = ticks(low, high)
    assert len(found) <= 6
    assert all(low - 1e-6 * span <= tick <= high + 1e-6 * span for tick in found)


def test_numbers_as_people_read_them():
    said = [number(x) for x in (0, 0.6931472, -12345.678, 40000.0, 1e-7, 2.5e8, math.nan)]
    minus = "\N{MINUS SIGN}"
    assert said == ["0", "0.6931", f"{minus}12,346", "40,000", f"1.00e{minus}07", "2.50e+08", "not a number"]


def test_the_download_is_a_picture_even_of_nothing():
    for plots in ([], [plot([])], [plot([1.0, 2.0]), plot([3.0])]):
        assert curves_png(plots, "dcgan on MNIST").startswith(b"\x89PNG")


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_has_one_control_with_its_default(model):
    front, rest = (ElementTree.fromstring(f"<p>{part}</p>".replace("\xa0", " ")) for part in _xml(model))
    names = [field.get("data-name") for part in (front, rest) for field in part]
    assert sorted(names) == sorted(settings_of(MODELS[model]))
    assert len(front) <= controls.FRONT


def _xml(model: str) -> list[str]:
    """The forms with HTML's bare attributes and void elements made XML."""
    forms = []
    for form in controls.settings_form(model):
        for bare in ("data-live", "data-log", "data-whole", "checked", "selected"):
            form = form.replace(f" {bare}>", f' {bare}="">').replace(f" {bare} ", f' {bare}="" ')
        pieces = form.split("<input")
        forms.append(pieces[0] + "".join("<input" + piece.replace(">", "/>", 1) for piece in pieces[1:]))
    return forms


@pytest.mark.parametrize("model", MODELS)
def test_the_command_holds_what_differs_from_the_defaults(model):
    settings = {name: default for name, (_, default) in settings_of(MODELS[model]).items()}
    settings["batch"] = 48
    words = shlex.split(repeat.command(model, "mnist", settings, 3, 60))
    assert words[:6] == ["python", "-m", "genmodels", "train", model, "mnist"]
    assert words[6:] == ["--seconds", "60", "--seed", "3", "--set", "batch=48"]
    assert repeat.command(model, "mnist", settings, 3, 60, "a.safetensors").endswith("--resume a.safetensors")
    for file in (None, "a.safetensors"):
        text = repeat.script(model, "mnist", settings, 3, 60, ["steps = 2 after 640 images"], file)
        compile(text, "run.py", "exec")
        assert "# Changed by hand" in text


def test_experiments_can_be_started():
    for experiment in experiments():
        build(experiment.model, (1, 28, 28), 10, **experiment.settings)


def test_what_a_browser_sends_is_checked():
    for value in (None, [], "text", {1: 2}, {"x" * 99: 1}, dict.fromkeys(map(str, range(200)))):
        with pytest.raises(UserError):
            requests.table(value)
    assert [requests.text(value) for value in (None, 3, ["a"], "x" * 99, "dcgan")] == ["", "", "", "", "dcgan"]
