"""How to compute: half precision, memory layout and threads, where this machine is found faster and right."""

import copy
import json
import math
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from genmodels.data import cache_folder
from genmodels.errors import UserError
from genmodels.models.base import Batch, Model
from genmodels.writing import write

GAIN = 0.85  # a plan must need less than this share of the plain time to be worth its rounding
THREADS = torch.get_num_threads()  # of a computation on the processor, where nobody says otherwise
COMPANY = 1.25  # threads wait for each other: beside other work they lose far more than they gain below this


@dataclass(frozen=True)
class Plan:
    """bfloat16 autocast and channels-last layout, or neither; on the processor in one thread, or in all."""

    bfloat16: bool = False
    channels_last: bool = False
    one_thread: bool = False


PLAIN = Plan()


def choose(model: Model, device: torch.device) -> Plan:
    """The fastest plan whose gradients agree with single precision, measured once per machine and kept.

    Keeping it makes a run repeatable: timings waver, the file does not. It is measured anew for other
    settings, another torch or another processor.
    """
    key = " ".join([torch.__version__, _processor(device), model.name, str(model.shape), str(model.settings())])
    path = cache_folder() / "precision.json"
    try:
        known = json.loads(path.read_text())
        return Plan(**known[key])
    except (OSError, ValueError, KeyError, TypeError):
        plan = _measure(model, device)
    _keep(path, key, plan)
    return plan


def _measure(model: Model, device: torch.device) -> Plan:
    if device.type == "mps":
        return PLAIN
    convolutional = any(parameter.dim() == 4 for parameter in model.parameters())
    # Convolutions in half precision want their channels last.
    plans = [Plan(channels_last=True), Plan(True, True)] if convolutional else [Plan(bfloat16=True)]
    plain, reference = _trial(model, PLAIN, device)
    best, fastest = PLAIN, plain
    for plan in plans:
        seconds, gradients = _trial(model, plan, device, most=10 * plain)
        if seconds < min(fastest, GAIN * plain) and _agree(gradients, reference):
            best, fastest = plan, seconds
    if device.type == "cpu" and THREADS > 1:
        alone = replace(best, one_thread=True)
        if _trial(model, alone, device)[0] < COMPANY * fastest:
            return alone
    return best


def _trial(model: Model, plan: Plan, device: torch.device, most: float = math.inf) -> tuple[float, list[Tensor]]:
    """Seconds of the fastest of three passes through every player's loss and gradient, and the gradients. A plan
    whose warm-up takes more than `most` seconds is not waited for."""
    model = apply(copy.deepcopy(model), plan)  # and this thread, which ends with the measurement
    times = []
    for _ in range(4):  # the first warms up
        generator = torch.Generator(device).manual_seed(0)
        images = torch.rand(model.batch, *model.shape, generator=generator, device=device)
        labels = torch.randint(model.classes, (model.batch,), generator=generator, device=device)
        gradients, start = [], time.perf_counter()
        for player in model.players():
            with torch.autocast(device.type, torch.bfloat16, enabled=plan.bfloat16):
                loss = player.loss(Batch(images, labels, generator))["loss"]
            found = torch.autograd.grad(loss, player.parameters, allow_unused=True)
            gradients.append(torch.cat([g.float().flatten() for g in found if g is not None]))
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        if times[0] > most:
            return math.inf, gradients
    return min(times[1:]), gradients


def _agree(gradients: list[Tensor], reference: list[Tensor]) -> bool:
    """Whether each player's gradient points where it does in single precision, at the same length within 5 %."""
    return all(
        bool(g.isfinite().all()) and torch.cosine_similarity(g, r, dim=0) > 0.99 and abs(g.norm() / r.norm() - 1) < 0.05
        for g, r in zip(gradients, reference, strict=True)
    )


def apply(model: Model, plan: Plan) -> Model:
    """Puts the convolutions' weights into the plan's layout, and gives the calling thread its helpers."""
    torch.set_num_threads(1 if plan.one_thread else THREADS)
    layout = torch.channels_last if plan.channels_last else torch.contiguous_format
    return model.to(memory_format=layout)


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()} {os.cpu_count()} {THREADS}"


def _keep(path: Path, key: str, plan: Plan) -> None:
    """Adds a plan to the file; a cache that cannot be written costs a measurement next time."""
    known: dict[str, object] = {}
    with suppress(OSError, ValueError):  # a damaged file, or none
        known = json.loads(path.read_text())
    with suppress(UserError, TypeError):
        write(path, json.dumps(known | {key: asdict(plan)}).encode())
