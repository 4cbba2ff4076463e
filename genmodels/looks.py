"""What the averaged model does at a moment of its training, measured cheaply: the classes of its samples by the data
set's judge, their distance and variety, the units of a code in use, and its terms on seen beside held-out images."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor

from genmodels import judge, metrics
from genmodels.data import Dataset
from genmodels.errors import UserError
from genmodels.models import can
from genmodels.models.base import Batch, Model

SAMPLES = 256  # of a look at most
PIECE = 64  # drawn at once
PATIENCE = 0.3  # seconds of drawing after which a slow sampler is left with what it has
REFERENCE = 500  # test images whose features the samples' are compared with
COMPARED = 256  # training and held-out images behind the terms of either
ACTIVE = 0.01  # variance of a code's mean over images above which it is in use (Burda, Grosse & Salakhutdinov 2016)


@dataclass(frozen=True)
class Look:
    """What was seen after so many training images; what a model or a data set does not have is None or empty."""

    images: int
    seconds: float
    samples: int = 0  # judged
    shares: tuple[float, ...] = ()  # of the data set's classes among them
    distance: float | None = None  # squared Frechet distance of the judge's features to test images'
    variety: float | None = None  # variance of the samples' pixels, that of test images' being 1
    active: int | None = None  # units of a code that tell images apart
    codes: int | None = None  # of so many
    seen: dict[str, float] = field(default_factory=dict)  # held-out terms, on training images
    unseen: dict[str, float] = field(default_factory=dict)  # the same on held-out images, with the same noise


class Looker:
    """Looks with random numbers of its own."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self._dataset, self._seed = dataset, seed
        self._judge: judge.Judge | None = None
        with suppress(UserError):  # some data sets have no judge
            self._judge = judge.load_judge(dataset.name)
        self._seen = pick(dataset.images, dataset.labels)
        self._unseen = pick(dataset.test_images, dataset.test_labels)

    @torch.no_grad()
    def look(self, model: Model, device: torch.device, images: int, seconds: float) -> Look:
        """A model in eval mode, after so many images and seconds."""
        found: dict = {}
        if can(model, "sample"):
            found |= self._sampled(model, self._generator(device, images))
        if can(model, "posterior"):
            unseen, labels = (part.to(device) for part in self._unseen)
            mu, _ = model.posterior(model.from_uint8(unseen), labels)
            found |= {"active": int((mu.var(0) > ACTIVE).sum()), "codes": mu.shape[1]}
        if can(model, "held_out"):
            found |= {"seen": self._terms(model, device, images, *self._seen)}
            found |= {"unseen": self._terms(model, device, images, *self._unseen)}
        return Look(images, seconds, **found)

    def _sampled(self, model: Model, generator: torch.Generator) -> dict:
        start, parts = time.perf_counter(), []
        labels = (torch.arange(PIECE) % model.classes).to(generator.device)
        while len(parts) * PIECE < SAMPLES and time.perf_counter() - start < PATIENCE:
            z = model.latents(PIECE, generator)
            parts.append(model.to_unit(model.sample(z, labels)).cpu())
        samples = torch.cat(parts)
        if not samples.isfinite().all():
            return {}
        spread = judge.unit(self._unseen[0]).var(0).sum()
        found = {"samples": len(samples), "variety": (samples.var(0).sum() / spread).item()}
        if self._judge is None:
            return found
        features = self._judge.features(samples)
        shares = metrics.histogram(self._judge.head(features).argmax(1), len(self._dataset.classes))
        if len(samples) == SAMPLES:  # of few samples a distance says more about their number
            real, _ = metrics.reference(self._dataset, REFERENCE)
            found["distance"] = metrics.frechet_distance(features, real)
        return found | {"shares": tuple(shares.tolist())}

    def _terms(self, model: Model, device: torch.device, seen: int, images: Tensor, labels: Tensor) -> dict[str, float]:
        batch = Batch(model.from_uint8(images.to(device)), labels.to(device), self._generator(device, 0), seen)
        terms = {name: term.item() for name, term in model.held_out(batch).items()}
        return {name: value for name, value in terms.items() if math.isfinite(value)}

    def _generator(self, device: torch.device, images: int) -> torch.Generator:
        return torch.Generator(device).manual_seed(self._seed + images)


def pick(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Always the same rows of both, spread over the whole."""
    return metrics.some(images, COMPARED), metrics.some(labels, COMPARED)


def thinned(looks: tuple[Look, ...], most: int) -> tuple[Look, ...]:
    """Every second look where there are more than `most`, the last always among them."""
    return looks if len(looks) <= most else looks[(len(looks) - 1) % 2 :: 2]
