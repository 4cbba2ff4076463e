"""The trained models that come along: weights/<model>-<dataset>.safetensors, each with its figures and its command.

python -m genmodels.weights ship FILE --machine "two CPU cores"   a finished run, halved in size and evaluated
python -m genmodels.weights table                                 weights/README.md and its pictures
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from genmodels import checkpoint, data
from genmodels.checkpoint import Checkpoint
from genmodels.errors import UserError
from genmodels.evaluation import evaluate
from genmodels.models import MODELS, can
from genmodels.pictures import interleave, png, reconstructions, sheet, to_uint8

FOLDER = Path(__file__).resolve().parent.parent / "weights"
LARGEST = 8 * 2**20  # bytes of one file
SHOWN = 80  # images of a picture, ten in a row
FIGURES = {  # key of a figure -> its name in the table and its digits
    "feature_distance": ("feature distance", 2),
    "coverage": ("coverage", 2),
    "label_agreement": ("labels obeyed", 3),
    "iwae_nats": ("bound, nats", 2),
    "nll_nats": ("exact NLL, nats", 2),
    "bits_per_dim": ("bits per dimension", 2),
    "bayes_accuracy": ("Bayes accuracy", 3),
    "reconstruction_mse": ("squared error", 4),
    "nearest_ratio": ("nearest ratio", 2),
}


def path_of(model: str, dataset: str) -> Path:
    """Where the weights of a model on a data set stand, whether they are there or not."""
    return FOLDER / f"{model}-{dataset}.safetensors"


def shelf() -> list[Path]:
    """The files there are, in the order of the models."""
    paths = [path_of(model, dataset) for dataset in data.NAMES for model in MODELS]
    return [path for path in paths if path.exists()]


def command_of(*pieces: Checkpoint) -> str:
    """The command that trains the like again; every setting, for defaults may change. Where live settings were changed
    on the way, one command for each of the run's states at such a moment and one to its end."""
    commands, rounds, known = [], 0, {}
    for piece in pieces:
        model, settings = piece.model, piece.model.settings()
        words = ["train", model.name, piece.dataset, "--rounds", piece.rounds - rounds, "--seed", piece.seed]
        if commands:
            words += ["--resume", f"runs/{model.name}-{piece.dataset}-{piece.seed}.safetensors"]
        for name, value in settings.items():
            words += ["--set", f"{name}={value}"] if known.get(name) != value else []
        commands.append(shlex.join(["python", "-m", "genmodels", *map(str, words)]))
        rounds, known = piece.rounds, settings
    return " && ".join(commands)


def ship(path: Path, machine: str, out: Path | None = None, before: Sequence[Path] = ()) -> Path:
    """Writes the averaged weights of a run in half precision, with the figures of what was written. `before` holds the
    run as it was whenever live settings were changed.

    UserError where the file is larger than it may be, or half precision does not hold it.
    """
    saved = checkpoint.load(path)
    with safe_open(path, "pt") as file:
        facts = dict(file.metadata())
    tensors = {name: tensor for name, tensor in saved.state.items() if name.startswith("average.")}
    small = {name: half(tensor) for name, tensor in tensors.items()}
    if not all(bool(tensor.isfinite().all()) for tensor in small.values()):
        raise UserError(f"{path} holds numbers too large for half precision.")
    out = out or path_of(saved.model.name, saved.dataset)
    facts |= {"command": command_of(*map(checkpoint.load, before), saved), "machine": machine}
    content = to_bytes(small, facts)
    if len(content) > LARGEST:
        raise UserError(f"{out.name} would take {len(content) / 2**20:.1f} MB: train a narrower model.")
    checkpoint.write(out, content)
    figures = evaluate(checkpoint.load(out))  # of what will be read back
    checkpoint.write(out, to_bytes(small, facts | {"figures": json.dumps(figures)}))
    return out


def half(tensor: Tensor) -> Tensor:
    """In half precision if it is a float, and free of its neighbours in memory."""
    return (tensor.half() if tensor.is_floating_point() else tensor).contiguous().clone()


def figures_of(path: Path) -> dict[str, Any]:
    """What `evaluate` found when a file was shipped; UserError where it is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("figures", "{}"))
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise UserError(f"{path.name} cannot be read: it is missing or damaged.") from error


@torch.no_grad()
def picture(saved: Checkpoint) -> bytes:
    """Samples in the order of their seed, one class a column where there are classes; or test images above their
    reconstructions."""
    model = saved.model
    if can(model, "sample"):
        z = model.latents(SHOWN, torch.Generator().manual_seed(0))
        labels = torch.arange(SHOWN) % model.classes
        return png(sheet(to_uint8(model.to_unit(model.sample(z, labels))), 10))
    test = data.load(saved.dataset)
    images, labels = model.from_uint8(test.test_images[:40]), test.test_labels[:40]
    rows = reconstructions(model, images, labels, torch.Generator().manual_seed(0))
    return png(sheet(to_uint8(interleave(rows, 10)), 10))


def table() -> str:
    """The README of the folder, from what the files say of themselves."""
    lines = [
        "# Weights",
        "",
        "Written by `python -m genmodels.weights table`. The averaged weights of each run in half precision; figures",
        "by `python -m genmodels evaluate FILE` on exactly these files. The floor of a feature distance is that of",
        "training images against test images, the same number on both sides.",
    ]
    for path in shelf():
        saved, figures = checkpoint.load(path), figures_of(path)
        with safe_open(path, "pt") as file:
            facts = file.metadata()
        picture_path = path.with_suffix(".png")
        shown = "Samples" if can(saved.model, "sample") else "Reconstructions"
        checkpoint.write(picture_path, picture(saved))
        lines += [
            "",
            f"## {saved.model.name} on {saved.dataset}",
            "",
            f"{saved.model.card.title}. {saved.images:,} images seen in {saved.seconds / 60:.0f} minutes on "
            f"{facts.get('machine', 'a machine unknown')}; {path.stat().st_size / 1e6:.1f} MB.",
            "",
            f"`{facts.get('command', command_of(saved))}`",
            "",
            f"{'; '.join(said(figures)) or 'Not evaluated'}.",
            "",
            f"![{shown} of {saved.model.name}]({picture_path.name})",
        ]
    return "\n".join(lines) + "\n"


def said(figures: dict[str, Any]) -> list[str]:
    """The figures that apply, in words."""
    return [
        f"{name} {figures[key]:.{digits}f}" + beside(key, figures)
        for key, (name, digits) in FIGURES.items()
        if figures.get(key) is not None
    ]


def beside(key: str, figures: dict[str, Any]) -> str:
    """What a figure means nothing without."""
    if key == "feature_distance":
        floor = figures["feature_distance_floor"]
        return f" ({figures[key] / floor:.1f} floors of {floor:.4f}, n = {figures['count']:,})"
    return f" (K = {figures['iwae_k']:,})" if key == "iwae_nats" else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m genmodels.weights", description=__doc__.splitlines()[0])
    adder = parser.add_subparsers(dest="deed", required=True)
    adding = adder.add_parser("ship")
    adding.add_argument("file", type=Path)
    adding.add_argument("--machine", required=True, help="what it was trained on, in words")
    adding.add_argument("--before", type=Path, nargs="+", default=(), help="the run before each change of settings")
    adder.add_parser("table")
    arguments = parser.parse_args()
    try:
        if arguments.deed == "ship":
            print(ship(arguments.file, arguments.machine, before=arguments.before))
        else:
            checkpoint.write(FOLDER / "README.md", table().encode())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
