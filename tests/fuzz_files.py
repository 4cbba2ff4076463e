"""Damaged files for every reader of what a person hands in; `python -m tests.fuzz` counts what becomes of them.

A reader gives what a file holds or one sentence: UserError, or, in formats.py, a ValueError that data.py makes one of.
Seconds are those of the processor; bytes, those by which the process is at its largest beside what it had before.
"""

from __future__ import annotations

import json
import logging
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from genmodels.errors import UserError
from tests.fuzz import Log
from tests.fuzz_readers import damaged, readers

LONGEST, LARGEST = 1.0, 512 * 2**20  # seconds for a file; bytes


@dataclass
class Found:
    """What went wrong, and what it cost."""

    files: Counter[str] = field(default_factory=Counter)  # by reader
    read: Counter[str] = field(default_factory=Counter)  # of them, those that were sound to the reader
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds
    slowest_of: str = ""
    largest: int = 0  # bytes
    largest_of: str = ""

    def grew(self) -> bool:
        """Whether a file took longer, or more memory, than any may."""
        return self.slowest > LONGEST or self.largest > LARGEST


def hand_in(count: int, seed: int, only: tuple[str, ...] = ()) -> Found:
    """So many damaged files, each reader's turn after the other's."""
    chance, found, log, known = random.Random(seed), Found(), Log(), readers()
    names = only or tuple(known)
    for name in names:  # what is loaded once is there by then, and sound files are read
        with tempfile.TemporaryDirectory() as folder:
            known[name].read(known[name].sound[0], Path(folder))
    logging.getLogger("genmodels").addHandler(log)
    try:
        for number in range(count):
            name = names[number % len(names)]
            change = chance.choice((damaged, damaged, *known[name].changes))
            content = change(chance.choice(known[name].sound), chance)
            shown = f"{name}, file {number} of seed {seed}, {change.__name__}"
            with tempfile.TemporaryDirectory() as folder:
                before, begun = resident(anew=True), time.thread_time()
                try:
                    known[name].read(content, Path(folder))
                    found.read[name] += 1
                except UserError as error:
                    if not str(error).endswith(".") or len(str(error)) > 400:
                        found.faults.append(f"{shown}: {str(error)[:400]!r}")
                except Exception as error:
                    if not said(name, error):
                        found.faults.append(f"{shown}: {error!r}")
                took, grown = time.thread_time() - begun, resident() - before
            if took > found.slowest:
                found.slowest, found.slowest_of = took, shown
            if grown > found.largest:
                found.largest, found.largest_of = grown, shown
            found.files[name] += 1
            found.faults += [f"{shown}: {words}" for words in log.words]
            log.words.clear()
    finally:
        logging.getLogger("genmodels").removeHandler(log)
    return found


def said(name: str, error: Exception) -> bool:
    """Whether that is how a reader beneath the one that finds the words refuses a file."""
    if name == "strokes":  # which come as JSON, read before
        return isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
    return type(error) is ValueError and (" is damaged" in str(error) or " is missing" in str(error))


def resident(anew: bool = False) -> int:
    """The most bytes of memory that this process held, from now on if asked for."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:  # another system
        return 0
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
