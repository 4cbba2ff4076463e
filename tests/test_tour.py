"""The tour: its links lead somewhere, its answers are measured, and nonsense gets a sentence."""

import importlib
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from statistics import median
from urllib.parse import parse_qsl

import pytest

from genmodels import data
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.playground.laws import LAWS
from genmodels.playground.model import Plane
from genmodels.run import Run
from genmodels.tour import MINUTES, STOPS, stops_of
from genmodels.tour.stop import Found
from genmodels.ui import page, tour
from genmodels.ui.formula import formula

ROW = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
OTHER = {  # settings under which another figure must be measured
    "entropy": {"p": [0.4, 0.3, 0.2, 0.1]},
    "conditional": {"noise": 0.2},
    "mutual": {"noise": 0.2},
    "kl": {"q": [0.4, 0.4, 0.1, 0.1]},
    "js": {"t": 0.5},
    "wasserstein": {"t": 1.0},
    "monge": {"stretch": 1.0},
    "earth": {"q": ROW},
    "ae": {"model": "vae-mnist"},
    "dae": {"level": 0.3},
    "vae": {"model": "dae-mnist"},
    "reparameterisation": {"seed": 8},
    "cvae": {"other": "cvae-mnist"},
    "gan": {"model": "gan"},
    "minimax": {"probability": 0.1},
    "cgan": {"model": "cvae-mnist"},
    "wgan": {"clip": 0.3},
    "wgan_gp": {"weight": 10.0},
    "dcgan": {"other": "wgan-mnist"},
    "settings": {"steps": 20},
    "attention": {"row": 4},
    "truncation": {"label": "7"},
    "attack": {"eps": 0.02},
    "bayes": {"number": 0},
    "made": {"model": "made-mnist", "other": "cvae-mnist"},
    "mmd": {"q": ROW},
    "flow": {"others": ["vae-mnist"]},
}
OF_RUNS = ("batches", "too_good")  # stops that cannot be measured without a run
NONSENSE = (
    None,
    3,
    math.nan,
    ["0"],
    {},
    "",
    "nan",
    "inf",
    "1e999",
    "0.5.5",
    "0x10",
    "one",
    "9" * 10_000,
    "1_0",
    "<b>1",
)


@pytest.fixture(scope="module")
def found() -> dict[str, Found]:
    """What every stop measures, once."""
    return {name: stop.found() for name, stop in STOPS.items()}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_a_link_opens_a_page_there_is_with_values_it_takes(stop):
    pairs = parse_qsl(stop.address.removeprefix("?"), strict_parsing=True)
    assert pairs.pop(0) == ("tab", stop.tab) and stop.tab in page.TABS
    assert len(pairs) == len(stop.values)
    values = dict(stop.values)
    if stop.tab == "train":
        assert values.pop("data") in data.NAMES
        kinds = settings_of(MODELS[values.pop("model")])
    elif stop.tab == "playground":
        assert values.pop("law") in LAWS
        kinds = {f"play.{name}": kind for name, kind in settings_of(Plane).items()}
    else:
        tools = {tool.name: tool for tool in importlib.import_module(page.TABS[stop.tab][1].__module__).TOOLS}
        kinds = settings_of(tools[stop.tool].answer)
        values |= {name: value for name, value in stop.given.items() if name in kinds}
        assert all(name.startswith(f"{stop.tool}.") for name, _ in pairs)
    for name, value in values.items():
        assert kinds[name][0].check(name, value) == value


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_the_right_answer_is_right_and_others_are_not(stop, found):
    measured = Found(0.5, "So it is.", 0.01) if stop.name == "too_good" else found[stop.name]
    if stop.name == "batches":
        measured = Found(stop.options[0], "So it is.")
    fixed = replace(stop, measure=lambda *_, **__: measured)
    if stop.options:
        assert measured.answer in stop.options
        assert fixed.check(measured.answer) == (True, measured.says, stop.why)
        for option in stop.options:
            assert fixed.check(option).right is (option == measured.answer)
    else:
        right = measured.answer
        step = stop.tolerance + measured.spread
        for text in (f"{right:.6f}", f" {right:.6f} ".replace(".", ","), f"{right + 0.9 * step:.6f}"):
            assert fixed.check(text).right
        for wrong in (right + 1.1 * step + 0.01, right - 1.1 * step - 0.01, right + 100, -1e9):
            assert fixed.check(f"{wrong:.6f}").right is False
    assert len(measured.says) > 5 and not re.search(r"\b(nan|inf|None)\b", measured.says)


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: repr(answer)[:12])
def test_nonsense_gets_a_sentence_and_measures_nothing(answer):
    for stop in STOPS.values():
        with pytest.raises(UserError, match=r"\.$"):
            replace(stop, measure=None).check(answer)


@pytest.mark.parametrize("name", [name for name in STOPS if name not in OF_RUNS])
def test_a_figure_is_measured_with_the_settings_of_the_experiment(name, found):
    stop = STOPS[name]
    assert set(OTHER[name]) <= set(stop.values | stop.given)
    other = replace(stop, given=stop.given | OTHER[name]).found()
    assert other.says != found[name].says
    if not stop.options and name != "made":
        assert other.answer != pytest.approx(found[name].answer, abs=stop.tolerance)


@pytest.fixture(scope="module")
def run() -> Run:
    """A small DCGAN that was shown mixed batches."""
    run = Run("dcgan", "mnist", {"mixed": True, "width": 8, "latent": 4, "batch": 8}, rounds=12)
    run.start()
    assert run.join(60)
    return run


def test_a_question_about_a_run_is_answered_by_that_run(run):
    stop = STOPS["batches"]
    loss = median(run.snapshot().curves["discriminator_loss"][1][-10:])
    answer = stop.options[0] if loss < 0.2 else stop.options[1] if loss < 1.2 else stop.options[2]
    assert f"{loss:.4g}" in stop.found(run).says
    assert [option for option in stop.options if stop.check(option, run).right] == [answer]
    assert STOPS["too_good"].seen(run) is None and STOPS["gan"].seen(run) is not None
    run = Run("dcgan", "mnist", {"mixed": False})
    assert stop.seen(run) is None
    for name in OF_RUNS:
        reply = STOPS[name].check(STOPS[name].options[0] if STOPS[name].options else "0.5", run)
        assert reply.right is None and "press Start" in reply.figure


def test_a_number_that_moves_is_right_where_it_lately_was(run):
    values = (0.1, 0.2, 0.3, *[0.60, 0.62] * 5)
    snapshot = replace(run.snapshot(), curves={"js_bound": (tuple(range(len(values))), values)})
    stop = replace(STOPS["too_good"], measure=lambda _, **settings: STOPS["too_good"].measure(snapshot, **settings))
    for text, right in (("0.6", True), ("0.58", True), ("0.64", True), ("0.5", False), ("0.66", False)):
        assert stop.check(text, run).right is right
    short = replace(snapshot, curves={"js_bound": ((0, 1), (0.6, 0.6))})
    assert STOPS["too_good"].measure(short, **STOPS["too_good"].values).answer is None
    for bound, option in ((0.01, 0), (0.4, 1), (0.68, 2)):
        seen = replace(snapshot, curves={"js_bound": (tuple(range(8)), (bound,) * 8)})
        assert STOPS["gan"].measure(seen, **STOPS["gan"].values).answer == STOPS["gan"].options[option]


def test_longer_tours_contain_the_shorter_in_the_order_of_the_text():
    tours = [[stop.name for stop in stops_of(minutes)] for minutes in MINUTES]
    assert [len(names) for names in tours] == [5, 12, len(STOPS)]
    for names, longer in pairwise(tours):
        assert names == [name for name in longer if name in names]
    parts = [stop.part for stop in STOPS.values()]
    assert [part for i, part in enumerate(parts) if part not in parts[:i]] == [
        part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1]
    ]
    with pytest.raises(ValueError):
        stops_of(7)


class Headings(HTMLParser):
    """The levels of headings, and what inputs are labelled for."""

    def __init__(self) -> None:
        super().__init__()
        self.levels, self.labels, self.fields = [], set(), set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("h1", "h2", "h3", "h4"):
            self.levels.append(int(tag[1]))
        if tag == "label" and "for" in attributes:
            self.labels.add(attributes["for"])
        if tag == "input" and attributes.get("type") == "text":
            self.fields.add(attributes["id"])


def test_headings_are_in_order_and_fields_have_labels():
    seen = Headings()
    seen.feed(tour.markup())
    assert seen.levels[0] == 2 and all(after <= before + 1 for before, after in pairwise(seen.levels))
    assert seen.fields and seen.fields == seen.labels
    for name in STOPS:
        assert tour.markup().count(f'data-stop="{name}"') == tour.markup().count(f'data-of="{name}"') == 1


def test_every_formula_can_be_drawn():
    for name, stop in STOPS.items():
        pieces = tour.formulas({"stop": name})["pieces"]
        assert pieces.count("<svg") == 1 + stop.formula.count("quad")
    assert formula(r"\log p(x)") != formula(r"\log p(y)")


def test_what_a_browser_sends_is_checked():
    for request in ({"stop": "nowhere"}, {"stop": ["js"]}, {}, None):
        assert "reload" in tour.check(request)["error"] or "understand" in tour.check(request)["error"]
        assert "error" in tour.formulas(request)
    assert tour.check({"stop": "js", "answer": "9" * 10_000})["error"].endswith(".")
    assert tour.check({"stop": "js", "answer": "0", "run": "../../run"})["right"] is True
    assert tour.check({"stop": "js", "answer": "0.3"})["right"] is False
