"""Two runs that play their rounds in turn, so that they can be compared while they learn."""

from __future__ import annotations

import threading

from genmodels.run import Queue, Run


class Pair:
    """To the queue of a server the two are one, with one place; to the two it is the queue.

    While both train their rounds differ by one at most; one that is paused, has ended or failed is not waited for.
    `seconds` of training, of both together, end both after the same number of rounds.
    """

    def __init__(self, queue: Queue, first: Run, second: Run, seconds: float) -> None:
        self.runs = first, second
        self._queue, self._seconds = queue, seconds
        self._turn = threading.Condition()
        self._here: set[Run] = set()  # who takes part
        self._playing: Run | None = None
        self._last = second  # who played last: the first begins
        self._together = False

    def start(self) -> None:
        """Lets both train once the queue lets the pair."""
        for run in self.runs:
            run.start(self)
        self._together = True
        self.wake()

    def place(self, run: Run) -> int:
        """0 when it is this run's turn, which is waited for; else how many others have to leave or make way before."""
        other = self.runs[run is self.runs[0]]
        with self._turn:
            self._here.add(run)
            self._ended(run)
            while True:
                while self._playing:  # the queue is asked between rounds alone
                    self._turn.wait()
                ahead = self._queue.place(self)
                if ahead or not self._together:
                    self._turn.notify_all()  # the other may wait here for a round that does not come yet
                    return ahead or 1
                if self._last is not run or other not in self._here:
                    break
                self._turn.wait()
            self._playing = run
            # Asked before the first one's round: the second has its own round yet.
            if other not in self._here or run is self.runs[0]:
                self._finish()
            return 0

    def delay(self, run: Run) -> float:
        """Seconds until the pair may train, at the latest."""
        return self._queue.delay(self)

    @property
    def left(self) -> float:
        """Seconds of training of both together until their end."""
        return max(0.0, self._seconds - sum(run.seconds for run in self.runs))

    def leave(self, run: Run) -> None:
        """Lets the other go on alone; the last to leave gives up the place."""
        with self._turn:
            self._here.discard(run)
            self._ended(run)
            if not self._here:
                self._queue.leave(self)

    def wake(self) -> None:
        for run in self.runs:
            run.wake()

    def _ended(self, run: Run) -> None:
        """A round of this run is over, if it was at one."""
        if self._playing is run:
            self._playing, self._last = None, run
        self._turn.notify_all()

    def _finish(self) -> None:
        if sum(run.seconds for run in self.runs) >= self._seconds:
            for run in self.runs:
                run.finish()
