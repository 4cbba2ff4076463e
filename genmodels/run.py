"""A training under way: started, watched, steered and stopped from other threads.

A `Run` publishes an immutable `Snapshot` after every change; any thread may read it at any time.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy, deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import distributed

from genmodels import checkpoint, data, writing
from genmodels.errands import Errands
from genmodels.errors import UserError
from genmodels.history import Snapshot
from genmodels.limits import KINDS, Limits
from genmodels.models.base import Model, Whole, settings_of
from genmodels.prepare import Interrupted, in_words, prepare, sentence
from genmodels.record import Record

WATCHED_SECONDS = 3.0  # after a look, pictures go on being drawn for so long
PUBLISH_SECONDS = 0.25
PATIENCE_SECONDS = 0.5  # a stop waits so long for the end of a round, then acts between two of its steps
CHECK_ROUNDS = 25  # between looks for numbers that are not finite
ASLEEP_SECONDS = 10.0  # more than the round before: the computer slept, or the process was halted
GOOD_ROUNDS = 200  # between copies of the state to fall back on
SEED = Whole(0, 2**31 - 1, "seed")
ENDED = ("done", "stopped", "failed")
RECKON_SECONDS = 5.0  # between estimates of the time to wait
NEW = "Waiting for a free place"
MADE_WAY = "This run has made way for others and goes on by itself"


class Queue(Protocol):
    """Who may train now: `place` is 0, or how many have to leave or make way first; `delay`, within how many seconds.
    Asked between two rounds, a queue may send a run away to wait again."""

    def place(self, run: Run) -> int: ...
    def delay(self, run: Run) -> float: ...
    def leave(self, run: Run) -> None: ...


class Run:
    """One model learning one data set, given by its name or as it is.

    `seconds`, `rounds` and `images` say when it is done, counted from here on if it resumes a checkpoint. UserError
    for anything that cannot be trained: unknown names, settings out of bounds, a device that is not there, a
    checkpoint that does not fit. One of two that are `paired`, to be compared, computes in plain single precision, and
    what is kept of it depends on the images it has seen alone: equal settings then agree to the last bit.
    """

    def __init__(
        self,
        model: str,
        dataset: str | data.Dataset,
        settings: dict[str, Any],
        *,
        seed: int = 0,
        seconds: float | None = None,
        rounds: int | None = None,
        images: int | None = None,
        device: str | None = None,
        resume: checkpoint.Checkpoint | None = None,
        paired: bool = False,
    ) -> None:
        self.id = secrets.token_urlsafe(22)  # addresses show 48 of its bits: see links.js
        self.model = model
        self.dataset = dataset if isinstance(dataset, data.Dataset) else data.load(dataset)
        self.seed = SEED.check("seed", resume.seed if resume else seed)
        with in_words():
            self.trainer = prepare(model, self.dataset, settings, self.seed, device, resume)
            self._record = Record(self.trainer, self.dataset, self.seed, paired)
            self._good = self.trainer.state()
        if resume and not resume.can_resume:
            self._record.mark("began from averaged weights alone: optimisers start afresh")
        self._rank = distributed.get_rank() if self.trainer.world > 1 else 0
        self.seconds = resume.seconds if resume else 0.0
        self._limits = Limits(self._position(), {"seconds": seconds, "rounds": rounds, "images": images})

        self._lock = threading.RLock()  # a signal may arrive while its own thread holds it
        self._wake = threading.Event()
        self._errands = Errands()
        self._wanted, self._why = "running", ""
        self._steps: int | None = None  # rounds until the next pause
        self._only: str | None = None
        self._thread: threading.Thread | None = None
        self._report: Callable[[Snapshot], None] | None = None
        self._latest_round = math.inf  # seconds
        self._viewed = -math.inf
        self.asked = time.monotonic()  # when somebody last did, for those who clear away

        self._settled, self._rescued = paired, False
        self._snapshot: Snapshot | None = None
        self._publish("waiting", "Waiting to start.")

    # What others call

    def start(self, queue: Queue | None = None) -> None:
        """Trains in a thread of its own, once the queue lets it."""
        if queue:
            queue.place(self)  # here, not in the thread: the order is that of the calls
        self._errands.begin()
        self._thread = threading.Thread(target=self._live, args=(queue,), daemon=True)
        self._thread.start()

    @property
    def seen(self) -> bool:
        """Whether anybody ever looked at it."""
        return self._viewed > -math.inf

    @property
    def left(self) -> float:
        """Seconds of training until a limit is reached."""
        left = self._snapshot.left
        return math.inf if left is None else left

    def run(self, report: Callable[[Snapshot], None] | None = None) -> Snapshot:
        """Trains in the calling thread until the end; `report` gets every snapshot."""
        self._report = report
        self._errands.begin()
        self._live(None)
        return self._snapshot

    def pause(self, why: str = "Paused.") -> None:
        self._want("paused", why=why)

    def resume(self) -> None:
        self._want("running")

    def step(self, rounds: int = 1) -> None:
        """So many rounds, then a pause."""
        self._want("running", steps=KINDS["rounds"].check("rounds", rounds))

    def stop(self) -> None:
        """Ends the run after its present round, or within it if that takes long; it can still be saved."""
        self.trainer.deadline = time.perf_counter() + PATIENCE_SECONDS
        self._want("stopped")

    def finish(self) -> None:
        """Ends the run as done after its next round."""
        self._want("done")

    @property
    def players(self) -> tuple[str, ...]:
        """The names that `only` takes."""
        return tuple(self.trainer.optimizers)

    def only(self, player: str | None) -> None:
        """Lets one player learn while the others stand still; None lets all learn."""
        if player is not None and player not in self.players:
            raise UserError(f"There is no player {str(player)[:40]!r}; choose one of {', '.join(self.players)}.")
        self._do(lambda: self._let_learn(player))

    def set(self, name: str, value: Any) -> None:
        """Changes a live setting from the next round on."""
        copy(self.trainer.model).change(name, value)  # a shell of the model, to hear of mistakes here
        self._do(lambda: self._change(name, value))

    def save(self, path: str | Path) -> None:
        """Writes a checkpoint between two rounds; returns when it is on the disk."""
        writing.write(Path(path), self.saved())

    def saved(self) -> bytes:
        """A checkpoint of the moment between two rounds."""
        names = self.dataset.classes if self.dataset.name == data.OWN else ()
        facts = self.dataset.name, self.seed
        return self._do(lambda: checkpoint.packed(self.trainer, *facts, self.seconds, names)).result()

    def averaged(self) -> Model:
        """A copy of the model as it is sampled from, taken between two rounds."""
        return self._do(lambda: deepcopy(self.trainer.view())).result()

    def join(self, timeout: float | None = None) -> bool:
        """Waits for the end; whether it came."""
        if self._thread:
            self._thread.join(timeout)
        return self._snapshot.state in ENDED

    def snapshot(self, viewer: bool = True) -> Snapshot:
        """The latest snapshot, at once; a viewer keeps pictures coming and the run alive."""
        if viewer:
            self._viewed = self.asked = time.monotonic()
        return self._snapshot

    @property
    def nbytes(self) -> int:
        """Bytes of what it alone keeps: the training, the state to fall back on, pictures to see and one's own."""
        dataset, own = self.dataset, self.dataset.name == data.OWN
        given = (dataset.images, dataset.test_images) if own else ()
        tensors = sum(tensor.nbytes for tensor in (*self._good.values(), *given))
        return self._trained + tensors + self._record.nbytes

    def wake(self) -> None:
        """Says that the queue has moved."""
        self._wake.set()

    # What the run's thread does

    def _live(self, queue: Queue | None) -> None:
        try:
            self.trainer.use(self.trainer.plan)  # how many helpers a thread has is its own: others here have none
            self._draw()
            self._publish()
            state, message = self._train(queue)
            self._draw()
            if state == "done" and self._rank == 0:  # one who stops a run waits for no verdict
                self._record.examine(self.seconds)
        except Exception as error:
            state, message = "failed", sentence(error)
        if queue:
            queue.leave(self)
        self._good = {}  # as large as the training itself
        self.trainer.rest()
        self._errands.end()
        self._publish(state, message)

    def _train(self, queue: Queue | None) -> tuple[str, str]:
        """Rounds until the end; the final state and message."""
        why = NEW
        while True:
            self._wake.clear()
            self._errands.do()
            done = self._wanted == "done" or self._limits.reached(self._position())
            ending = self._agree(2 if self._wanted == "stopped" else int(done))
            if ending:
                return ("stopped", "Stopped.") if ending == 2 else ("done", "Done.")
            if self._wanted == "paused":
                if self._snapshot.state == "running":
                    self._draw()
                if queue:
                    queue.leave(self)
                self._publish("paused", self._why)
                why = NEW
                self._wake.wait()
            elif place := queue.place(self) if queue else 0:
                if self._snapshot.state == "running":
                    self._draw()
                    why = MADE_WAY
                message = f"{why}: number {place} in the queue{_soon(queue.delay(self))}."
                if (self._snapshot.state, self._snapshot.message) != ("waiting", message):
                    self._publish("waiting", message, place)
                self._wake.wait(RECKON_SECONDS)
            else:
                try:
                    self._begin()
                    self._play()
                except Interrupted:
                    continue

    def _begin(self) -> None:
        """The first time, measures how to compute: not earlier, lest it disturb a run that trains."""
        if self._snapshot.state == "running":
            return
        if not self._settled and self.trainer.world == 1:
            self._publish("running", "Measuring what is fastest on this computer.")
            self.trainer.settle()
            self._settled = True
        self._publish("running", "")

    def _play(self) -> None:
        """One round, and what there is to see of it."""
        start, before = time.perf_counter(), self.seconds
        progress = self.trainer.round(self._only)
        self._record.note(progress)
        if progress.round % CHECK_ROUNDS == 0:
            finite = self.trainer.finite() and all(bool(term.isfinite().all()) for term in progress.terms.values())
            if self._agree(int(not finite)):
                self._rescue()
            elif progress.round % GOOD_ROUNDS == 0:
                self._good = self.trainer.state()
        self.seconds = before + self._counted(time.perf_counter() - start)
        if self._rank == 0:
            self._look()
        spent = time.perf_counter() - start
        self.seconds, self._latest_round = before + self._counted(spent), spent
        with self._lock:
            if self._steps is not None and self._wanted == "running":
                self._steps -= 1
                if self._steps == 0:
                    self._want("paused", why="Paused.")

    def _counted(self, spent: float) -> float:
        """Seconds of a round, without those in which nothing was computed."""
        return spent if spent < self._latest_round + ASLEEP_SECONDS else self._latest_round

    def _look(self) -> None:
        watched = time.monotonic() - self._viewed < WATCHED_SECONDS
        drawn = self._record.look(self.seconds, watched)
        if drawn or self.seconds - self._snapshot.seconds >= PUBLISH_SECONDS:
            self._publish()

    def _draw(self) -> None:
        if self._rank == 0:
            self._record.draw(self.seconds)

    def _rescue(self) -> None:
        """Back to the last good state with half the learning rates; a second time ends the run there."""
        failed_at = self.trainer.seen
        self.trainer.restore(self._good)
        self._record.cut()
        what = f"Numbers were no longer finite after {failed_at:,} images"
        if self._rescued:
            raise UserError(f"{what}, for the second time: start again with lower learning rates.")
        self._rescued, model = True, self.trainer.model
        for name, (kind, _) in settings_of(type(model)).items():
            if kind.live and name.endswith("lr"):
                model.change(name, max(kind.low, getattr(model, name) / 2))
        self._record.mark(f"{what}: back here, learning rates halved")
        self._publish(message=f"{what}: went back to {self.trainer.seen:,} and halved the learning rates.")

    # Small helpers

    def _want(self, wanted: str, *, steps: int | None = None, why: str = "") -> None:
        with self._lock:
            if self._wanted != "stopped":
                self._wanted, self._steps, self._why = wanted, steps, why
        self._wake.set()

    def _do(self, function: Callable[[], Any]) -> Future:
        """Something to do between two rounds."""
        future = self._errands.give(function)
        self._wake.set()
        return future

    def _let_learn(self, player: str | None) -> None:
        self._only = player
        self._record.mark(f"only the {player} learns" if player else "all learn")

    def _change(self, name: str, value: Any) -> None:
        self.trainer.model.change(name, value)
        self._record.mark(f"{name} = {getattr(self.trainer.model, name)}")

    def _position(self) -> dict[str, float]:
        return {"seconds": self.seconds, "rounds": self.trainer.round_number, "images": self.trainer.seen}

    def _agree(self, code: int) -> int:
        """The highest code of all processes, so that they turn the same way."""
        if self.trainer.world == 1:
            return code
        codes = torch.tensor(code, device=self.trainer.device)
        distributed.all_reduce(codes, distributed.ReduceOp.MAX)
        return int(codes)

    def _publish(self, state: str | None = None, message: str | None = None, place: int = 0) -> None:
        before, trainer, rate = self._snapshot, self.trainer, self._record.rate(self.seconds)
        self._trained = trainer.nbytes  # here, in the run's own thread
        self._snapshot = Snapshot(
            revision=before.revision + 1 if before else 0,
            id=self.id,
            model=self.model,
            dataset=self.dataset.describe(),
            state=state or before.state,
            place=place,
            message=before.message if message is None else message,
            round=trainer.round_number,
            images=trainer.seen,
            seconds=self.seconds,
            rate=rate,
            left=self._limits.left(self._position(), rate),
            device=str(trainer.device),
            seed=self.seed,
            settings=trainer.model.settings(),
            curves=self._record.curves(),
            marks=self._record.marks,
            pictures=self._record.pictures(),
            looks=self._record.looks,
            classes=self.dataset.classes,
            size=len(self.dataset.images),
        )
        if self._report:
            self._report(self._snapshot)


def _soon(delay: float) -> str:
    """The time to wait, in whole minutes, rounded up."""
    return f", within about {max(1, math.ceil(delay / 60))} min" if math.isfinite(delay) else ""
