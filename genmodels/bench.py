"""What every model does in a minute on this machine: images per second, the first picture, the distance reached.

A row is measured once for each machine, model, data set, settings, seed and length, and kept in a file; the one that
comes along holds what the page promises and the README quotes.
"""

import json
import os
import platform
import statistics
import sys
import time
from argparse import Namespace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genmodels import data, metrics, precision, writing
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.models import MODELS, can
from genmodels.models.base import Model, Real, settings_of
from genmodels.pictures import to_uint8
from genmodels.prepare import prepare
from genmodels.run import SEED
from genmodels.training import best_device

PLACE = Path(__file__).with_name("bench.json")
DATASETS = ("mnist", "cifar10")
SECONDS = Real(1, 86_400, "seconds of training")
COUNT = 2000  # images behind a distance: as many as the smallest test part has
GLANCE = 500  # images behind a look on the way
FIRST_LOOK = 0.5  # seconds of training; each next one later by a share, or once training took as long as the look
SOON, LATER = 0.2, 0.5  # that share, until a picture is recognisable and afterwards
# Feature distances below which the eye knows what it sees; photographs at half their size are 8 from sharp ones.
RECOGNISABLE = {"mnist": 10.0, "cifar10": 10.0}

Row = dict[str, Any]
UNSAID = {"seed": 0, "settings": {}, "path": [], "path_floor": None}  # what rows that do not say it mean


def bench(arguments: Namespace) -> None:
    """Measures what the file does not hold yet, and prints the rows asked for: a table, or one JSON object."""
    seconds = SECONDS.check("--seconds", arguments.seconds)
    for name in arguments.models:
        if name not in MODELS:
            raise UserError(f"There is no model {name[:40]!r}: choose among {', '.join(MODELS)}.")
    for name in arguments.datasets:
        data.load(name)
        load_judge(name)
    writing.check_place(arguments.out)
    rows, here = read(arguments.out), machine()
    wanted = [
        {"model": model, "dataset": dataset, "settings": settings(model, arguments.set), "seed": seed}
        for dataset in arguments.datasets
        for model in arguments.models
        for seed in (SEED.check("--seeds", seed) for seed in arguments.seeds)
    ]
    for place, asked in enumerate(wanted):
        known = find(rows, machine=here, seconds=seconds, **asked)
        if known and not arguments.again:
            continue
        about = f"{asked['model']} on {asked['dataset']}, seed {asked['seed']}"
        print(f"{about}, {place + 1} of {len(wanted)} ...", file=sys.stderr, flush=True)
        row = measure(seconds=seconds, **asked) | {"machine": here, "date": date.today().isoformat()}
        rows = [other for other in rows if other is not known] + [row]
        write(arguments.out, rows)
    shown = [find(rows, machine=here, seconds=seconds, **asked) for asked in wanted]
    print(json.dumps({"rows": shown}) if arguments.json else table(shown))


def settings(model: str, pairs: list[str]) -> dict[str, Any]:
    """What NAME=VALUE pairs change of a model's defaults; UserError for what it has not or cannot be."""
    kinds, changed = settings_of(MODELS[model]), {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in kinds:
            raise UserError(f"{model} has no setting {name[:40]!r}; it has {', '.join(kinds)}.")
        kind, default = kinds[name]
        value = kind.check(name, text)
        changed |= {name: value} if value != default else {}
    return changed


def read(path: Path = PLACE) -> list[Row]:
    """The rows in a file, none if it is not there; UserError if it holds something else."""
    try:
        return [UNSAID | row for row in json.loads(path.read_text())["rows"]] if path.exists() else []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} does not hold what bench writes: name another file with --out.") from error


def write(path: Path, rows: list[Row]) -> None:
    """Puts the rows into a file, each on a line of its own."""
    lines = ",\n".join(json.dumps(row) for row in rows)
    writing.write(path, f'{{"rows": [\n{lines}\n]}}\n'.encode())


def find(rows: list[Row], **wanted: Any) -> Row | None:
    """The first row that says all of this."""
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


def measure(model: str, dataset: str, seconds: float, seed: int = 0, settings: dict[str, Any] | None = None) -> Row:
    """One row: a model on a data set for so many seconds of training, looks not counted; what the settings do not say
    is as the model has it.

    `path` has the seconds, the images and the distance of GLANCE images at each look; its floor is `path_floor`.
    `recognisable_seconds` is None where no look found the distance below `recognisable_distance`; everything the judge
    says of the end is None, and `failed` says why, where a model's images are not finite.
    """
    images = data.load(dataset)
    trainer = prepare(model, images, settings or {}, seed, None, None)
    trainer.settle()
    spent, look, recognisable, failed = 0.0, FIRST_LOOK, None, None
    real, _ = metrics.reference(images, GLANCE)
    found: dict[str, Any] = {}
    path: list[tuple[float, int, float]] = []
    try:
        while spent < seconds:
            start, until = time.perf_counter(), min(look, seconds) - spent
            while time.perf_counter() - start < until:
                progress = trainer.round()
            sum(term.sum().item() for term in progress.terms.values())  # an accelerator may lag behind
            spent += time.perf_counter() - start
            start = time.perf_counter()
            features = metrics.judged(shown(trainer.view(), images, GLANCE), dataset)
            distance = metrics.frechet_distance(features, real)
            path.append((round(spent, 2), trainer.seen, round(distance, 3)))
            if recognisable is None and distance < RECOGNISABLE[dataset]:
                recognisable = spent
            share = SOON if recognisable is None else LATER
            look = spent + max(share * spent, time.perf_counter() - start)
        found = metrics.judge_samples(shown(trainer.view(), images, COUNT), dataset)
    except UserError as error:
        failed = str(error)
    return {
        "model": model,
        "dataset": dataset,
        "data": images.describe(),
        "settings": settings or {},
        "seed": seed,
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
        "path": path,
        "path_floor": metrics.real_scores(images, GLANCE)[0],
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
    """The rows as lines of a Markdown table; rows that differ in their seed alone become one, with their spread."""
    lines = [
        "| model | data set | images/s | recognisable after | feature distance | floor | n | coverage | real |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        name = " ".join([row["model"], *(f"{key}={value}" for key, value in row["settings"].items())])
        groups.setdefault((name, row["dataset"]), []).append(row)
    for names, group in groups.items():
        rate = statistics.fmean(row["images_per_second"] for row in group)
        firsts = [row["recognisable_seconds"] for row in group]
        first = "not yet" if None in firsts else f"{statistics.fmean(firsts):.1f} s"
        cells = [*names, f"{rate:,.0f}", first]
        sound = [row for row in group if not row["failed"]]
        if len(sound) < len(group):
            cells += ["not finite", *[""] * 4]
        else:
            cells += [with_spread([row["distance"] for row in sound]), f"{sound[0]['floor']:.2f}", f"{sound[0]['n']:,}"]
            cells += [f"{statistics.fmean(row[key] for row in sound):.2f}" for key in ("coverage", "coverage_real")]
        lines.append(f"| {' | '.join(cells)} |")
    seconds, limits = rows[0]["seconds"], {row["dataset"]: row["recognisable_distance"] for row in rows}
    seeds, here = len({row["seed"] for row in rows}), rows[0]["machine"]
    known = ", ".join(f"{limit:g} on {dataset}" for dataset, limit in limits.items())
    lines += [
        "",
        f"{seconds:g} seconds of training each, {'one seed' if seeds == 1 else f'mean and spread of {seeds} seeds'}. "
        f"Recognisable: feature distance below {known}. Autoencoders that",
        f"cannot sample show reconstructions. {here['processor']}, {here['cores']} cores, {here['threads']} threads, "
        f"{here['accelerator']}, torch {here['torch']}.",
    ]
    return "\n".join(lines)


def with_spread(values: list[float]) -> str:
    """A mean and, of three values or more, their standard deviation: "4.38 ± 0.21"."""
    mean = f"{statistics.fmean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) >= 3 else mean
