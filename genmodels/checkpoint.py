"""A run on the disk, as safetensors: the averaged model for sampling, and all it takes to train on exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from genmodels.models.base import Model
from genmodels.training import Trainer


@dataclass(frozen=True)
class Checkpoint:
    model: Model
    dataset: str
    seed: int
    seconds: float
    state: dict[str, Tensor]
    can_resume: bool


def save(path: str | Path, trainer: Trainer, dataset: str, seed: int, seconds: float) -> None: ...
