"""MNIST, Fashion-MNIST and CIFAR-10 as uint8 tensors, from the first folder that has them.

Looked for in this order: the folder in $GENMODELS_DATA, the per-user cache, the images bundled with this
package. Each may have torchvision's layout (MNIST/raw, FashionMNIST/raw, cifar-10-batches-py) or that of the
bundle (cifar10/*.webp with train.npz and test.npz; idx files may be gzipped).
"""

from __future__ import annotations

import functools
import http.client
import os
import shutil
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import torch
from torch import Tensor

from genmodels.errors import UserError
from genmodels.formats import read_column, read_folder, read_sheets, write_sheets

NAMES = ("mnist", "fashion_mnist", "cifar10")
OWN = "own"  # the name of pictures that somebody brings along, see own_data.py
BUNDLED = Path(__file__).parent / "datasets"
WHOLE_TEST = 10_000  # images in the complete test part of each set
LARGEST_DOWNLOAD = 2**28  # bytes; the largest archive, CIFAR-10's, has 170 million
SECONDS_OF_SILENCE = 30.0  # after which a server is given up

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of one set, shared by everybody who loads it: not to be written to."""

    name: str
    title: str
    images: Tensor  # training part, (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    whole: int  # training images in the complete set
    source: str  # "bundled" or the folder
    shift: int = 0  # pixels by which each image is moved at most whenever it is drawn
    mirror: bool = False  # half the time

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        return tuple(self.images.shape[1:])

    def describe(self) -> str:
        """Which set is in use and how much of it: "CIFAR-10, 10,000 of 50,000: bundled"."""
        return f"{self.title}, {len(self.images):,} of {self.whole:,}: {self.source}"


@dataclass(frozen=True)
class _Facts:
    title: str
    torchvision: str  # its class, which knows mirrors and digests
    folders: tuple[str, ...]  # where a root may hold the set; the first is torchvision's
    whole: int
    classes: tuple[str, ...]


_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FACTS = {
    "mnist": _Facts("MNIST", "MNIST", ("MNIST/raw",), 60_000, tuple("0123456789")),
    "fashion_mnist": _Facts("Fashion-MNIST", "FashionMNIST", ("FashionMNIST/raw",), 60_000, _CLOTHES),
    "cifar10": _Facts("CIFAR-10", "CIFAR10", ("cifar-10-batches-py", "cifar10"), 50_000, _THINGS),
}
_lock = threading.Lock()


def load(name: str) -> Dataset:
    """The data set from the first place that has it; read once, from any thread.

    Raises UserError for an unknown name, a set that is nowhere, or a damaged file.
    """
    facts = _known(name)
    for root, source in _roots():
        for folder in facts.folders:
            if _is_folder(root / folder):
                with _lock:
                    return _read_once(name, root / folder, source)
    raise UserError(f"{facts.title} is not bundled: fetch it with 'python -m genmodels download {name}'.")


def download(name: str, folder: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Fetch the complete set from torchvision's mirrors, checked by its digests, and return the set's folder.

    It goes to `folder`, else $GENMODELS_DATA, else the per-user cache, in torchvision's layout, and appears there
    whole or not at all; a complete one is kept. `progress` gets (file, bytes so far, bytes in all or 0 where the
    server does not say). Raises UserError where the network, a file or the disk fails.
    """
    facts = _known(name)
    root = Path(folder).expanduser() if folder else (_environment() or cache_folder())
    place = root / facts.folders[0]
    if _is_folder(place) and _is_complete(name, place):
        return place
    from torchvision.datasets.utils import extract_archive  # costs a second that only this needs

    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as scratch:
            (unpacked := Path(scratch, "unpacked")).mkdir()
            for file, digest, addresses in _resources(name):
                archive = Path(scratch, file)
                _fetch(facts.title, archive, digest, addresses, progress)
                extract_archive(archive, unpacked, remove_finished=True)
            _put(unpacked / "cifar-10-batches-py" if name == "cifar10" else unpacked, place)
    except OSError as error:
        raise UserError(f"{facts.title} could not be written to {root} ({error.strerror or error}).") from error
    with _lock:
        _read_once.cache_clear()
    return place


def bundle(source: Path, target: Path = BUNDLED, train: int = 1000, test: int = 200) -> None:
    """Write the bundle: MNIST copied, of CIFAR-10 the first `train` and `test` images of each class in `source`."""
    (target / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
    for file in (source / "MNIST" / "raw").glob("*.gz"):
        shutil.copyfile(file, target / "MNIST" / "raw" / file.name)
    for part, each, most in (("train", train, _FACTS["cifar10"].whole), ("test", test, WHOLE_TEST)):
        images, labels = read_sheets(source / "cifar10", part, most)
        index = read_column(source / "cifar10" / f"{part}.npz", "index", most)
        chosen = np.sort(np.concatenate([np.flatnonzero(labels == k)[:each] for k in range(10)]))
        write_sheets(target / "cifar10", part, images[chosen], labels[chosen], index[chosen])


def cache_folder() -> Path:
    """The per-user cache: $XDG_CACHE_HOME/genmodels or ~/.cache/genmodels, which need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genmodels"


def _known(name: str) -> _Facts:
    if name == OWN:
        raise UserError("These are pictures of somebody's own, which this program does not have: give --data PATH.")
    if name not in NAMES:
        raise UserError(f"There is no data set {str(name)[:40]!r}: choose one of {', '.join(NAMES)}.")
    return _FACTS[name]


def _environment() -> Path | None:
    folder = os.environ.get("GENMODELS_DATA")
    return Path(folder).expanduser() if folder else None


def _roots() -> Iterator[tuple[Path, str]]:
    """Folders to look in, each with what a person reads as the source."""
    if (folder := _environment()) is not None:
        if not _is_folder(folder):  # a mistyped one would otherwise end in the small bundled set, unnoticed
            raise UserError(f"GENMODELS_DATA names {folder}, which is not a folder: correct it or unset it.")
        yield folder, os.environ["GENMODELS_DATA"]
    yield cache_folder(), str(cache_folder())
    yield BUNDLED, "bundled"


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir() raises where a home folder may not be entered


def _read(name: str, folder: Path, source: str) -> Dataset:
    facts = _FACTS[name]
    try:
        (images, labels), (test_images, test_labels) = read_folder(folder, facts.whole, WHOLE_TEST)
    except (ValueError, OSError) as error:
        unread = isinstance(error, OSError)
        reason = f"{error.filename or folder} cannot be read ({error.strerror or error})" if unread else error
        advice = f"fetch the set with 'python -m genmodels download {name}' or move {folder} away"
        raise UserError(f"{reason}: {advice}.") from error
    tensors = (images, labels.astype(np.int64), test_images, test_labels.astype(np.int64))
    return Dataset(name, facts.title, *map(torch.from_numpy, tensors), facts.classes, facts.whole, source)


_read_once = functools.lru_cache(maxsize=8)(_read)


def _is_complete(name: str, place: Path) -> bool:
    try:
        found = _read(name, place, "")
    except UserError:
        return False
    return (len(found.images), len(found.test_images)) == (_FACTS[name].whole, WHOLE_TEST)


def _resources(name: str) -> list[tuple[str, str, list[str]]]:
    """File, digest (MD5) and addresses of all that makes up the set, as torchvision knows them."""
    from torchvision import datasets

    known = getattr(datasets, _FACTS[name].torchvision)
    if name == "cifar10":
        return [(known.filename, known.tgz_md5, [known.url])]
    return [(file, digest, [mirror + file for mirror in known.mirrors]) for file, digest in known.resources]


class _Failed(Exception):
    """One address did not give the file; the text says why."""


def _fetch(title: str, path: Path, digest: str, addresses: list[str], progress: Progress | None) -> None:
    """One file from the first address that serves it whole and right."""
    from torchvision.datasets.utils import check_md5

    reasons = []
    for address in addresses:
        try:
            with path.open("wb") as file:
                for chunk, total in _chunks(address):
                    file.write(chunk)
                    if progress:
                        progress(path.name, file.tell(), total)
            if check_md5(path, digest):
                return
            raise _Failed("the digest is wrong")
        except _Failed as failed:  # noqa: PERF203  the next mirror is the way on
            reasons.append(f"from {urlsplit(address).netloc}: {failed}")
    what = f"{path.name} {'; '.join(reasons)}"
    raise UserError(f"{title} could not be fetched ({what}): check the network and try again.")


def _chunks(address: str) -> Iterator[tuple[bytes, int]]:
    """Pieces of a file, each with the size of the whole (0: not said)."""
    done = total = 0
    try:
        with urllib.request.urlopen(address, timeout=SECONDS_OF_SILENCE) as response:
            total = response.length or 0
            while (chunk := response.read(2**16)) and done <= LARGEST_DOWNLOAD:
                done += len(chunk)
                yield chunk, total
    except http.client.IncompleteRead as error:  # what some versions of Python say of a short answer
        raise _Failed("cut short") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _Failed(f"no answer ({getattr(reason, 'strerror', None) or reason})") from error
    if done < total:
        raise _Failed(f"cut short ({done:,} of {total:,} bytes)")


def _put(source: Path, place: Path) -> None:
    if place.exists():  # a damaged or partial set: its files are replaced, others left alone
        for file in source.iterdir():
            file.replace(place / file.name)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        source.rename(place)
