"""What would be lost: a run that has no place to be saved in, and the runs of a server that stops."""

from __future__ import annotations

import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from genmodels.data import OWN
from genmodels.errors import UserError
from genmodels.run import Run
from genmodels.writing import free

FOLDER = Path("runs", "left")  # by a server that stopped
KEPT = 64  # files in it, as many as a server has runs
AT_ONCE = 4  # written

_naming = threading.Lock()  # no two by the same name


def save(run: Run, out: Path) -> Path:
    """Saves a run in its place, and returns that. Where that cannot be, asks a person at a terminal for another; where
    nobody answers it goes wherever it can, and a UserError says where that is."""
    try:
        run.save(out)
        return out
    except UserError as error:
        reason = str(error)
    while sys.stdin and sys.stdin.isatty():
        try:
            place = Path(input(f"{reason} Another file: ") or out).expanduser()
            run.save(place)
            return place
        except UserError as error:  # noqa: PERF203  which is asked about
            reason = str(error)
        except (EOFError, OSError, RuntimeError):  # nobody is there, or no such home
            break
    place = elsewhere(run, out)
    raise UserError(f"{reason.removesuffix('choose another place.')}the run is in {place} instead.")


def elsewhere(run: Run, out: Path) -> Path:
    """Saves a run in the present folder, the home folder or that of temporary files, beside what is there."""
    reason = ""
    for folder in (Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        with _naming, suppress(OSError, RuntimeError):  # there is no such folder
            place = free(folder() / out.name)
            try:
                run.save(place)
            except UserError as error:
                reason = str(error)
            else:
                return place
    raise UserError(f"The run could not be saved anywhere: {reason}")


def keep(runs: Sequence[Run], seconds: float, folder: Path = FOLDER) -> list[str]:
    """Stops the runs of a server and saves them, the latest asked for first; what there is to say of each.

    What is not on the disk after so many seconds is given up. Runs on pictures of one's own stay off the disk, as the
    pictures do.
    """
    until = time.monotonic() + seconds
    learned = sorted((run for run in runs if run.snapshot(viewer=False).round), key=lambda run: -run.asked)
    for run in learned:
        run.stop()
    own = [run for run in learned if run.dataset.name == OWN]
    waiting: list[tuple[Run, Path]] = []
    for run in learned:
        if run not in own:
            name = f"{run.model}-{run.dataset.name}-{run.seed}.safetensors"
            waiting.append((run, free(folder / name, [place for _, place in waiting])))
    said = {run: f"{run.model} on {run.dataset.title}: could not be saved in time." for run, _ in waiting}

    def work() -> None:
        while waiting:
            with suppress(IndexError):
                run, place = waiting.pop(0)
                run.join(max(0.0, until - time.monotonic()))
                said[run] = _kept(run, place)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(AT_ONCE)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
    _thin(folder)
    lines = list(said.values())
    if own:
        lines.append(f"Not saved: {len(own)} on pictures of somebody's own, which are never put on the disk.")
    return lines


def _kept(run: Run, place: Path) -> str:
    """Saves one, and says how to go on with it."""
    what = f"{run.model} on {run.dataset.title}, {run.snapshot(viewer=False).images:,} images"
    try:
        try:
            run.save(place)
        except UserError:
            place = elsewhere(run, place)
    except UserError as error:
        return f"{what}: {error}"
    again = ["python", "-m", "genmodels", "train", run.model, run.dataset.name, "--resume", str(place)]
    return f"{what}: saved. Go on with: {shlex.join(again)}"


def _thin(folder: Path) -> None:
    """Removes the oldest files beyond as many as are kept."""
    with suppress(OSError):
        files = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEPT:]:
            path.unlink()
