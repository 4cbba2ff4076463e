"""What a training needs before its first round, and plain words for what can go wrong."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from genmodels import precision
from genmodels.checkpoint import Checkpoint
from genmodels.data import OWN, Dataset
from genmodels.errors import UserError
from genmodels.models import MODELS, build
from genmodels.models.base import Batch, Model, settings_of
from genmodels.own_data import check, moved
from genmodels.training import Trainer, best_device

log = logging.getLogger(__name__)


class Interrupted(Exception):
    """A round was left between two of its steps, or a measurement before its end."""


class StoppableTrainer(Trainer):
    """A trainer that leaves what it does once its deadline (`time.perf_counter`) has passed; a round not where other
    processes would wait for it."""

    deadline = math.inf
    shift, mirror = 0, False  # how images are moved that are few

    def batch(self) -> Batch:
        if self.world == 1:
            self._check()
        batch = super().batch()
        if not self.shift and not self.mirror:
            return batch
        return replace(batch, images=moved(batch.images, self.shift, self.mirror, self.order))

    def settle(self) -> None:
        """Measures how to compute fastest, and does so from now on; left at once after the deadline."""

        def check(module: nn.Module, inputs: object) -> None:  # a function, for it is copied with the model
            self._check()

        def unhook(done: Future) -> None:
            for hook in hooks:
                hook.remove()

        # A backward pass can take seconds: it is waited for in another thread, which ends at its next layer.
        hooks = [module.register_forward_pre_hook(check) for module in self.model.modules()]
        executor = ThreadPoolExecutor(1)
        plan = executor.submit(precision.choose, self.model, self.device)
        plan.add_done_callback(unhook)
        executor.shutdown(wait=False)
        while not plan.done():
            wait([plan], timeout=0.1)
            self._check()
        self.use(plan.result())

    def _check(self) -> None:
        if time.perf_counter() > self.deadline:
            raise Interrupted


def prepare(
    model: str, dataset: Dataset, settings: dict[str, Any], seed: int, device: str | None, resume: Checkpoint | None
) -> StoppableTrainer:
    """A trainer at its first round, or where a checkpoint left it; then only live settings may differ from it."""
    where = check_device(device)
    known = settings_of(MODELS[model]) if model in MODELS else {}
    for name in settings:
        if known and name not in known:
            raise UserError(f"{model} has no setting {name[:40]!r}; it has {', '.join(known)}.")
    if resume is None:
        network = build(model, dataset.shape, len(dataset.classes), seed, **settings)
        return _trainer(network, dataset, seed, where)
    if (resume.model.name, resume.dataset) != (model, dataset.name):
        raise UserError(f"The file holds {resume.model.name} on {resume.dataset}, not {model} on {dataset.name}.")
    if resume.dataset == OWN:
        check(resume, dataset)
    before = resume.model.settings()
    network = build(model, dataset.shape, len(dataset.classes), seed, **before)
    for name, value in settings.items():
        if known[name][0].check(name, value) != before[name]:
            network.change(name, value)
    trainer = _trainer(network, dataset, seed, where)
    _restore(trainer, resume.state if resume.can_resume else _begun(resume), seed)
    return trainer


def _trainer(network: Model, dataset: Dataset, seed: int, device: str) -> StoppableTrainer:
    trainer = StoppableTrainer(network, dataset.images, dataset.labels, seed, device)
    trainer.shift, trainer.mirror = dataset.shift, dataset.mirror
    return trainer


def _begun(saved: Checkpoint) -> dict[str, torch.Tensor]:
    """A training state of a file that holds averaged weights alone: the model's own are the same, and the optimisers
    know nothing yet."""
    own = {name.replace("average.", "model.", 1): tensor for name, tensor in saved.state.items()}
    place = torch.tensor([saved.rounds, saved.images, saved.seconds], dtype=torch.float64)
    return own | saved.state | {"counters": place}


def _restore(trainer: Trainer, state: dict[str, torch.Tensor], seed: int) -> None:
    rank = torch.distributed.get_rank() if trainer.world > 1 else 0
    fresh = {"random.order": trainer.order, "random.noise": trainer.noise}
    # Random numbers go on where they were, except on another kind of device, another process, or from weights alone.
    for place, (name, generator) in enumerate(fresh.items()):
        if rank or name not in state or generator.get_state().shape != state[name].shape:
            generator.manual_seed(hash((seed, rank, place, *state["counters"].tolist()[:2])) & 0x7FFFFFFF)
            state = state | {name: generator.get_state()}
    trainer.restore(state)


def check_device(name: str | None) -> str:
    """The name of a device that can be used; the best one if none is asked for."""
    if name is None:
        return str(best_device())
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"The device {name[:40]!r} cannot be used on this computer.") from error
    return name


@contextmanager
def in_words() -> Iterator[None]:
    """Turns a lack of memory into a sentence; other errors pass."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _lacks_memory(error):
            raise
        raise UserError(sentence(error)) from error


def sentence(error: Exception) -> str:
    """What to tell a person about an error; one that nobody expected is logged whole."""
    if isinstance(error, UserError):
        return str(error)
    if _lacks_memory(error):
        return "There is not enough memory: choose a smaller batch or a smaller network."
    log.error("A run failed.", exc_info=error)
    return f"The run failed unexpectedly ({type(error).__name__}); the log says more."


def _lacks_memory(error: Exception) -> bool:
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or (isinstance(error, RuntimeError) and "memory" in str(error).lower())
