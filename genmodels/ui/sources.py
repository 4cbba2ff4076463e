"""The models that a page can ask: those that came along, and the run of the visitor who asks."""

import weakref
from dataclasses import dataclass
from functools import lru_cache

from genmodels import checkpoint, classify, data, drawn, latent, mixture, registry, scrutiny, weights
from genmodels.data import Dataset
from genmodels.errors import UserError
from genmodels.models import MODELS, can
from genmodels.models.base import Choice, Model
from genmodels.run import ENDED, Run

MINE = "my run"
NONE = "There is no run of yours to ask: start one in the Train tab, or choose another model."

REMEMBERED = [  # of models, so that the next question about one is answered sooner
    *(latent.codes, latent.plane, latent.grid, latent.mean_kl, latent.denoising_curve),
    *(mixture.of_codes, mixture.distances, drawn.settled, drawn.way, drawn.chained),
    *(scrutiny.among, scrutiny.references, scrutiny.yardstick, classify.quick),
]
_asked: weakref.WeakSet[Run] = weakref.WeakSet()


@dataclass(frozen=True)
class Source:
    """A model to ask, in eval mode, and where it comes from in words: "dcgan on MNIST, 60,000 images seen"."""

    model: Model
    dataset: Dataset
    origin: str


def choice(*abilities: str) -> Choice:
    """The control that chooses among all models with these abilities, the visitor's own run last."""
    names = [path.stem for path in weights.shelf()]
    able = [name for name in names if all(can(MODELS[name.rsplit("-", 1)[0]], ability) for ability in abilities)]
    return Choice((*able, MINE), "trained", front=True)


def source(name: str, run: str, *abilities: str) -> Source:
    """The model chosen by `choice(*abilities)`; UserError in words where there is none."""
    found = _run(run) if name == MINE else _shipped(name)
    missing = [ability for ability in abilities if not can(found.model, ability)]
    if missing:
        raise UserError(f"{found.model.name} cannot {missing[0]}: choose another model.")
    return found


@lru_cache(maxsize=8)
def _shipped(name: str) -> Source:
    saved = checkpoint.load(weights.path_of(*name.rsplit("-", 1)))
    return _source(saved.model, data.load(saved.dataset), saved.images)


def _run(identity: str) -> Source:
    run = registry.find(identity)
    if run is None:
        raise UserError(NONE)
    snapshot = run.snapshot()
    return _copied(identity, snapshot.round if snapshot.state in (*ENDED, "paused") else snapshot.revision)


@lru_cache(maxsize=8)
def _copied(identity: str, moment: int) -> Source:
    """One copy for all that is asked of a run at one moment."""
    run = registry.find(identity)
    if run is None:
        raise UserError(NONE)
    if run not in _asked:
        _asked.add(run)
        weakref.finalize(run, forget).atexit = False
    return _source(run.averaged().cpu(), run.dataset, run.snapshot().images)


def forget() -> None:
    """Lets go of what is remembered of models: a run that is gone, and somebody's own pictures, go from there too."""
    for remembered in REMEMBERED:
        remembered.cache_clear()


REMEMBERED.append(_copied)


def _source(model: Model, dataset: Dataset, images: int) -> Source:
    return Source(model, dataset, f"{model.name} on {dataset.title}, {images:,} images seen")
