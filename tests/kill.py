"""Writers killed at random moments: python -m tests.kill [--times 100]

A process writes a file over and over and is killed without warning; then the file is read. It must be there, whole and
readable; beside it nothing may stand that could be taken for it.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

import torch

from genmodels import bench, checkpoint, judge, weights
from genmodels.__main__ import main as command_line
from genmodels.data import load
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.training import Trainer
from genmodels.writing import ENDING

PATIENCE = 60.0  # seconds for a file
WIDE = {"width": 256}  # files of some megabytes, which take a moment to write


def trainer() -> Trainer:
    """A small training, at its beginning."""
    mnist = load("mnist")
    return Trainer(build("gan", mnist.shape, 10, **WIDE), mnist.images, mnist.labels, device="cpu")


def saves(place: Path) -> None:
    training = trainer()
    training.round()
    while True:
        checkpoint.save(place, training, "mnist", 0, 1.0)


def trains(place: Path) -> None:
    words = ["genmodels", "train", "gan", "mnist", "--set", "width=256", "--quiet", "--rounds", "1", "--out"]
    with patch("sys.argv", [*words, str(place)]):
        while True:
            command_line()


def ships(place: Path) -> None:
    run = place.parent / ".run"
    checkpoint.save(run, trainer(), "mnist", 0, 1.0)
    with patch.object(weights, "evaluate", lambda saved: {}):  # which takes a while
        while True:
            weights.ship(run, "a test", place)


def judges(place: Path) -> None:
    while True:
        judge.save(judge.Judge((1, 28, 28), 10), place, {"shape": "[1, 28, 28]", "classes": "10"})


def benches(place: Path) -> None:
    while True:
        bench.write(place, [{"model": "gan", "path": [*range(20_000)]} for _ in range(3)])


CASES: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "checkpoint.save": (saves, checkpoint.load),
    "train": (trains, checkpoint.load),
    "weights ship": (ships, checkpoint.load),
    "judge.save": (judges, judge.read),
    "bench": (benches, bench.read),
}


def kill(name: str, times: int, folder: Path, seed: int = 0) -> tuple[list[str], int]:
    """What was wrong after some of so many kills, and how many of them hit a file half written."""
    writer, reader = CASES[name]
    wrong, halves, moments, place = [], 0, random.Random(seed), folder / "file"
    for number in range(times):
        process = get_context("fork").Process(target=writer, args=(place,), daemon=True)
        process.start()
        if not _changed(place, process):
            return [*wrong, f"kill {number}: nothing had been written"], halves
        begun = time.monotonic()
        _changed(place, process)
        time.sleep(moments.uniform(0, time.monotonic() - begun))  # anywhere between one file and the next
        process.kill()
        process.join()
        try:
            reader(place)
        except UserError as error:
            wrong.append(f"kill {number}: {error}")
        for path in set(folder.iterdir()) - {place, folder / ".run"}:
            if path.name.startswith(".") and path.name.endswith(ENDING):
                halves += 1
                path.unlink()
            else:
                wrong.append(f"kill {number}: {path.name} is left")
    return wrong, halves


def _changed(place: Path, process: BaseProcess) -> bool:
    """Waits until a process has written its file; whether it has."""
    before, until = place.stat().st_mtime_ns if place.exists() else 0, time.monotonic() + PATIENCE
    while not place.exists() or place.stat().st_mtime_ns == before:
        if not process.is_alive() or time.monotonic() > until:
            process.kill()
            return False
        time.sleep(0.001)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=CASES, default=[*CASES])
    arguments = parser.parse_args()
    times, bad = arguments.times, 0
    load("mnist")  # once for all processes
    torch.set_num_threads(1)  # threads and forks do not mix
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        for name in arguments.only:
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                wrong, halves = kill(name, times, Path(folder))
            print(f"{name:16} killed {times} times, {halves} of them with a file half written: {len(wrong)} broken")
            print(*wrong, sep="\n", end="\n" if wrong else "", flush=True)
            bad += len(wrong)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
