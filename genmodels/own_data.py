"""Pictures of one's own as a data set: what they are is seen from the pictures, what they are called from folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from genmodels.data import OWN, Dataset, load
from genmodels.errors import UserError
from genmodels.own_files import (
    FEWEST,
    LARGEST_PICTURE,
    MOST_OF_JPEG,
    MOST_PIXELS,
    SIDES,
    SMALLEST,
    Pile,
    add_file,
    add_folder,
)

if TYPE_CHECKING:
    from genmodels.checkpoint import Checkpoint

FEW = 2000  # pictures: fewer are soon known by heart, so that each is shifted whenever it is drawn
SHIFT = 2  # pixels
MOST_CLASSES = 10  # for which the page has labels and signs
LONGEST = 40  # letters of a name
COLOURFUL = 8.0  # mean distance of the largest from the smallest channel: beyond a tint, such as scans of paper have
LEFT = {
    "unread": "Left out as unreadable",
    "small": f"Left out as smaller than {SMALLEST} pixels",
    "large": f"Left out as larger than {LARGEST_PICTURE >> 20} MiB, {MOST_PIXELS // 10**6} million pixels or, as JPEG, "
    f"{MOST_OF_JPEG // 10**6} million",
    "heic": "Left out as HEIC, which has to be exported as JPEG first",
    "other": "Left out as no PNG, JPEG, GIF, BMP or WebP",
}
ONE = "Models that are told the class learn them as one class."


@dataclass(frozen=True, eq=False)
class Own:
    """A data set and, in whole sentences, what it holds and what was left out."""

    dataset: Dataset
    words: tuple[str, ...]


def read(path: Path, side: int | None = None, colour: bool | None = None, mirror: bool | None = None) -> Own:
    """The pictures in a folder, a zip or a .npy as squares of 28 or 32 pixels, grey or in colour: what is not said is
    chosen by what they are. A picture's class is the folder it lies in. UserError for anything else."""
    pile = Pile(side)
    try:
        if path.is_dir():
            add_folder(pile, path)
        elif path.is_file():
            with path.open("rb") as file:
                add_file(pile, file)
        else:
            raise UserError(f"There is nothing to read at {path}: give a folder of pictures, a zip or a .npy.")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error
    return build(pile, path.resolve().stem, colour, mirror)


def of(saved: Checkpoint, path: Path | None, mirror: bool | None = None) -> Dataset:
    """The data set that a saved model learned; pictures of one's own are at `path`, for its file does not hold them."""
    if path is None:
        return load(saved.dataset)
    if saved.dataset != OWN:
        raise UserError(f"The file's model learned {saved.dataset}: leave --data out.")
    channels, side, _ = saved.model.shape
    dataset = read(path, side if side in SIDES else None, channels == 3, mirror).dataset
    check(saved, dataset)
    return dataset


def check(saved: Checkpoint, dataset: Dataset) -> None:
    """UserError for pictures that are not like those a saved model learned."""
    if (dataset.shape, dataset.classes) != (saved.model.shape, saved.names):
        channels, side, _ = saved.model.shape
        form = f"{side} x {side}, {'colour' if channels == 3 else 'grey'}"
        raise UserError(f"The file's model learned other pictures ({form}, classes: {', '.join(saved.names)}).")


def plain(name: str) -> str:
    """A name that comes from outside, short and harmless wherever it is shown."""
    fit = "".join(letter if letter.isprintable() and letter not in "<>&\"'`\\" else " " for letter in name[:200])
    return " ".join(fit.split())[:LONGEST].strip()


def build(pile: Pile, title: str, colour: bool | None = None, mirror: bool | None = None) -> Own:
    """The data set of a pile of pictures, a tenth of them held out; UserError where they are too few."""
    count, left = len(pile.folders), [f"{LEFT[why]}: {times:,}." for why, times in sorted(pile.left.items())]
    if count < FEWEST:
        found = f"Pictures found: {count}. At least {FEWEST} are needed."
        none = f"No pictures were found: give at least {FEWEST}, as PNG, JPEG, GIF, BMP or WebP."
        raise UserError(" ".join([found if count else none, *left]))
    if colour is None:
        spread = [float(np.ptp(square, axis=2).mean()) for square in next(iter(pile.squares.values()))]
        colour = sum(value > COLOURFUL for value in spread) > count / 10
    pixels = torch.from_numpy(np.stack(pile.squares[_side(pile, colour)])).permute(0, 3, 1, 2)
    images = pixels.contiguous() if colour else _grey(pixels)
    folders = [plain(folder) for folder in pile.folders]
    classes, why = _classes(folders)
    labels = torch.tensor([classes.index(name) if len(classes) > 1 else 0 for name in folders])
    held, few = held_out(labels, len(classes)), count < FEW
    dataset = Dataset(
        name=OWN,
        title=plain(title) or "pictures",
        images=images[~held],
        labels=labels[~held],
        test_images=images[held],
        test_labels=labels[held],
        classes=classes,
        whole=int((~held).sum()),
        source=f"your own, {int(held.sum()):,} held out",
        shift=SHIFT if few else 0,
        mirror=(colour and few) if mirror is None else mirror,
    )
    return Own(dataset, (*_described(dataset), *why, *left))


def held_out(labels: Tensor, classes: int) -> Tensor:
    """Which of the pictures (N,) a model never sees: a tenth, at least 4 and at most 1,000, the same every time; every
    class keeps one to learn from."""
    wanted = min(max(4, len(labels) // 10), 1000)
    kept = torch.bincount(labels, minlength=classes).tolist()
    held = torch.zeros(len(labels), dtype=torch.bool)
    for index in torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)).tolist():
        label = int(labels[index])
        if wanted and kept[label] > 1:
            held[index] = True
            kept[label] -= 1
            wanted -= 1
    return held


def moved(images: Tensor, shift: int, mirror: bool, generator: torch.Generator) -> Tensor:
    """Images (N, C, H, W), each shifted by up to so many pixels in both directions, its rim repeated, and half of them
    mirrored if asked for."""
    count, channels, height, width = images.shape
    place = {"generator": generator, "device": images.device}
    by = torch.randint(-shift, shift + 1, (2, count, 1), **place)
    rows = (torch.arange(height, device=images.device) + by[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + by[1]).clamp(0, width - 1)
    if mirror:
        columns = torch.where(torch.rand((count, 1), **place) < 0.5, columns.flip(1), columns)
    which = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[:, None, None]
    return images[which, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _side(pile: Pile, colour: bool) -> int:
    """The size they came in, if all have one of the two; else that of CIFAR-10 in colour and of MNIST in grey."""
    if len(pile.squares) == 1:
        return next(iter(pile.squares))
    native = [side for side in SIDES if pile.sizes == {(side, side)}]
    return native[0] if native else SIDES[colour]


def _classes(folders: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The names of the classes; one class where there are no labels, and then why."""
    sizes = Counter(folders)
    if len(sizes) == 1:
        return ("picture",), [ONE]
    if "" in sizes:
        return ("picture",), ["Some pictures lie in no folder, so that none has a label.", ONE]
    if len(sizes) > MOST_CLASSES:
        return ("picture",), [f"More than {MOST_CLASSES} folders hold pictures, so that none has a label.", ONE]
    if min(sizes.values()) < 2:
        return ("picture",), ["A folder holds one picture alone, so that none has a label.", ONE]
    return tuple(sorted(sizes)), []


def _grey(pixels: Tensor) -> Tensor:
    """Bytes (N, 3, H, W) as bytes (N, 1, H, W), weighted as in ITU-R BT.601; grey stays exactly what it is."""
    weights = torch.tensor([299, 587, 114]).view(1, 3, 1, 1)
    parts = [(part * weights).sum(1, keepdim=True).add_(500) // 1000 for part in pixels.split(500)]
    return torch.cat(parts).to(torch.uint8)


def _described(dataset: Dataset) -> list[str]:
    learned, held, classes = len(dataset.images), len(dataset.test_images), dataset.classes
    channels, side, _ = dataset.shape
    form = f"{side} x {side}, {'colour' if channels == 3 else 'grey'}"
    what = f"{len(classes)} classes ({', '.join(classes)})" if len(classes) > 1 else "without labels"
    words = [f"{learned + held:,} pictures, {what}, {form}: {learned:,} to learn from, {held:,} held out."]
    if dataset.shift:
        words.append(f"So few that memorising is likely: each is shifted by up to {SHIFT} pixels whenever it is drawn.")
    return words
