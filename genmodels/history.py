"""What is kept of a run: curves and pictures, bounded however long it goes on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from genmodels.looks import Look

POINTS = 500  # kept of a curve
PICTURES = 40  # kept of a run
PICTURE_BYTES = 8 * 2**20  # and so much of them: sheets of a hundred classes are large


@dataclass(frozen=True)
class Picture:
    """A sheet of images after so many training images and seconds, as PNG."""

    images: int
    seconds: float
    png: bytes
    caption: str


@dataclass(frozen=True)
class Snapshot:
    """What a run was at one moment; a higher revision is a later one."""

    revision: int
    id: str
    model: str
    dataset: str  # in words
    state: str  # waiting, running, paused, done, stopped, failed
    place: int  # in the queue; 0: not waiting
    message: str
    round: int
    images: int
    seconds: float  # of training, pictures included, pauses not
    rate: float  # images per second
    left: float | None  # seconds until a limit is reached, None without one
    device: str
    seed: int
    settings: dict[str, Any]
    curves: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]  # images seen and values of each term
    marks: tuple[tuple[int, str], ...]  # what happened after so many images
    pictures: tuple[Picture, ...]  # the oldest first
    looks: tuple[Look, ...]  # the oldest first
    classes: tuple[str, ...]  # of the data set
    size: int  # training images in it


class Curves:
    """Terms over images seen. A full store gives up every second point and takes new ones half as often."""

    def __init__(self) -> None:
        self._points: list[tuple[int, dict[str, float]]] = []
        self._gap = 0.0

    def due(self, images: int) -> bool:
        """Whether a point belongs here; depends on the images alone, so that a run does the same work each time."""
        return not self._points or images >= self._points[-1][0] + self._gap

    def add(self, images: int, values: dict[str, float]) -> None:
        self._points.append((images, {name: value for name, value in values.items() if math.isfinite(value)}))
        if len(self._points) > POINTS:
            self._points = self._points[::2]
            self._gap = (self._points[-1][0] - self._points[0][0]) / len(self._points)

    def cut(self, images: int) -> None:
        """Forgets what came after so many images."""
        self._points = [point for point in self._points if point[0] <= images]

    def view(self) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
        """Images and values of each term."""
        columns: dict[str, list[tuple[float, float]]] = {}
        for images, values in self._points:
            for name, value in values.items():
                columns.setdefault(name, []).append((float(images), value))
        return {name: tuple(zip(*points, strict=True)) for name, points in columns.items()}


class Album:
    """Pictures of a run, the first and the latest always among them, closer together where a run is young."""

    def __init__(self) -> None:
        self.pictures: tuple[Picture, ...] = ()

    def add(self, picture: Picture) -> None:
        kept = [old for old in self.pictures if old.images < picture.images] + [picture]
        while len(kept) > 2 and (len(kept) > PICTURES or size_of(kept) > PICTURE_BYTES):
            at = [math.sqrt(old.images) for old in kept]
            crowded = min(range(1, len(kept) - 1), key=lambda i: at[i + 1] - at[i - 1])
            del kept[crowded]
        self.pictures = tuple(kept)

    def cut(self, images: int) -> None:
        self.pictures = tuple(picture for picture in self.pictures if picture.images <= images)


def size_of(pictures: Iterable[Picture]) -> int:
    """Bytes of the pictures, as PNG."""
    return sum(len(picture.png) for picture in pictures)
