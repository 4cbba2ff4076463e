"""What each command of the command line does, from its parsed arguments. Errors are UserErrors."""

import json
import os
import shlex
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, distributed

from genmodels import checkpoint, data, own_data, rescue, writing
from genmodels import export as take_home
from genmodels.errors import UserError
from genmodels.models import MODELS, can
from genmodels.models.base import Real, Whole, settings_of
from genmodels.pictures import gif, interleave, png, reconstructions, sheet, to_uint8
from genmodels.record import columns_of
from genmodels.run import Run, Snapshot
from genmodels.theory.interpolation import lerp, slerp

COUNT = Whole(1, 100_000, "images")
STEPS = Whole(2, 1000, "steps")
SEED = Whole(0, 2**63 - 1, "seed")
TRUNCATION = Real(0.01, 10, "largest |z|")
SECONDS = 60.0  # of training, if nothing else is said


def list(arguments: Namespace) -> None:
    """Every model with its paper and settings."""
    models = {
        name: {
            "title": model.card.title,
            "year": model.card.year,
            "link": model.card.link,
            "conditional": model.conditional,
            "settings": {key: default for key, (_, default) in settings_of(model).items()},
        }
        for name, model in MODELS.items()
    }
    if arguments.json:
        print(json.dumps(models, indent=1))
        return
    for name, facts in models.items():
        values = " ".join(f"{key}={value}" for key, value in facts["settings"].items())
        print(f"{name:10} {facts['title']} ({facts['year']})\n{'':10} {values}")


def train(arguments: Namespace) -> None:
    """Trains in the foreground and saves; Ctrl-C ends the training, not the saving."""
    chief, device = _join_others(arguments.device)
    loud = chief and not arguments.quiet
    limits = {name: getattr(arguments, name) for name in ("seconds", "rounds", "images")}
    if all(value is None for value in limits.values()):
        limits["seconds"] = SECONDS
    resume = checkpoint.load(arguments.resume) if arguments.resume else None
    dataset, words = _learned(arguments, resume)
    settings = _settings(arguments.set)
    run = Run(
        arguments.model,
        dataset,
        settings,
        seed=arguments.seed,
        device=device,
        resume=resume,
        **limits,
    )
    out = arguments.out or Path("runs", f"{run.model}-{run.dataset.name}-{run.seed}.safetensors")
    writing.check_place(out, 2 * sum(part.nbytes for part in run.trainer.state().values()))  # as optimisers fill
    if loud:
        print(*words, f"{arguments.model} on {run.dataset.describe()}", sep="\n", flush=True)
    signal.signal(signal.SIGINT, lambda number, frame: run.stop())
    signal.signal(signal.SIGTERM, lambda number, frame: run.stop())
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal is closed
        signal.signal(signal.SIGHUP, lambda number, frame: run.stop())
    last = run.run(ProgressLine() if loud else None)
    if loud and sys.stdout.isatty():
        print()
    if last.state == "failed":
        raise UserError(last.message + (_what_there_is(run, out) if chief else ""))
    if not chief:
        return
    out = rescue.save(run, out)
    if loud:
        words = {"done": "Saved", "stopped": "Stopped and saved"}[last.state]
        what = ["--data", str(arguments.data)] if arguments.data else [run.dataset.name]
        if arguments.mirror is not None:
            what.append("--mirror" if arguments.mirror else "--no-mirror")
        again = ["python", "-m", "genmodels", "train", arguments.model, *what, "--resume", str(out)]
        print(f"{words} after {last.images:,} images in {last.seconds:.1f} s: {out}")
        print(f"Go on with: {shlex.join([*again, '--out', str(out)])}")


def _what_there_is(run: Run, out: Path) -> str:
    """Saves what a run had learned before it failed, beside what stands there."""
    if not run.trainer.round_number or not run.trainer.finite():
        return ""
    return f" What it had learned until then is in {rescue.save(run, writing.free(out))}."


class ProgressLine:
    """One line that says where a run stands, rewritten twice a second at most; in a file, a line every ten."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._next, self._last = 0.0, ""

    def __call__(self, now: Snapshot) -> None:
        if (time.monotonic() < self._next or not now.round) and now.state == "running":
            return
        self._next = time.monotonic() + (0.5 if self._terminal else 10.0)
        terms = "  ".join(f"{name} {values[-1]:.3f}" for name, (_, values) in now.curves.items())
        left = f"  {now.left:.0f} s left" if now.left else ""
        line = f"{now.images:>9,} images  {now.rate:,.0f}/s{left}  {terms}  {now.message}".rstrip()
        if line == self._last or now.state == "waiting":
            return
        self._last = line
        with suppress(OSError):  # who watched has gone, or the disk is full: the run goes on
            print(f"\r\x1b[K{line}" if self._terminal else line, end="" if self._terminal else "\n", flush=True)


def sample(arguments: Namespace) -> None:
    """Samples as a sheet (PNG) or as tensors (safetensors)."""
    saved = checkpoint.load(arguments.file)
    model, count = saved.model, COUNT.check("--count", arguments.count)
    if not can(model, "sample"):
        raise UserError(f"{model.name} cannot generate: try reconstruct.")
    if arguments.truncation is not None and not can(model, "truncate"):
        raise UserError(f"{model.name} does not truncate: leave --truncation out.")
    generator = torch.Generator().manual_seed(SEED.check("--seed", arguments.seed))
    labels = _labels(arguments.labels, count, model.classes, model.conditional)
    z = model.latents(count, generator)
    if arguments.truncation is not None:
        threshold = TRUNCATION.check("--truncation", arguments.truncation)
        z = model.truncate(z, threshold, generator)
        model.settle(threshold, generator)
    parts = zip(z.split(500), labels.split(500), strict=True)
    with torch.no_grad():
        images = torch.cat([to_uint8(model.to_unit(model.sample(z, some))) for z, some in parts])
    columns = columns_of(model.conditional, model.classes)
    _write(arguments.out, images, columns, {"labels": labels} if model.conditional else {})


def export(arguments: Namespace) -> None:
    """A saved run as a script, a notebook, and a zip that holds both beside the weights."""
    for path in take_home.export(arguments.file, arguments.out):
        print(path)


def reconstruct(arguments: Namespace) -> None:
    """Test images above their reconstructions."""
    saved = checkpoint.load(arguments.file)
    if not can(saved.model, "reconstruct"):
        raise UserError(f"{saved.model.name} cannot reconstruct: try sample.")
    dataset = _dataset(saved, arguments.data)
    most = len(dataset.test_images)
    count = Whole(1, most, "").check("--count", min(32, most) if arguments.count is None else arguments.count)
    columns = min(8, count)
    labels = dataset.test_labels[:count]
    originals = saved.model.from_uint8(dataset.test_images[:count])
    rows = reconstructions(saved.model, originals, labels, torch.Generator().manual_seed(0))
    if arguments.out.suffix == ".safetensors":
        _write(arguments.out, to_uint8(rows[-1]), 8, {"originals": to_uint8(rows[0]), "labels": labels})
    else:
        _write(arguments.out, to_uint8(interleave(rows, columns)), columns, {})


def interpolate(arguments: Namespace) -> None:
    """A walk from one latent point to another."""
    saved = checkpoint.load(arguments.file)
    model, steps = saved.model, STEPS.check("--steps", arguments.steps)
    ends = (arguments.start, arguments.end)
    labels = torch.zeros(2, dtype=torch.int64)
    if can(model, "encode"):
        dataset = _dataset(saved, arguments.data)
        index = [Whole(0, len(dataset.test_images) - 1, "").check("FROM and TO", end) for end in ends]
        labels = dataset.test_labels[index]
        with torch.no_grad():
            z = model.encode(model.from_uint8(dataset.test_images[index]), labels)
    else:
        seeds = [SEED.check("FROM and TO", end) for end in ends]
        z = torch.cat([model.latents(1, torch.Generator().manual_seed(seed)) for seed in seeds])
    t = torch.linspace(0, 1, steps)[:, None]
    try:
        path = (slerp if arguments.path == "slerp" else lerp)(z[:1], z[1:], t)
    except ValueError as error:
        raise UserError(str(error)) from error
    # A class cannot be half: the walk changes it in the middle.
    labels = labels[(t[:, 0] > 0.5).long()]
    with torch.no_grad():
        images = model.to_unit(model.decode(path, labels) if can(model, "decode") else model.sample(path, labels))
    if arguments.out.suffix == ".gif":
        checkpoint.write(arguments.out, gif([sheet(image[None], 1) for image in to_uint8(images)]))
        print(arguments.out)
    else:
        _write(arguments.out, to_uint8(images), steps, {})


def info(arguments: Namespace) -> None:
    """What a file holds, in words or as JSON."""
    saved = checkpoint.load(arguments.file)
    facts: dict[str, Any] = {
        "model": saved.model.name,
        "dataset": saved.dataset,
        "shape": saved.model.shape,
        "classes": saved.model.classes,
        **({"names": saved.names} if saved.names else {}),
        "seed": saved.seed,
        "rounds": saved.rounds,
        "images": saved.images,
        "seconds": saved.seconds,
        "parameters": sum(parameter.numel() for parameter in saved.model.parameters()),
        "can_resume": saved.can_resume,
        "settings": saved.model.settings(),
    }
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    settings = " ".join(f"{key}={value}" for key, value in facts.pop("settings").items())
    for name, value in facts.items():
        print(f"{name:11} {value}")
    print(f"{'settings':11} {settings}")


def download(arguments: Namespace) -> None:
    """Fetches complete data sets to where `load` finds them."""
    for name in arguments.datasets:

        def progress(file: str, done: int, whole: int) -> None:
            share = f" of {whole / 1e6:.1f}" if whole else ""
            print(f"\r\x1b[K{file}: {done / 1e6:.1f}{share} MB", end="", flush=True)

        place = data.download(name, progress=progress if sys.stdout.isatty() else None)
        print(f"\r{name}: {place}")


def _join_others(device: str | None) -> tuple[bool, str | None]:
    """Under torchrun joins the other processes; whether this one speaks and saves, and the device to train on."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return True, device
    if device not in (None, "cpu", "cuda"):
        raise UserError("Under torchrun each process takes the card of its own number: leave --device out, or say cpu.")
    cuda = torch.cuda.is_available() and device != "cpu"
    if cuda:
        cards = torch.cuda.device_count()
        if int(os.environ["LOCAL_WORLD_SIZE"]) > cards:
            raise UserError(f"There are too few cards: use --nproc-per-node {cards}, or --device cpu.")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if cuda else "gloo")
    return distributed.get_rank() == 0, device or (None if cuda else "cpu")  # gloo knows no MPS


def _settings(pairs: Any) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"--set takes NAME=VALUE, not {pair!r}.")
    return dict(pair.split("=", 1) for pair in pairs)


def _labels(text: str | None, count: int, classes: int, conditional: bool) -> Tensor:
    """The labels asked for, again and again up to `count`; without a word, all in turn."""
    if text is not None and not conditional:
        raise UserError("This model knows no labels: leave --labels out.")
    try:
        wanted = range(classes) if text in (None, "all") else [int(word) for word in text.split(",")]
    except ValueError:
        wanted = [-1]
    if any(not 0 <= label < classes for label in wanted):
        raise UserError(f"--labels takes numbers from 0 to {classes - 1} with commas between them, or all.")
    return torch.tensor([*wanted]).repeat(-(-count // len(wanted)))[:count]


def _learned(arguments: Namespace, resume: checkpoint.Checkpoint | None) -> tuple[data.Dataset, Sequence[str]]:
    """The data set to train on, and what there is to say of one's own pictures."""
    if arguments.data and arguments.dataset:
        raise UserError("Give the name of a data set or --data PATH, not both.")
    if arguments.data and resume:
        return own_data.of(resume, arguments.data, arguments.mirror), ()
    if arguments.data:
        colour = None if arguments.colour is None else arguments.colour == "colour"
        own = own_data.read(arguments.data, arguments.side, colour, arguments.mirror)
        return own.dataset, own.words
    if (arguments.side, arguments.colour, arguments.mirror) != (None, None, None):
        raise UserError("--side, --colour and --mirror belong to --data PATH.")
    if not arguments.dataset and not resume:
        raise UserError(f"Say what to learn: {', '.join(data.NAMES)}, or --data PATH for pictures of your own.")
    return data.load(arguments.dataset or resume.dataset), ()


def _dataset(saved: checkpoint.Checkpoint, path: Path | None) -> data.Dataset:
    dataset = own_data.of(saved, path)
    if dataset.shape != saved.model.shape:
        raise UserError(f"The file's images are not shaped like those of {dataset.title}.")
    return dataset


def _write(path: Path, images: Tensor, columns: int, beside: dict[str, Tensor]) -> None:
    """Images (N, C, H, W) of bytes as a sheet or, with what belongs to them, as tensors."""
    if path.suffix == ".png":
        checkpoint.write(path, png(sheet(images, columns)))
    elif path.suffix == ".safetensors":
        checkpoint.write(path, to_bytes({"images": images.contiguous()} | beside))
    else:
        raise UserError(f"{path} must end in .png or .safetensors.")
    print(path)
