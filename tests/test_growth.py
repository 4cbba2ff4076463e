"""The same visits twice within this process: no object, thread or file more the second time. The long way, with a
server of its own and its resident memory, is `python -m tests.growth`."""

import random
import tempfile

import pytest

from genmodels import registry
from genmodels.playground import session
from genmodels.ui import distances, game, information, live, page, side_by_side, tool  # noqa: F401  all that is asked
from genmodels.ui.figures import curves_png
from tests import growth
from tests.counted import counts

RUNS, FIGURES = 5, 20
TOOLS = (*distances.TOOLS[:2], *information.TOOLS[:1])


def visit(number):
    """A run, a pair and a game, looked at, stopped and forgotten as after an hour; and some figures."""
    draw = random.Random(number)
    asked = {"model": "gan", "dataset": "mnist", "settings": {"width": 16}, "seed": number, "seconds": 60}
    run = live.start(asked)["run"]
    news = live.look({"run": run, "revision": -1, "have": [], "width": 520})
    assert "error" not in news
    if number % 4 == 0:
        curves_png([])
        runs = side_by_side.start(asked | {"vary": "batch", "first": 32, "second": 64})["runs"]
        side_by_side.look({"runs": runs, "revision": "", "have": [[], []]})
    begun = game.begin({"law": "ring", "seed": number, "settings": {}})
    assert "error" not in game.advance({"id": begun["id"], "rounds": 1, "measure": number % 4 == 0})
    session.end(begun["id"])
    for run in list(registry._runs.values()):
        run.stop()
        assert run.join(60)
        run.asked -= registry.DROP_SECONDS + 1
    registry.tidy()
    for _ in range(FIGURES // RUNS + 1):
        one = draw.choice(TOOLS)
        assert tool.answered(one, {"width": draw.choice((362, 600))})


def hour():
    for number in range(RUNS):
        visit(number)
    return counts()


@pytest.fixture
def empty(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where nobody else writes
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(registry, "_queue", registry.Queue(2))


def test_the_second_hour_leaves_no_more_than_the_first(empty):
    hour()
    first, second = hour(), hour()
    assert first["kept runs"] == first["queued"] == first["threads of runs"] == 0
    words, passed = growth.table(*({k: v for k, v in one.items() if "resident" not in k} for one in (first, second)))
    assert passed, words


def test_what_grows_is_called_so():
    first = {"Run": 0, "threads": 40, "resident": 10**9}
    assert growth.table(first, first | {"threads": 41, "resident": 10**9 + 10**7})[1]
    for name, more in (("Run", 1), ("threads", 50), ("resident", 103 * 10**7)):
        words, passed = growth.table(first, first | {name: more})
        assert not passed
        assert "MORE" in words
