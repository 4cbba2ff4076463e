"""What every model reaches in so many seconds on this machine: a table of distances and a sheet of pictures.

    python -m tests.quality [--seconds 60] [--seeds 0 1 2 3 4] [--models gan dcgan ...] [--out docs/quality]

Trains through the command line, one run after the other, and judges 10,000 samples of each against the test
images. Runs already in the folder of runs are not trained again. Leave the machine alone meanwhile.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

from genmodels import checkpoint
from genmodels.data import load
from genmodels.metrics import judge_samples
from genmodels.models import MODELS, can
from genmodels.models.base import Model

COUNT = 10_000


@torch.no_grad()
def samples(model: Model, labels: torch.Tensor) -> torch.Tensor:
    """One image (C, H, W) of bytes a label."""
    generator = torch.Generator().manual_seed(1)
    parts = []
    for some in labels.split(500):
        images = model.to_unit(model.sample(model.latents(len(some), generator), some))
        parts.append((images * 255).round().byte())
    return torch.cat(parts)


@torch.no_grad()
def judged(path: Path, dataset: str) -> tuple[dict[str, Any], torch.Tensor]:
    """The figures of one file, and its picture: 10 x 10 samples, or originals above reconstructions."""
    saved, images = checkpoint.load(path), load(dataset)
    model = saved.model
    figures = {"rounds": saved.rounds, "images": saved.images, "seconds": round(saved.seconds, 1)}
    if can(model, "sample"):
        labels = images.test_labels[:COUNT] if model.conditional else torch.arange(COUNT) % 10
        figures |= judge_samples(samples(model, labels), dataset, labels if model.conditional else None)
        return figures, samples(model, torch.arange(100) % 10)
    test = model.from_uint8(images.test_images)
    figures["error"] = sum((model.reconstruct(part) - part).square().sum().item() for part in test.split(1000)) / len(
        test
    )
    shown = model.corrupt(test[:50], torch.Generator().manual_seed(1)) if can(model, "corrupt") else test[:50]
    rows = [model.to_unit(shown), model.to_unit(model.reconstruct(shown))]
    rows = torch.cat([part for pair in zip(*(r.split(10) for r in rows), strict=True) for part in pair])
    return figures, (rows * 255).round().byte()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--out", type=Path, default=Path("docs/quality"))
    parser.add_argument("--runs", type=Path, default=Path("runs/quality"))
    chosen = parser.parse_args()
    paths = {
        (model, seed): chosen.runs / f"{model}-{chosen.dataset}-{seed}.safetensors"
        for seed in chosen.seeds
        for model in chosen.models
    }
    chosen.runs.mkdir(parents=True, exist_ok=True)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    for (model, seed), path in paths.items():
        command = f"-m genmodels train {model} {chosen.dataset} --seconds {chosen.seconds} --seed {seed} --quiet"
        if not path.exists():
            subprocess.run([sys.executable, *command.split(), "--out", str(path)], check=True)
    table, grids = {}, []
    for (model, seed), path in sorted(paths.items()):
        figures, grid = judged(path, chosen.dataset)
        table.setdefault(model, {})[seed] = figures
        grids.append(make_grid(grid, 10, padding=1))
        print(model, seed, {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}, flush=True)
    chosen.out.with_suffix(".json").write_text(json.dumps(table, indent=1) + "\n")
    # One row a model, one column a seed.
    sheet = make_grid(torch.stack(grids).float() / 255, len(chosen.seeds), padding=8, pad_value=0.4)
    small = to_pil_image(sheet[0]).reduce(2).quantize(8)  # a third of a megabyte
    small.save(chosen.out.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
