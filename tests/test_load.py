"""Ten visitors for eight seconds: nobody meets an error, everybody sees pictures, and the training goes on."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

from genmodels.run import Run
from genmodels.ui import live, tool
from genmodels.ui.sources import MINE
from genmodels.ui.tool import Tool
from tests.load.crowd import measure
from tests.load.report import Found, quantile, rates, table, verdicts
from tests.load.visitor import Tally

SMALL = {"width": 8, "latent": 16}


def test_ten_visitors_meet_no_error_and_see_a_training_that_goes_on():
    with ThreadPoolExecutor() as apart:  # from this thread, where a browser's event loop may run
        asked = apart.submit(measure, visitors=10, seconds=8, alone=0.5, turn=300, queued=2, settings=SMALL)
        found = asked.result()
    assert not found.tally.errors
    assert found.under > 1  # rounds a second
    assert len(rates(found.tally)) == 8  # the other two have runs of their own, which wait
    assert min(rates(found.tally)) > 0.2
    assert {"page", "look", "tab"} <= set(found.tally.seconds)
    assert "errors: 0" in table(found)


def test_targets_are_missed_one_by_one():
    seconds = {"slider": [0.1] * 90 + [0.9] * 10}
    seen = [(0.5 * number, True) for number in range(20)]
    good = Found(Tally(seconds, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ())
    assert [passed for _, passed in verdicts(good)] == [True] * 5
    missed = [
        Found(Tally({"slider": [0.3] * 100}, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally({"slider": [0.1] * 90 + [1.1] * 10}, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, ["slider: lost"], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, [], [seen, seen[::4]]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, [], [seen]), 10, 20.0, 13.0, 20.0, 0.1, 1.0, ()),
    ]
    for number, found in enumerate(missed):
        assert [passed for _, passed in verdicts(found)] == [place != number for place in range(5)]
    assert quantile([3, 1, 2], 0.95) == 3


def test_many_pages_are_bid_to_look_less_often(monkeypatch):
    monkeypatch.setattr(live, "_viewers", {})
    snapshot = Run("gan", "mnist", {}, device="cpu").snapshot()
    running = dataclasses.replace(snapshot, state="running")
    assert live._pause("one", running) == live._pause("one", running) == 200
    pauses = [live._pause(f"page {number}", running) for number in range(200)]
    assert 600 < pauses[38] < 1000 and max(pauses) == 2000  # forty see a picture a second
    assert live._pause("one", dataclasses.replace(snapshot, place=2)) == 1000


def test_what_is_shown_is_put_together_once_for_all(monkeypatch):
    run, shown = Run("gan", "mnist", {}, device="cpu"), []
    monkeypatch.setitem(live._setups, run, live.Setup({}, 60))
    monkeypatch.setattr(live, "shown", lambda run, snapshot, width: shown.append(width) or {})
    snapshot = run.snapshot()
    for width in (520, 520, 360, 520):
        live._once(run, snapshot, width)
    live._once(run, dataclasses.replace(snapshot, revision=snapshot.revision + 1), 520)
    assert shown == [520, 360, 520]
    for width in range(1000, 1000 + 2 * live.SHARED):
        live._once(run, snapshot, width)
    assert len(live._shared) == live.SHARED


def test_a_tool_computes_once_what_is_asked_twice_but_for_a_run(monkeypatch):
    monkeypatch.setattr(tool, "_answers", type(tool._answers)())
    monkeypatch.setattr(tool, "checked", lambda tool, values: values)
    asked = []
    some = Tool("some", "", "", lambda **values: asked.append(values) or {"slot": str(values)}, ("slot",))
    for values in ({"t": 1}, {"t": 1}, {"t": 2}, {"t": 1, "run": "abc"}, {"model": MINE}, {"model": MINE}):
        assert tool.answered(some, values)["slot"]
    assert asked == [{"t": 1}, {"t": 2}, {"model": MINE}, {"model": MINE}]
    for number in range(2 * tool.KEPT):
        tool.answered(some, {"t": number})
    assert len(tool._answers) == tool.KEPT
