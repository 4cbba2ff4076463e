"""What processes do together, for test_distributed.py: torchrun --nproc-per-node 2 -m tests.ranks FOLDER

Each writes what it has at the end: FOLDER/<deed>-<rank>.safetensors and .json.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, distributed, nn

from genmodels import checkpoint
from genmodels.models import build
from genmodels.models.base import Model
from genmodels.run import Run
from genmodels.training import Trainer
from tests import scaling

IMAGES = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 10
WHOLE = 16  # images of all processes' batches together
SMALL = {"width": 16}
PLAIN = {"vae": {}, "gan": {"norm": "none"}, "wgan_gp": {}}  # where the batch enters by means of single images alone


def learned(trainer: Trainer) -> dict[str, Tensor]:
    """Weights, their average and the optimisers' memory."""
    trainer.view()
    return {k: v for k, v in trainer.state().items() if k.startswith(("model.", "average.", "optimizer."))}


def trained(name: str) -> dict[str, Tensor]:
    """Three rounds on the images that each process draws."""
    trainer = Trainer(build(name, (1, 28, 28), 10, 0, batch=16), IMAGES, LABELS, 0, "cpu")
    drawn = trainer.order.get_state()
    for _ in range(3):
        progress = trainer.round()
    return learned(trainer) | {"drawn": drawn, "images": torch.tensor(progress.images)}


def sharing(draw: Callable[..., Tensor], rank: int, world: int) -> Callable[..., Tensor]:
    """A source of random numbers of which each process takes its part: all together, those of one with the whole
    batch. The batch is the first axis, or the second where the first is 1."""

    def part(*size: Any, **options: Any) -> Tensor:
        size = list(size[0] if len(size) == 1 else size)
        axis = int(size[0] == 1)
        size[axis] *= world
        return draw(size, **options).chunk(world, axis)[rank]

    return part


def without_batch_norm(model: Model) -> Model:
    for part in list(model.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.BatchNorm1d):
                setattr(part, name, nn.Identity())
    return model


def whole_batch(name: str, rank: int, world: int) -> dict[str, Tensor]:
    """Five rounds in double precision on batches that are WHOLE images large, all processes together."""
    torch.set_default_dtype(torch.float64)
    randoms = torch.rand, torch.randn, torch.bernoulli
    torch.rand, torch.randn = (sharing(draw, rank, world) for draw in randoms[:2])
    torch.bernoulli = lambda p, generator: (torch.rand(p.shape, generator=generator) < p).to(p.dtype)
    try:
        model = without_batch_norm(build(name, (1, 28, 28), 10, 0, batch=WHOLE // world, **SMALL, **PLAIN[name]))
        model.from_uint8 = lambda images: type(model).from_uint8(model, images).double()
        trainer = Trainer(model, IMAGES, LABELS, 0, "cpu")
        trainer.order.manual_seed(0)
        trainer.noise.manual_seed(1)
        draw = torch.randint  # the images' places; other numbers are not drawn by it
        torch.randint = lambda high, size, **options: sharing(
            lambda size, **options: draw(high, size, **options), rank, world
        )(size, **options)
        for _ in range(5):
            progress = trainer.round()
        torch.randint = draw
        return learned(trainer) | {"images": torch.tensor(progress.images)}
    finally:
        torch.rand, torch.randn, torch.bernoulli = randoms
        torch.set_default_dtype(torch.float32)


def run(**limits: Any) -> Run:
    return Run("gan", "mnist", SMALL, device="cpu", **limits)


def ended(run: Run) -> tuple[dict[str, Any], dict[str, Tensor]]:
    last = run.run()
    facts = {"state": last.state, "message": last.message, "round": last.round, "images": last.images}
    return facts | {"generator_lr": last.settings["generator_lr"]}, learned(run.trainer)


def hurried(rank: int) -> Run:
    """The first has a second, the other a hundred."""
    return run(seconds=100 if rank else 1)


def interrupted(rank: int) -> Run:
    """The second alone is told to stop."""
    going = run(seconds=100)
    if rank:
        threading.Timer(1, going.stop).start()
    return going


def poisoned(rank: int) -> Run:
    """A weight of the second alone is no number when they look."""
    going = run(rounds=60)
    honest, poison = going.trainer.round, [25] * rank

    def round(only: str | None = None) -> Any:
        progress = honest(only)
        if progress.round in poison:
            poison.remove(progress.round)
            with torch.no_grad():
                next(going.trainer.model.parameters())[0, 0] = float("nan")
        return progress

    going.trainer.round = round
    return going


def resumed(folder: Path) -> Run:
    """From what the first saved of ten rounds."""
    first = run(rounds=10)
    first.run()
    if distributed.get_rank() == 0:
        first.save(folder / "ten.safetensors")
    distributed.barrier()
    return Run("gan", "mnist", {}, device="cpu", rounds=10, resume=checkpoint.load(folder / "ten.safetensors"))


def main(folder: Path) -> None:
    distributed.init_process_group(
        "gloo", timeout=timedelta(seconds=60)
    )  # one that waits in vain leaves no process behind
    torch.set_num_threads(1)
    rank, world = distributed.get_rank(), distributed.get_world_size()

    def keep(deed: str, tensors: dict[str, Tensor], facts: dict[str, Any] | None = None) -> None:
        save_file(tensors, folder / f"{deed}-{rank}.safetensors")
        (folder / f"{deed}-{rank}.json").write_text(json.dumps(facts))

    for name in ("dcgan", "vae"):
        keep(f"trained-{name}", trained(name))
    for name in PLAIN:
        keep(f"whole-{name}", whole_batch(name, rank, world))
    for deed, going in {"hurried": hurried, "interrupted": interrupted, "poisoned": poisoned}.items():
        facts, tensors = ended(going(rank))
        keep(deed, tensors, facts)
    again = resumed(folder)
    drawn = again.trainer.order.get_state()
    facts, tensors = ended(again)
    keep("resumed", tensors | {"drawn": drawn}, facts)
    keep("measured", {}, {"images_per_second": scaling.rate("vae", 0.1)})
    distributed.destroy_process_group()
    os._exit(0)  # as the command line does, and for the same reason


if __name__ == "__main__":
    main(Path(sys.argv[1]))
