"""What every model does in a minute on this machine: images per second, the first picture, the distance reached.

A row is measured once for each machine, model, data set and length, and kept in a file; the one that comes along
holds what the page and the README quote.
"""

import json
import os
import platform
import sys
import time
from argparse import Namespace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genmodels import checkpoint, data, metrics, precision
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.models import MODELS, can
from genmodels.models.base import Model, Real
from genmodels.pictures import to_uint8
from genmodels.prepare import prepare
from genmodels.training import best_device

PLACE = Path(__file__).with_name("bench.json")
DATASETS = ("mnist", "cifar10")
SECONDS = Real(1, 86_400, "seconds of training")
COUNT = 2000  # images behind a distance: as many as the smallest test part has
GLANCE = 500  # images behind a look on the way
FIRST_LOOK = 0.5  # seconds of training; each next one a fifth later, or once training took as long as the look
# Feature distances below which the eye knows what it sees; photographs at half their size are 8 from sharp ones.
RECOGNISABLE = {"mnist": 10.0, "cifar10": 10.0}

Row = dict[str, Any]


def bench(arguments: Namespace) -> None:
    """Measures what the file does not hold yet, and prints the rows asked for: a table, or one JSON object."""
    seconds = SECONDS.check("--seconds", arguments.seconds)
    for name in arguments.models:
        if name not in MODELS:
            raise UserError(f"There is no model {name[:40]!r}: choose among {', '.join(MODELS)}.")
    for name in arguments.datasets:
        data.load(name)
        load_judge(name)
    checkpoint.check_place(arguments.out)
    rows, here = read(arguments.out), machine()
    wanted = [(model, dataset) for dataset in arguments.datasets for model in arguments.models]
    for place, (model, dataset) in enumerate(wanted):
        known = find(rows, here, model, dataset, seconds)
        if known and not arguments.again:
            continue
        print(f"{model} on {dataset}, {place + 1} of {len(wanted)} ...", file=sys.stderr, flush=True)
        row = measure(model, dataset, seconds) | {"machine": here, "date": date.today().isoformat()}
        rows = [other for other in rows if other is not known] + [row]
        checkpoint.write(arguments.out, (json.dumps({"rows": rows}, indent=1) + "\n").encode())
    shown = [find(rows, here, model, dataset, seconds) for model, dataset in wanted]
    print(json.dumps({"rows": shown}) if arguments.json else table(shown))


def read(path: Path = PLACE) -> list[Row]:
    """The rows in a file, none if it is not there; UserError if it holds something else."""
    try:
        return [dict(row) for row in json.loads(path.read_text())["rows"]] if path.exists() else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} does not hold what bench writes: name another file with --out.") from error


def find(rows: list[Row], machine: Row, model: str, dataset: str, seconds: float) -> Row | None:
    """The row of a model on a data set after so many seconds on a machine, if it was measured."""
    wanted = {"machine": machine, "model": model, "dataset": dataset, "seconds": seconds}
    return next((row for row in rows if wanted.items() <= row.items()), None)


def machine() -> Row:
    """What speed depends on: processor or accelerator, cores this process may use, threads, and torch."""
    device = best_device()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": precision.THREADS,
        "accelerator": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def measure(model: str, dataset: str, seconds: float) -> Row:
    """One row: a model with its defaults on a data set for so many seconds of training, looks not counted.

    `recognisable_seconds` is None where no look found the distance below `recognisable_distance`; everything the judge
    says is None, and `failed` says why, where a model's images are not finite.
    """
    images = data.load(dataset)
    trainer = prepare(model, images, {}, 0, None, None)
    trainer.settle()
    spent, look, recognisable, failed = 0.0, FIRST_LOOK, None, None
    real, _ = metrics.reference(images, GLANCE)
    found: dict[str, Any] = {}
    try:
        while spent < seconds:
            start, until = time.perf_counter(), min(look, seconds) - spent
            while time.perf_counter() - start < until:
                progress = trainer.round()
            sum(term.sum().item() for term in progress.terms.values())  # an accelerator may lag behind
            spent += time.perf_counter() - start
            start = time.perf_counter()
            if recognisable is None:
                features = metrics.judged(shown(trainer.view(), images, GLANCE), dataset)
                if metrics.frechet_distance(features, real) < RECOGNISABLE[dataset]:
                    recognisable = spent
            look = spent + max(0.2 * spent, time.perf_counter() - start)
        found = metrics.judge_samples(shown(trainer.view(), images, COUNT), dataset)
    except UserError as error:
        failed = str(error)
    return {
        "model": model,
        "dataset": dataset,
        "data": images.describe(),
        "seconds": seconds,
        "rounds": trainer.round_number,
        "images": trainer.seen,
        "images_per_second": trainer.seen / spent,
        "recognisable_seconds": recognisable,
        "recognisable_distance": RECOGNISABLE[dataset],
        "shown": "samples" if can(trainer.model, "sample") else "reconstructions",
        "distance": found.get("feature_distance"),
        "floor": found.get("feature_distance_floor"),
        "n": found.get("count"),
        "coverage": found.get("coverage"),
        "coverage_real": found.get("coverage_real"),
        "failed": failed,
    }


@torch.no_grad()
def shown(model: Model, images: data.Dataset, count: int) -> Tensor:
    """Bytes (count, C, H, W): samples, all classes in turn; of what cannot sample, reconstructions of training images.
    UserError where they are not finite."""
    device = next(model.parameters()).device
    if can(model, "sample"):
        z = model.latents(count, torch.Generator().manual_seed(0)).to(device)
        labels = (torch.arange(count) % model.classes).to(device)
        parts = (model.sample(*part) for part in zip(z.split(GLANCE), labels.split(GLANCE), strict=True))
    else:
        originals = model.from_uint8(metrics.some(images.images, count).to(device))
        labels = metrics.some(images.labels, count).to(device)
        parts = (model.reconstruct(*part) for part in zip(originals.split(GLANCE), labels.split(GLANCE), strict=True))
    whole = torch.cat([model.to_unit(part).cpu() for part in parts])
    if not whole.isfinite().all():
        raise UserError("The images are not finite.")
    return to_uint8(whole)


def table(rows: list[Row]) -> str:
    """The rows as lines of a Markdown table."""
    lines = [
        "| model | data set | images/s | recognisable after | feature distance | floor | n | coverage | real |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        first = row["recognisable_seconds"]
        cells = [row["model"], row["dataset"], f"{row['images_per_second']:,.0f}"]
        cells.append(f"{first:.1f} s" if first else "not yet")
        if row["failed"]:
            cells += ["not finite", *[""] * 4]
        else:
            cells += [f"{row['distance']:.2f}", f"{row['floor']:.2f}", f"{row['n']:,}"]
            cells += [f"{row[key]:.2f}" for key in ("coverage", "coverage_real")]
        lines.append(f"| {' | '.join(cells)} |")
    seconds, limits = rows[0]["seconds"], {row["dataset"]: row["recognisable_distance"] for row in rows}
    here = rows[0]["machine"]
    known = ", ".join(f"{limit:g} on {dataset}" for dataset, limit in limits.items())
    lines += [
        "",
        f"{seconds:g} seconds of training each. Recognisable: feature distance below {known}. Autoencoders that cannot",
        f"sample show reconstructions. {here['processor']}, {here['cores']} cores, {here['threads']} threads, "
        f"{here['accelerator']}, torch {here['torch']}.",
    ]
    return "\n".join(lines)
