"""What other threads want done by the one that trains, between two of its rounds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Errands:
    """Functions in the order of their coming. While nobody is at work they are done at once, by who brings them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Callable[[], Any], Future]] = deque()
        self._at_work = False

    def give(self, function: Callable[[], Any]) -> Future:
        """Hands in a function; the future has its result or its exception."""
        future: Future = Future()
        with self._lock:
            self._waiting.append((function, future))
            if not self._at_work:
                self.do()
        return future

    def do(self) -> None:
        """Does all that waits."""
        while self._waiting:
            function, future = self._waiting.popleft()
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)

    def begin(self) -> None:
        """The calling thread will do the errands from now on."""
        self._at_work = True

    def end(self) -> None:
        """It does the last ones, and no more."""
        with self._lock:
            self._at_work = False
            self.do()
