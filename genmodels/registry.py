"""The runs of a server: a few train, the rest wait their turn; those nobody asks for go."""

from __future__ import annotations

import heapq
import math
import os
import threading
import time
from typing import Any

from genmodels.errors import UserError
from genmodels.pair import Pair
from genmodels.run import ENDED, Run
from genmodels.training import best_device

PAUSE_SECONDS = 600.0  # without a viewer until a run pauses
DROP_SECONDS = 3600.0  # and until it is forgotten
LOST_SECONDS = 60.0  # for one at which nobody ever looked: its page was left before it knew of it
CHECK_SECONDS = 5.0
KEPT = 64  # runs, so that each of a class has one
LARGEST = 4 * 2**30  # bytes of all runs together; a large one takes one
TURN_SECONDS = 300  # of training, then a run makes way for those who wait


class Queue:
    """Runs, and pairs of them, in the order of their coming, of which the first few train.

    One whose turn has lasted so many seconds makes way where others wait: it goes to the end. Of several who train at
    once they do so evenly spaced, so that each trains equally long and none just to be sent away again.
    """

    def __init__(self, at_once: int, turn: float = math.inf) -> None:
        self._lock, self._runs, self._at_once = threading.Lock(), [], at_once
        self._turn, self._space = turn, turn / at_once if math.isfinite(turn) else 0.0
        self._began: dict[Run | Pair, float] = {}  # the turns of those who train
        self._changed = -math.inf  # when one last made way

    def place(self, run: Run | Pair) -> int:
        """0 for one who may train, else how many must leave or make way before; newcomers join at the end. Asked by
        each between two of its rounds alone, for it may be the moment to make way."""
        with self._lock:
            if run not in self._runs:
                self._runs.append(run)
            made_way = self._over(run)
            if made_way:
                self._remove(run)
                self._runs.append(run)
                self._changed = time.monotonic()
            place = max(0, self._runs.index(run) + 1 - self._at_once)
            if not place:
                self._began.setdefault(run, time.monotonic())
            others = list(self._runs) if made_way else []
        for other in others:
            other.wake()
        return place

    def leave(self, run: Run | Pair) -> None:
        """Lets the others move up."""
        with self._lock:
            if run not in self._runs:
                return
            self._remove(run)
            others = list(self._runs)
        for other in others:
            other.wake()

    def delay(self, run: Run | Pair) -> float:
        """Seconds until one that waits may train, if nobody leaves before the end of a turn or of a limit."""
        with self._lock:
            now, ahead = time.monotonic(), self._runs[: self._runs.index(run)] if run in self._runs else []
            training, waiting = ahead[: self._at_once], ahead[self._at_once :]
            ends = [min(one.left, self._began.get(one, now) + self._turn - now) for one in training]
            if len(ends) < self._at_once:
                return 0.0
            heapq.heapify(ends)
            begins = max(0.0, ends[0], self._changed + self._space - now)
            for one in waiting:
                heapq.heapreplace(ends, begins + min(one.left, self._turn))
                begins = max(ends[0], begins + self._space)
            return begins

    def _over(self, run: Run | Pair) -> bool:
        """Whether it is to make way now."""
        now = time.monotonic()
        lasted = now - self._began.get(run, now) >= self._turn
        return lasted and len(self._runs) > self._at_once and now - self._changed >= self._space

    def _remove(self, run: Run | Pair) -> None:
        self._runs.remove(run)
        self._began.pop(run, None)


_guard = threading.Lock()
_runs: dict[str, Run] = {}  # the oldest first
_queue: Queue | None = None


def create(*arguments: Any, paused: str = "", **settings: Any) -> Run:
    """A new run, made as `Run` is made, started or waiting its turn; with a reason to be paused, before its first
    round."""
    _prepare(1)
    run = Run(*arguments, **settings)
    with _guard:
        _runs[run.id] = run
    if paused:
        run.pause(paused)
    run.start(_queue)
    return run


def create_pair(first: dict[str, Any], second: dict[str, Any], seconds: float) -> tuple[Run, Run]:
    """Two new runs that take turns by rounds and have one place in the queue; each made as `Run` is made."""
    _prepare(2)
    pair = Pair(_queue, Run(**first, paired=True), Run(**second, paired=True), seconds)
    with _guard:
        _runs.update((run.id, run) for run in pair.runs)
    pair.start()
    return pair.runs


def find(id: str) -> Run | None:
    """The run of that id, unless it is gone."""
    return _runs.get(id) if isinstance(id, str) else None


def busy() -> bool:
    """Whether a run trains, or waits for its turn."""
    return any(run.snapshot(viewer=False).state in ("running", "waiting") for run in list(_runs.values()))


def tidy() -> None:
    """Pauses what nobody looked at for a while, forgets what nobody asked for in a long time."""
    for run in list(_runs.values()):
        unseen = time.monotonic() - run.asked
        if unseen > (DROP_SECONDS if run.seen else LOST_SECONDS):
            run.stop()
            _runs.pop(run.id, None)
        elif unseen > PAUSE_SECONDS and run.snapshot(viewer=False).state in ("running", "waiting"):
            run.pause(f"Paused: nobody has looked for {PAUSE_SECONDS / 60:.0f} minutes.")
    with _guard:
        while _nbytes() > LARGEST and _forget_one():  # they grow while they train
            pass


def everyone() -> list[Run]:
    """All runs, for a server that stops."""
    return list(_runs.values())


def _watch() -> None:
    while True:
        before = time.monotonic()
        time.sleep(CHECK_SECONDS)
        slept = time.monotonic() - before - CHECK_SECONDS
        if slept > CHECK_SECONDS:  # the computer did, or the process was halted: nobody could ask
            for run in everyone():
                run.asked += slept
        tidy()


def _prepare(count: int) -> None:
    """A queue, and room for so many runs."""
    global _queue
    with _guard:
        if _queue is None:
            _queue = Queue(_runs_at_once(), _turn())
            threading.Thread(target=_watch, daemon=True).start()
        while len(_runs) > KEPT - count or _nbytes() > LARGEST:
            if not _forget_one():
                raise UserError(f"There are {len(_runs)} runs here already: try again when one has ended.")


def _nbytes() -> int:
    return sum(run.nbytes for run in list(_runs.values()))


def _forget_one() -> bool:
    """Forgets the oldest ended run, failing that the paused one that nobody has looked at for longest; whether there
    was one."""
    states = {id: run.snapshot(viewer=False).state for id, run in _runs.items()}
    ended = [id for id, state in states.items() if state in ENDED]
    paused = [id for id, state in states.items() if state == "paused"]
    paused.sort(key=lambda id: _runs[id].asked)
    if not ended + paused:
        return False
    _runs.pop((ended + paused)[0]).stop()
    return True


def _runs_at_once() -> int:
    """$GENMODELS_RUNS; 1 on a CPU, where two would only slow each other down."""
    asked = os.environ.get("GENMODELS_RUNS") or ("1" if best_device().type == "cpu" else "4")
    if not asked.isdigit() or int(asked) < 1:
        raise UserError(f"GENMODELS_RUNS must be a whole number from 1, not {asked[:40]!r}.")
    return int(asked)


def _turn() -> float:
    """$GENMODELS_TURN in seconds; 0 lets everybody train to the end."""
    asked = os.environ.get("GENMODELS_TURN") or str(TURN_SECONDS)
    if not asked.isdigit():
        raise UserError(f"GENMODELS_TURN must be a whole number of seconds from 0, not {asked[:40]!r}.")
    return int(asked) or math.inf
