"""The queue of a server: turns where others wait, places that are true, and runs that no turn changes."""

import itertools
import math
import random
import time
from collections import Counter
from unittest.mock import Mock

import pytest
import torch

from genmodels import precision, registry
from genmodels.errors import UserError
from genmodels.pair import Pair
from genmodels.registry import Queue
from genmodels.run import Run

SMALL = {"model": "gan", "dataset": "mnist", "settings": {"width": 16}, "device": "cpu"}
TURN = 0.15  # seconds
STEP = 1 / 16


def until(condition, seconds=60.0):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def states(*runs):
    return [run.snapshot().state for run in runs]


class Heard(Queue):
    """A queue that writes down who was let in, who went, and who was told to wait for whom."""

    def __init__(self, at_once, turn):
        super().__init__(at_once, turn)
        self.entered, self.events, self.inside = [], [], set()

    def place(self, run):
        place = super().place(run)
        with self._lock:
            if place:
                self.events.append(("told", run, place, self._runs[: self._runs.index(run)]))
            elif run not in self.inside:
                self.inside.add(run)
                self.entered.append(run)
                self.events.append(("in", run))
        return place

    def _remove(self, run):
        super()._remove(run)
        self.inside.discard(run)
        self.events.append(("out", run))


@pytest.fixture
def make(monkeypatch):
    """Runs that compute in plain single precision and are stopped in the end."""
    monkeypatch.setattr(precision, "choose", lambda model, device: precision.PLAIN)
    runs = []

    def new(**options):
        runs.append(Run(**SMALL, **options))
        return runs[-1]

    yield new
    for run in runs:
        run.stop()
        assert run._thread is None or run.join(10)


def test_alone_a_run_goes_on_and_makes_way_as_soon_as_somebody_comes(make):
    queue, first, second = Queue(1, TURN), make(), make()
    first.start(queue)
    until(lambda: first.seconds > 4 * TURN)
    assert states(first) == ["running"]
    second.start(queue)
    until(lambda: second.snapshot().round > 0)
    until(lambda: first.snapshot().place == 1)
    assert first.snapshot().message.startswith("This run has made way for others and goes on by itself: number 1")
    until(lambda: first.snapshot().state == "running")  # its turn has come again
    assert first.snapshot().message == ""


def test_turns_go_round_in_order_and_last_equally_long(make):
    queue = Heard(1, TURN)
    runs = [make() for _ in range(4)]
    for run in runs:
        run.start(queue)
    until(lambda: len(queue.entered) > 16)
    assert queue.entered[:16] == runs * 4
    seconds = [run.seconds for run in runs]
    assert max(seconds) < 2 * min(seconds), seconds


def test_who_is_number_n_trains_after_exactly_n_have_left_or_made_way(make):
    queue = Heard(1, TURN)
    runs = [make(rounds=rounds) for rounds in (5, 40, 2000, 2000, 2000)]
    for run in runs:
        run.start(queue)
    until(lambda: len(queue.entered) > 6)
    runs[2].pause()  # who leaves from the middle lets those behind move up by one
    until(lambda: states(runs[2]) == ["paused"])
    runs[2].resume()
    until(lambda: len(queue.entered) > 18)
    events, checked = list(queue.events), 0
    for i, (what, run, *told) in enumerate(events):
        if what != "told":
            continue
        (place, ahead), later = told, [event[:2] for event in events[i + 1 :]]
        assert place == len(ahead) == len(set(ahead))
        ends = [later.index(event) for event in (("in", run), ("out", run)) if event in later]
        if ends and later[min(ends)][0] == "in":
            gone = [other for kind, other in later[: min(ends)] if kind == "out"]
            trained = [other for kind, other in later[: min(ends)] if kind == "in"]
            assert set(ahead) <= set(gone) and set(trained) <= set(ahead)
            checked += 1
    assert checked > 30


def test_places_shown_are_those_of_the_queue(make):
    queue = Queue(1, 60)
    runs = [make() for _ in range(5)]
    for run in runs:
        run.start(queue)
    until(lambda: [run.snapshot().place for run in runs] == [0, 1, 2, 3, 4])
    assert runs[4].snapshot().message == "Waiting for a free place: number 4 in the queue, within about 4 min."
    runs[2].stop()
    until(lambda: [runs[n].snapshot().place for n in (0, 1, 3, 4)] == [0, 1, 2, 3])
    runs[0].pause()
    until(lambda: [runs[n].snapshot().place for n in (1, 3, 4)] == [0, 1, 2])
    assert states(runs[0], runs[1]) == ["paused", "running"]
    runs[0].resume()
    until(lambda: runs[0].snapshot().place == 3)
    assert runs[0].snapshot().message.startswith("Waiting for a free place: number 3")


def test_a_run_is_the_same_to_the_last_bit_whether_others_had_turns_between(make):
    alone, shared = make(rounds=60), make(rounds=60)
    alone.run()
    queue = Queue(1, 0.02)
    for run in (make(), shared):
        run.start(queue)
    turns = 0
    while not shared.join(0):
        before = shared.snapshot().state
        time.sleep(0.002)
        turns += (before, shared.snapshot().state) == ("running", "waiting")
    assert turns >= 3 and states(shared) == ["done"]
    one, other = alone.trainer.state(), shared.trainer.state()
    assert all(torch.equal(one[name], other[name]) for name in one if name != "counters")
    assert torch.equal(one["counters"][:2], other["counters"][:2])


def test_a_pair_has_one_place_and_makes_way_as_one(make):
    queue = Queue(1, TURN)
    pair = Pair(queue, make(paired=True), make(paired=True), 1000)
    pair.start()
    until(lambda: min(run.snapshot().round for run in pair.runs) > 2)
    other = make()
    other.start(queue)
    until(lambda: states(*pair.runs) == ["waiting", "waiting"])
    assert [run.snapshot().place for run in pair.runs] == [1, 1]
    assert abs(pair.runs[0].trainer.round_number - pair.runs[1].trainer.round_number) <= 1
    stood = [run.trainer.round_number for run in pair.runs]
    until(lambda: states(*pair.runs) == ["running", "running"] and states(other) == ["waiting"])
    until(lambda: all(run.trainer.round_number > before for run, before in zip(pair.runs, stood, strict=True)))


def test_a_pair_trains_never_beside_another(make, monkeypatch):
    busy, most = Counter(), []

    def watched(run):
        play = run._play

        def counting():
            busy["now"] += 1
            most.append(busy["now"])
            play()
            busy["now"] -= 1

        monkeypatch.setattr(run, "_play", counting)
        return run

    queue = Heard(1, 0.02)
    pair = Pair(queue, watched(make(paired=True)), watched(make(paired=True)), 1000)
    pair.start()
    watched(make()).start(queue)
    until(lambda: len(queue.entered) > 12)
    assert max(most) == 1


def test_several_at_once_are_spaced_evenly(monkeypatch):
    now = 0.0
    monkeypatch.setattr(registry, "time", Mock(monotonic=lambda: now))
    queue, runs, entered = Heard(2, 2.0), [Mock() for _ in range(3)], []
    for now in [step * STEP for step in range(int(12 / STEP))]:  # noqa: B007  the clock above reads it
        for run in random.Random(now).sample(runs, 3):
            queue.place(run)
        entered += [now] * (len(queue.entered) - len(entered))
    assert (
        entered[:2] == [0, 0] and min(b - a for a, b in itertools.pairwise(entered[1:])) >= 1 - STEP
    )  # asked so seldom
    counts = Counter(queue.entered)
    assert len(entered) >= 12 and max(counts.values()) - min(counts.values()) <= 1


def test_the_wait_is_reckoned_from_turns_and_limits(make):
    queue = Queue(1, 300)
    runs = [make(seconds=seconds) for seconds in (1000, 60, 1000, 1000)]
    assert queue.delay(runs[0]) == 0
    for run in runs:
        queue.place(run)  # nobody trains: all can be reckoned
    reckoned = [queue.delay(run) for run in runs]
    assert reckoned == pytest.approx([0, 300, 600, 900], abs=1)
    queue.leave(runs[2])
    assert queue.delay(runs[3]) == pytest.approx(600, abs=1)
    assert Queue(1).delay(runs[0]) == 0


def test_without_turns_the_wait_is_that_of_the_limits(make):
    queue, runs = Queue(1), [make(seconds=100), make(seconds=50), make(), make()]
    for run in runs:
        queue.place(run)
    assert [queue.delay(run) for run in runs] == [0, 100, 150, math.inf]


def test_the_length_of_a_turn_is_the_environments(monkeypatch):
    for asked, turn in (("", 300), ("5", 5), ("0", math.inf)):
        monkeypatch.setenv("GENMODELS_TURN", asked)
        assert registry._turn() == turn
    for asked in ("-1", "x", "1.5"):
        monkeypatch.setenv("GENMODELS_TURN", asked)
        with pytest.raises(UserError, match="whole number"):
            registry._turn()
