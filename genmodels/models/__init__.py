"""All models, found by themselves: a file in this folder that defines a Model under its own name is one."""

import importlib
import pkgutil
import threading
from typing import Any

import torch

from genmodels.errors import UserError
from genmodels.models.base import Model, settings_of

_building = threading.Lock()


def _find() -> dict[str, type[Model]]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and value.__module__.endswith("." + module.name) and "card" in vars(value):
                found[module.name] = value
    return found


MODELS: dict[str, type[Model]] = _find()


def build(name: str, shape: tuple[int, int, int], classes: int, seed: int = 0, **values: Any) -> Model:
    """A new model with weights drawn from `seed`; unknown names and values out of bounds are a UserError."""
    if name not in MODELS:
        raise UserError(f"There is no model {str(name)[:40]!r}; choose one of {', '.join(MODELS)}.")
    known = settings_of(MODELS[name])
    for key in values:
        if key not in known:
            raise UserError(f"{name} has no setting {str(key)[:40]!r}; it has {', '.join(known)}.")
    checked = {key: kind.check(key, values.get(key, default)) for key, (kind, default) in known.items()}
    # Initialisation draws from torch's global generator: put it back, one builder at a time.
    with _building, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS[name](shape, classes, **checked)
    model.name = name
    return model


def can(model: Model | type[Model], ability: str) -> bool:
    """Whether a model has an ability such as "sample", "encode", "reconstruct" or "bound"."""
    return callable(getattr(model, ability, None))
