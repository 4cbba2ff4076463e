"""Two runs side by side: they take turns, share a place and a start, and what is said of their difference."""

import time

import pytest

from genmodels import registry
from genmodels.errors import UserError
from genmodels.pair import Pair
from genmodels.registry import Queue
from genmodels.run import Run

SMALL = {"model": "gan", "dataset": "mnist", "settings": {"width": 16}, "device": "cpu"}


def until(condition, seconds=60.0):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def rounds(runs):
    return [run.trainer.round_number for run in runs]


def states(runs):
    return [run.snapshot().state for run in runs]


@pytest.fixture
def pair():
    """A pair that trains until it is stopped, on a queue with one place."""
    queue = Queue(1)
    pair = Pair(queue, Run(**SMALL, paired=True), Run(**SMALL, paired=True), 1000)
    pair.start()
    until(lambda: min(rounds(pair.runs)) > 2)
    yield pair
    for run in pair.runs:
        run.stop()
        assert run.join(10)


def test_rounds_differ_by_at_most_one(pair):
    seen = []
    for _ in range(300):
        first, second = rounds(pair.runs)
        again = pair.runs[0].trainer.round_number
        if first == again:  # read at one moment
            seen.append(first - second)
        time.sleep(0.001)
    assert len(seen) > 50 and set(seen) <= {0, 1}
    for run in pair.runs:
        run.pause()
    until(lambda: states(pair.runs) == ["paused", "paused"])
    assert abs(rounds(pair.runs)[0] - rounds(pair.runs)[1]) <= 1


@pytest.mark.parametrize("end", ["stop", "pause", "fail"])
@pytest.mark.parametrize("which", [0, 1])
def test_one_that_leaves_lets_the_other_go_on(pair, end, which, monkeypatch):
    leaving, staying = pair.runs[which], pair.runs[1 - which]
    if end == "fail":
        monkeypatch.setattr(leaving.trainer, "round", lambda only: 1 / 0)
    else:
        getattr(leaving, end)()
    until(lambda: leaving.snapshot().state in ("stopped", "paused", "failed"))
    stands, before = leaving.trainer.round_number, staying.trainer.round_number
    until(lambda: staying.trainer.round_number > before + 5)
    assert leaving.trainer.round_number == stands
    if end == "pause":
        leaving.resume()
        before = staying.trainer.round_number
        until(lambda: leaving.trainer.round_number > stands + 3)
        until(lambda: staying.trainer.round_number > before + 3)


def test_the_pair_has_one_place_and_others_wait(pair):
    queue, other = pair._queue, Run(**SMALL, rounds=2)
    other.start(queue)
    until(lambda: other.snapshot().place == 1)
    pair.runs[0].pause()
    until(lambda: pair.runs[0].snapshot().state == "paused")
    time.sleep(0.1)
    assert other.snapshot().state == "waiting"  # the other of the pair trains
    pair.runs[1].pause()
    assert other.join(30) and other.snapshot().state == "done"
    for run in pair.runs:
        run.resume()
    stands = rounds(pair.runs)
    until(lambda: min(rounds(pair.runs)) > max(stands))


def test_a_pair_waits_its_turn():
    queue, first = Queue(1), Run(**SMALL)
    first.start(queue)
    pair = Pair(queue, Run(**SMALL, paired=True), Run(**SMALL, paired=True), 0.05)
    pair.start()
    until(lambda: [run.snapshot().place for run in pair.runs] == [1, 1])
    assert rounds(pair.runs) == [0, 0]
    first.stop()
    assert all(run.join(30) for run in pair.runs)
    assert states(pair.runs) == ["done", "done"]


def test_equal_settings_agree_to_the_last_bit_and_end_together():
    setup = SMALL | {"settings": {"width": 16, "norm": "none"}, "seed": 5}
    runs = registry.create_pair(setup, setup, 1.5)
    assert all(run.join(60) for run in runs)
    first, second = (run.snapshot() for run in runs)
    assert (first.state, second.state) == ("done", "done")
    assert first.round == second.round > 5
    assert first.curves == second.curves and "js_bound" in first.curves
    assert [(p.images, p.png) for p in first.pictures] == [(p.images, p.png) for p in second.pictures]
    assert len(first.pictures) > 3
    assert len({p.png for p in first.pictures}) > 2
    assert 1.5 <= first.seconds + second.seconds < 4
    assert registry.find(first.id) is runs[0] and registry.find(second.id) is runs[1]


def test_a_pair_counts_as_two_runs(monkeypatch):
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(registry, "KEPT", 1)
    with pytest.raises(UserError, match="try again"):
        registry.create_pair(SMALL, SMALL, 1)
