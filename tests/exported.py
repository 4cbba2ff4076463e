"""Whether exported scripts reach the samples of the runs they come from, to the last bit, with torch and torchvision
alone: python -m tests.exported [--models vae dcgan] [--datasets mnist cifar10] [--rounds 60] [--fresh PYTHON]

`--fresh` runs them by the python of an environment in which only torch and torchvision are, `--notebooks` runs the
notebooks cell by cell in their place, `--each` has every setting off its default in turn.
"""

import argparse
import gzip
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genmodels import checkpoint, export, precision
from genmodels.data import BUNDLED, load
from genmodels.formats import read_column
from genmodels.models import MODELS
from genmodels.models.base import Choice, Flag, Whole, settings_of
from genmodels.pictures import decoded, to_uint8
from genmodels.precision import PLAIN, Plan
from genmodels.run import Run

ALONE = """
import json
import runpy
import sys
import torchvision.datasets.cifar as cifar

sys.modules["genmodels"] = None  # to import it is an error now
cifar.check_integrity = lambda *_: True  # the files hold the bundled part alone
"""
SCRIPT = """
sys.argv = ["taken.py", "data"]
runpy.run_path("taken.py", run_name="__main__")
"""
NOTEBOOK = """
names = {"__name__": "__main__"}
for cell in json.load(open("taken.ipynb"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
"""
SEED = 3
WHOLE = 50_000  # images of the complete CIFAR-10


def lay_out(dataset: str, folder: Path) -> None:
    """A bundled data set as torchvision expects it in a folder."""
    if dataset == "cifar10":
        _batches(folder / "data/cifar-10-batches-py")
        return
    name = export.SETS[dataset]
    raw = folder / f"data/{name}/raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in (BUNDLED / f"{name}/raw").glob("*.gz"):
        with gzip.open(file) as packed, (raw / file.stem).open("wb") as plain:
            shutil.copyfileobj(packed, plain)


def _batches(folder: Path) -> None:
    """The bundled images of CIFAR-10 among others, of classes that are full by then, which the script has to pass over
    as it would in the complete set."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle = load("cifar10")
    index = read_column(BUNDLED / "cifar10/train.npz", "index", WHOLE).tolist()
    last = [max(place for place, label in zip(index, bundle.labels, strict=True) if label == k) for k in range(10)]
    whole, names = np.zeros((WHOLE, 3072), np.uint8), [int(np.argmin(last))] * WHOLE
    whole[index] = bundle.images.flatten(1).numpy()
    for place, label in zip(index, bundle.labels.tolist(), strict=True):
        names[place] = label
    for part in range(5):
        rows = slice(10_000 * part, 10_000 * (part + 1))
        with (folder / f"data_batch_{part + 1}").open("wb") as file:
            pickle.dump({"data": whole[rows], "labels": names[rows]}, file)
    with (folder / "batches.meta").open("wb") as file:
        pickle.dump({"label_names": list(bundle.classes)}, file)


def trained(name: str, dataset: str, rounds: int, plan: Plan, path: Path, **settings: object) -> Tensor:
    """Saves a run after so many rounds; its samples as bytes."""
    run = Run(name, dataset, settings, seed=SEED, rounds=rounds, device="cpu", paired=True)
    run.trainer.use(plan)
    for _ in range(rounds):
        run.trainer.round()
    checkpoint.save(path, run.trainer, dataset, SEED, 1.0)
    observer = run._record._observer
    return to_uint8(decoded(run.trainer.view(), observer._z, observer._labels))


def executed(text: str, folder: Path, python: str = sys.executable) -> Tensor:
    """What a script or a notebook draws, where the data set lies in the folder; RuntimeError if it fails."""
    runner = NOTEBOOK if text.startswith("{") else SCRIPT
    (folder / ("taken.ipynb" if runner is NOTEBOOK else "taken.py")).write_text(text)
    (folder / "samples.pt").unlink(missing_ok=True)
    done = subprocess.run([python, "-I", "-c", ALONE + runner], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return torch.load(folder / "samples.pt")


def off_default(model: str) -> list[dict[str, object]]:
    """Settings of a model with one off its default at a time: every option, and the lowest number but for rates."""
    found: list[dict[str, object]] = []
    for name, (kind, default) in settings_of(MODELS[model]).items():
        if isinstance(kind, Flag):
            others = [not default]
        elif isinstance(kind, Choice):
            others = [option for option in kind.options if option != default]
        else:
            others = [kind.low] if kind.low != default and (isinstance(kind, Whole) or kind.low == 0) else []
        found += [{name: other} for other in others]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--datasets", nargs="+", default=["mnist", "cifar10"], choices=list(export.SETS))
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument(
        "--bfloat16", action="store_true", help="compute as fast processors do, not in single precision"
    )
    parser.add_argument("--fresh", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--notebooks", action="store_true", help="run notebooks, not scripts")
    parser.add_argument("--each", action="store_true", help="every setting off its default in turn, too")
    arguments = parser.parse_args()
    precision.THREADS = 1
    plan = Plan(True, True) if arguments.bfloat16 else PLAIN
    write = export.notebook if arguments.notebooks else export.script
    different = 0
    print(f"{'model':8} {'data set':14} {'lines':>5} {'grey levels':>11} {'differing':>9} {'seconds':>7}  settings")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for dataset in arguments.datasets:
            lay_out(dataset, folder)
            cases = {name: [{}, *(off_default(name) if arguments.each else [])] for name in arguments.models}
            for model, case in [(name, case) for name in cases for case in cases[name]]:
                start = time.perf_counter()
                path = folder / "run.safetensors"
                expected = trained(model, dataset, arguments.rounds, plan, path, **case)
                text = write(checkpoint.load(path), plan, len(load(dataset).images))
                try:
                    drawn = executed(text, folder, arguments.fresh)
                    wrong = int((drawn != expected).sum()) if drawn.shape == expected.shape else expected.numel()
                    words = f"{wrong:9,}"
                except RuntimeError as error:
                    wrong, words = 1, f"fails: {str(error).strip().splitlines()[-1]}"
                different += wrong > 0
                seconds, lines = time.perf_counter() - start, len(text.splitlines())
                said = f"{model:8} {dataset:14} {lines:5} {expected.numel():11,} {words} {seconds:7.1f}"
                print(said, *(f" {name}={value}" for name, value in case.items()), flush=True)
    return min(different, 1)


if __name__ == "__main__":
    sys.exit(main())
