"""The one way in which files are written: whole or not at all, whatever happens meanwhile."""

import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from genmodels.errors import UserError

ENDING = ".unfinished"  # of a file half written: a process that was killed leaves one behind
LEFT_SECONDS = 600.0  # without a byte more, after which nobody is writing it any longer


def write(path: Path, content: bytes) -> None:
    """Puts a file in its place in one step, making its folder if need be; UserError where that cannot be.

    It is written beside its place, under a hidden name, and takes the place when all of it is on the disk.
    """
    try:
        _must_be_a_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=ENDING, dir=path.parent)
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _sweep(path, fresh.stat().st_mtime)
            fresh.chmod(0o644)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(_unwritable(path, error)) from error


def check_place(path: Path, size: int = 0) -> None:
    """Raises the UserError of `write` now, before the work whose result, of so many bytes, would be lost."""
    _must_be_a_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(b"\0")
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise UserError(_unwritable(path, error)) from error
    if free < size:
        needs = f"{size / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB free"
        raise UserError(f"{path} cannot be written ({needs}): choose another place.")


def free(path: Path, taken: Collection[Path] = ()) -> Path:
    """The path, or the first of path-2, path-3 ... where nothing is and which is not taken."""
    number, found = 1, path
    while found.exists() or found in taken:
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found


def _must_be_a_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file.")
    if path.exists() and not path.is_file():  # a device would be replaced by a file
        raise UserError(f"{path} cannot be written (it is not a file): choose another place.")


def _sweep(path: Path, now: float) -> None:
    """Removes what writers of this file who were killed have left, by the clock of the disk."""
    for left in path.parent.glob(f".{path.name.translate(_PLAIN)}.*{ENDING}"):
        with suppress(OSError):  # somebody else was faster
            if now - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink()


_PLAIN = {ord(sign): f"[{sign}]" for sign in "[*?"}  # of a glob, taken as they are


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} cannot be written ({error.strerror or error}): choose another place."
