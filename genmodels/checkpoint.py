"""A run on the disk, as safetensors: the averaged model for sampling, and all it takes to train on exactly.

A file comes from anywhere: its header is read and held against the model it names before any tensor is.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from genmodels import __version__
from genmodels.errors import UserError
from genmodels.models import MODELS, build
from genmodels.models.base import Model, settings_of
from genmodels.own_data import plain
from genmodels.precision import Plan
from genmodels.training import Trainer
from genmodels.writing import write

FORMAT = "genmodels 1"
LARGEST_HEADER = 2**20  # bytes
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1}  # bytes of an element
MOST_SIDES = 8  # of a tensor: whole numbers too many to be multiplied soon are no shape
RANDOM = 20_000  # bytes of a random generator's state at most
LARGEST_SIDE = 64  # pixels

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds; `model` has the averaged weights and is in eval mode, `state` is the trainer's."""

    model: Model
    dataset: str
    seed: int
    rounds: int
    images: int
    seconds: float
    state: dict[str, Tensor]
    can_resume: bool
    names: tuple[str, ...]  # of the classes of one's own pictures, else none
    plan: Plan | None  # by which the run computed; None: the file does not say


def save(
    path: str | Path, trainer: Trainer, dataset: str, seed: int, seconds: float, names: Sequence[str] = ()
) -> None:
    """Writes a training so that it can be sampled from and resumed: the whole file or, on any failure, none of it.

    `names` are those of the classes, where the data set is not one that this program knows.
    Raises UserError where the folder cannot be written to.
    """
    write(Path(path), packed(trainer, dataset, seed, seconds, names))


def packed(trainer: Trainer, dataset: str, seed: int, seconds: float, names: Sequence[str] = ()) -> bytes:
    """What `save` writes."""
    model = trainer.view()
    metadata = {
        "format": FORMAT,
        "version": __version__,
        "model": model.name,
        "dataset": dataset,
        "shape": json.dumps(model.shape),
        "classes": str(model.classes),
        **({"names": json.dumps(names)} if names else {}),
        "settings": json.dumps(model.settings()),
        "seed": str(seed),
        "rounds": str(trainer.round_number),
        "images": str(trainer.seen),
        "seconds": str(seconds),
        "plan": json.dumps(asdict(trainer.plan)),
    }
    return to_bytes({name: tensor.cpu() for name, tensor in trainer.state().items()}, metadata)


def checksum(tensors: Iterable[Tensor]) -> int:
    """CRC-32 of what tensors hold, one after the other: tells weights or images from others."""
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.cpu().contiguous().numpy(), total)
    return total


def load(path: str | Path) -> Checkpoint:
    """Reads a file; UserError, in one sentence, for anything that is not a sound checkpoint."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would keep us waiting for ever
            raise UserError(f"{path} cannot be read: it is not a file.")
        size = path.stat().st_size
        with path.open("rb") as file:
            header = _header(file.read(8 + LARGEST_HEADER), size, path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise UserError(f"{path.name} was not saved by this program: load a file it has written.")
    try:
        shape, classes, settings, facts = _facts(metadata)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path.name} does not say what it holds: its description is damaged.") from error
    with torch.device("meta"):  # shapes alone: nothing large is made for a file that lies
        outline = build(metadata["model"], shape, classes, **settings)
    _compare({name: tuple(entry["shape"]) for name, entry in header.items()}, outline, path)
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in header}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path.name} cannot be read: it is damaged.") from error
    if not all(bool(tensor.isfinite().all()) for tensor in state.values() if tensor.is_floating_point()):
        raise UserError(f"{path.name} holds numbers that are not finite: its run had failed.")
    if "counters" in state and state["counters"].tolist()[:2] != [facts["rounds"], facts["images"]]:
        raise UserError(f"{path.name} contradicts itself about how long it was trained.")
    model = build(metadata["model"], shape, classes, **settings).eval().requires_grad_(False)
    model.load_state_dict({n.removeprefix("average."): t for n, t in state.items() if n.startswith("average.")})
    return Checkpoint(model, **facts, state=state, can_resume="counters" in state)


def _header(start: bytes, size: int, path: Path) -> dict[str, Any]:
    """The table of tensors in a safetensors file, its entries covering the file without gap or overlap."""
    damaged = UserError(f"{path.name} is not a sound safetensors file: it is damaged or something else.")
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise damaged
    try:
        header = json.loads(start[8 : 8 + length], object_pairs_hook=_without_twins)
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        places = [(*entry["data_offsets"], SIZES[entry["dtype"]], tuple(entry["shape"])) for entry in tensors]
        spans = [(begin, after, width, shape) for begin, after, width, shape in sorted(places)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged from error
    end = 0
    for begin, after, width, shape in spans:
        sound = all(type(number) is int and 0 <= number <= size for number in (begin, after, *shape))
        if not sound or len(shape) > MOST_SIDES or begin != end or after - begin != width * math.prod(shape):
            raise damaged
        end = after
    if end != size - 8 - length:
        raise damaged
    return header


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _facts(metadata: dict[str, str]) -> tuple[tuple[int, int, int], int, dict[str, Any], dict[str, Any]]:
    """Shape, classes, settings, and what a Checkpoint says of the run; ValueError for what cannot be."""
    shape, classes = tuple(json.loads(metadata["shape"])), int(metadata["classes"])
    settings = json.loads(metadata["settings"])
    whole = len(shape) == 3 and all(type(side) is int for side in shape)
    if not whole or shape[0] not in (1, 3) or not 4 <= shape[1] == shape[2] <= LARGEST_SIDE or not 1 <= classes <= 1000:
        raise ValueError("no such images")
    if not isinstance(settings, dict) or not set(settings) <= set(settings_of(MODELS[metadata["model"]])):
        raise ValueError("no such model")
    names = json.loads(metadata.get("names", "[]"))
    known = isinstance(names, list) and len(names) in (0, classes) and all(type(name) is str for name in names)
    if len(metadata["dataset"]) > 200 or not known or any(plain(name) != name for name in names):
        raise ValueError("no such data set")
    plan = Plan(**json.loads(metadata["plan"])) if "plan" in metadata else None
    if plan and any(type(part) is not bool for part in asdict(plan).values()):
        raise ValueError("no such plan")
    facts = {
        "dataset": metadata["dataset"],
        "seed": int(metadata["seed"]),
        "rounds": int(metadata["rounds"]),
        "images": int(metadata["images"]),
        "seconds": float(metadata["seconds"]),
        "names": tuple(names),
        "plan": plan,
    }
    if not math.isfinite(facts["seconds"]) or min(facts["seed"], facts["rounds"], facts["images"]) < 0:
        raise ValueError("no such run")
    return shape, classes, settings, facts


def _compare(found: Shapes, outline: Model, path: Path) -> None:
    """Holds a file's tensors against the model: the averaged weights, and with them all of a training or nothing."""
    weights = {name: tuple(tensor.shape) for name, tensor in outline.state_dict().items()}
    average = {f"average.{name}": shape for name, shape in weights.items()}
    if found == average:
        return
    expected = average | {f"model.{name}": shape for name, shape in weights.items()} | {"counters": (3,)}
    rest = {name: shape for name, shape in found.items() if name not in expected}
    fits = all(found.get(name) == shape for name, shape in expected.items())
    random = [rest.pop(name, ()) for name in ("random.order", "random.noise")]
    fits &= all(len(shape) == 1 and shape[0] <= RANDOM for shape in random)
    slots = {player.name: [tuple(p.shape) for p in player.parameters] for player in outline.players()}
    for name, shape in rest.items():
        parts = name.split(".")
        known = len(parts) == 4 and parts[0] == "optimizer" and parts[1] in slots and parts[2].isdecimal()
        of = slots[parts[1]] if known else []
        fits &= known and int(parts[2]) < len(of) and shape in ((), of[int(parts[2])])
    if not fits:
        raise UserError(f"{path.name} does not fit the {outline.name} it says it holds.")
