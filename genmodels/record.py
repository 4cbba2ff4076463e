"""What a run keeps of itself: who looks at it, how often, and what that may cost."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genmodels.data import Dataset
from genmodels.history import Album, Curves, Picture, size_of
from genmodels.looks import Look, Looker, thinned
from genmodels.models import can
from genmodels.models.base import Batch
from genmodels.pictures import decoded, interleave, noise, png, reconstructions, sheet, to_uint8
from genmodels.training import Progress, Trainer

MARKS = 100  # kept of a run
LOOKS = 100  # kept of a run
ROWS = 8  # of samples on a sheet
HELD_OUT = 256  # test images behind a held-out term
CLOSER = 1.05  # pictures of a run that is compared: each after so many times the images of the one before
LOOK_AGAIN = 1.5  # and so for looks
CAPTIONS = {
    2: "Test images, each above its reconstruction",
    3: "Test images, each above its corrupted form and the model's answer to that",
}


class Budget:
    """Lets something happen at most every `interval` seconds and for at most `share` of the time; where that lasts
    longer than `patience` seconds, for at most a tenth of it. The first time is free: it warms up what later ones find
    ready."""

    def __init__(self, share: float, interval: float, patience: float = math.inf) -> None:
        self._share, self._interval, self._patience = share, interval, patience
        self._free, self._next = True, 0.0

    def due(self, seconds: float) -> bool:
        return seconds >= self._next

    @contextmanager
    def spend(self, seconds: float) -> Iterator[None]:
        start = time.perf_counter()
        yield
        cost = 0.0 if self._free else time.perf_counter() - start
        self._free = False
        pause = min(cost / self._share, max(self._patience, cost / 0.1))
        self._next = seconds + max(self._interval, pause)


class Observer:
    """Looks at a training through its averaged model, in eval mode and with random numbers of its own, so that the
    training is the same to the last bit whether anybody looks or not."""

    def __init__(self, trainer: Trainer, dataset: Dataset, seed: int, paired: bool) -> None:
        self.trainer, model, device = trainer, trainer.average, trainer.device
        self._draws = can(model, "sample") or (paired and can(model, "decode"))
        columns = columns_of(model.conditional, model.classes)
        if self._draws:
            generator = torch.Generator(device).manual_seed(seed)
            self._z = noise(model, ROWS * columns, generator)
        self._columns = columns
        self._labels = (torch.arange(ROWS * columns) % model.classes).to(device)
        self._images = dataset.test_images[: max(HELD_OUT, ROWS * columns)].to(device)
        self._classes = dataset.test_labels[: len(self._images)].to(device)

    @torch.no_grad()
    def picture(self, seconds: float) -> Picture:
        """Samples of always the same z, one class a column where there are labels; else test images over their
        reconstructions."""
        model, columns = self.trainer.view(), self._columns
        if self._draws:
            images = decoded(model, self._z, self._labels)
            caption = "Always the same z" if can(model, "sample") else "Always the same z from N(0, I), decoded"
            caption += ", one class a column" if model.conditional and model.classes > 1 else ""
        else:
            columns = min(columns, len(self._images))  # of one's own pictures few are held out
            count = min(ROWS // 2, len(self._images) // columns) * columns
            originals = model.from_uint8(self._images[:count])
            rows = reconstructions(model, originals, self._classes[:count], self._generator())
            images = interleave(rows, columns)
            caption = CAPTIONS[len(rows)]
        image = png(sheet(to_uint8(images), columns))
        return Picture(self.trainer.seen, seconds, image, caption)

    @torch.no_grad()
    def held_out(self) -> dict[str, float]:
        """The model's terms on test images, with the same noise each time; none where it has no such terms."""
        model = self.trainer.view()
        if not can(model, "held_out"):
            return {}
        images = model.from_uint8(self._images[:HELD_OUT])
        batch = Batch(images, self._classes[:HELD_OUT], self._generator(), self.trainer.seen)
        return {name: term.item() for name, term in model.held_out(batch).items()}

    def _generator(self) -> torch.Generator:
        return torch.Generator(self.trainer.device).manual_seed(0)


class Record:
    """All that is kept of a run for people to see. Looking takes 6 % of the time at most, up to 13 where pictures would
    else come less often than once a second, unless two are `paired`: then both are looked at after the same numbers of
    images, whatever it takes."""

    def __init__(self, trainer: Trainer, dataset: Dataset, seed: int, paired: bool) -> None:
        self._trainer, self._observer = trainer, Observer(trainer, dataset, seed, paired)
        self._paired, self._next_look = paired, 64 * trainer.model.batch
        self._looker = Looker(dataset, seed)
        self._terms, self._held_out, self._album = Curves(), Curves(), Album()
        self._drawing, self._testing, self._looking = Budget(0.03, 0.25, 0.75), Budget(0.01, 1.0), Budget(0.02, 1.0)
        self._next_picture = 0
        self._pace: deque[tuple[float, int]] = deque(maxlen=20)
        self.marks: tuple[tuple[int, str], ...] = ()
        self.looks: tuple[Look, ...] = ()

    def note(self, progress: Progress) -> None:
        """Reads a round's terms, where a point of the curves belongs."""
        if self._terms.due(progress.images):
            self._terms.add(progress.images, {name: term.item() for name, term in progress.terms.items()})

    def look(self, seconds: float, watched: bool) -> bool:
        """Draws and tests what is due; whether there is a new picture. Unwatched, their distances double."""
        if self._paired:
            return self._look_by_images(seconds)
        drawn = self._trainer.seen >= self._next_picture or (watched and self._drawing.due(seconds))
        if drawn:
            self.draw(seconds)
        if self._testing.due(seconds):
            _finish(self._trainer.device)
            with self._testing.spend(seconds):
                self._held_out.add(self._trainer.seen, self._observer.held_out())
        if self._looking.due(seconds):
            self.examine(seconds)
        return drawn

    def _look_by_images(self, seconds: float) -> bool:
        seen = self._trainer.seen
        drawn = seen >= self._next_picture
        if drawn:
            self.draw(seconds)
            self._next_picture = CLOSER * seen
            self._held_out.add(seen, self._observer.held_out())
        if seen >= self._next_look:
            self.examine(seconds)
            self._next_look = LOOK_AGAIN * seen
        return drawn

    def examine(self, seconds: float) -> None:
        """Looks at what the averaged model does."""
        _finish(self._trainer.device)
        with self._looking.spend(seconds):
            look = self._looker.look(self._trainer.view(), self._trainer.device, self._trainer.seen, seconds)
            before = tuple(old for old in self.looks if old.images < look.images)
            self.looks = thinned((*before, look), LOOKS)

    def draw(self, seconds: float) -> None:
        _finish(self._trainer.device)
        with self._drawing.spend(seconds):
            self._album.add(self._observer.picture(seconds))
        self._next_picture = max(2 * self._trainer.seen, 8 * self._trainer.model.batch)

    def mark(self, text: str) -> None:
        """Something happened here."""
        self.marks = (*self.marks[1 - MARKS :], (self._trainer.seen, text))

    def cut(self) -> None:
        """Forgets what came after the present place of a training that went back; its marks move here."""
        for part in (self._terms, self._held_out, self._album):
            part.cut(self._trainer.seen)
        self.looks = tuple(look for look in self.looks if look.images <= self._trainer.seen)
        self.marks = tuple((min(images, self._trainer.seen), text) for images, text in self.marks)
        self._pace.clear()

    @property
    def nbytes(self) -> int:
        """Bytes of the pictures, beside which curves, marks and looks are little."""
        return size_of(self._album.pictures)

    def rate(self, seconds: float) -> float:
        """Images per second over the last few seconds."""
        if not self._pace or seconds > self._pace[-1][0]:
            self._pace.append((seconds, self._trainer.seen))
        (first, before), (last, after) = self._pace[0], self._pace[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def curves(self) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
        return self._terms.view() | self._held_out.view()

    def pictures(self) -> tuple[Picture, ...]:
        return self._album.pictures


def _finish(device: torch.device) -> None:
    """Waits for work under way, so that looking is charged for itself alone."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def columns_of(conditional: bool, classes: int) -> int:
    """Columns of a sheet: one a class where labels enter, and again and again where classes are few."""
    return classes * max(1, 8 // classes) if conditional else 8
