"""What links can carry, sent to the server itself: whatever it is, a sentence or a value that is right."""

import random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from addresses import NAMES, VALUES, addresses

from genmodels import data, registry
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import settings_of
from genmodels.ui import attack, classifier, distances, information, latent, live, samples
from genmodels.ui.page import build, controls
from genmodels.ui.tool import KNOWN, Tool, checked

TOOLS: list[Tool] = [
    tool for tab in (latent, samples, distances, information, classifier, attack) for tool in tab.TOOLS
]
ODD: list[Any] = [*VALUES, None, True, 7, -1, 1e308, float("nan"), [], [None] * 20, [float("inf")] * 8, {}, {"a": 1}]


def bad_start(generator: random.Random) -> dict[str, Any]:
    """What starts a run, with one thing in it that is no setting of anything."""
    model = generator.choice(list(MODELS))
    name = generator.choice(list(settings_of(MODELS[model])))
    request = {"model": model, "dataset": generator.choice(data.NAMES), "seed": 0, "seconds": 5, "settings": {}}
    kind = generator.choice(("model", "dataset", "seed", "seconds", "name", "value"))
    odd = generator.choice([value for value in ODD if value not in ("8.0", " 8 ", "+8", "8e0", True, 7)])
    if kind == "name":
        request["settings"] = {generator.choice(NAMES): 1}
    elif kind == "value":
        request["settings"] = {name: [odd]}
    else:
        request[kind] = [odd] if kind in ("seed", "seconds") else odd
    return request


def test_no_nonsense_starts_a_run():
    generator, before = random.Random(11), dict(registry._runs)
    for _ in range(1000):
        request = bad_start(generator)
        answer = live.start(request)
        assert set(answer) == {"error"}, request
        assert answer["error"].endswith((".", "...")) and len(answer["error"]) < 320, answer
        assert "Something went wrong" not in answer["error"], request
    assert registry._runs == before


def test_no_id_of_an_address_finds_a_run():
    for search in addresses(1000, 5):
        for name, value in parse_qsl(search, keep_blank_values=True, errors="replace"):
            if name == "run":
                assert live.look({"run": value, "revision": -1})["gone"] is True
                assert live.command({"run": value, "action": "stop"})["error"] == live.GONE


def test_every_value_of_a_tool_is_right_or_refused_in_words():
    generator, kinds = random.Random(7), {tool.name: settings_of(tool.answer) for tool in TOOLS}
    refused = 0
    for _ in range(1000):
        tool = generator.choice(TOOLS)
        name = generator.choice([*(name for name in kinds[tool.name] if name not in KNOWN), generator.choice(NAMES)])
        value = generator.choice(ODD)
        try:
            values = checked(tool, {name: value})
        except UserError as error:
            assert str(error).endswith("."), error
            refused += 1
        else:
            kind = kinds[tool.name].get(name, [None])[0]
            assert kind is None or values[name] == kind.check(name, values[name])  # it is of its kind
    assert 500 < refused < 1000


def test_a_link_may_hide_every_control_by_two_names():
    words = [getattr(part, "value", None) for part in build().blocks.values()]
    known = controls([text for text in words if isinstance(text, str)])
    assert {"slide", "slide.t", "t", "train.seed", "train.generator_lr", "play.law", "play.player", "play.seed"} <= {
        *known
    }
    assert "play" not in known and "train" not in known
    for tool in TOOLS:
        names = [name for name in settings_of(tool.answer) if name not in KNOWN]
        assert {tool.name, *names, *(f"{tool.name}.{name}" for name in names)} <= {*known}
    for model in MODELS.values():
        assert {*settings_of(model)} <= {*known}


@pytest.mark.parametrize("seed", range(3))
def test_addresses_are_the_same_every_time(seed):
    assert addresses(50, seed) == addresses(50, seed) != addresses(50, seed + 1)
