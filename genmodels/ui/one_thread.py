"""All of matplotlib's work, in one thread: its parser keeps its state where all threads see it, and each thread that it
worked in would leave a dozen fonts open."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P, R = ParamSpec("P"), TypeVar("R")
_thread = ThreadPoolExecutor(1, "matplotlib")


def in_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """The function, called in that thread; for a decorator."""

    @functools.wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        return _thread.submit(function, *arguments, **named).result()

    return call
