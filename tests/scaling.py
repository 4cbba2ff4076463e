"""Images per second of one process with one thread, of two with one each, and of one with two threads, in turns.

    python -m tests.scaling [--models vae gan dcgan wgan_gp] [--seconds 2.5] [--turns 4]

Writes the medians to docs/scaling.json, from which `python -m tests.tables` makes README's table. MNIST, defaults,
single precision; two processes have a batch each, so that a round of theirs sees twice the images. Leave the machine
alone meanwhile: 4 minutes as it stands.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import distributed

from genmodels import data
from genmodels.models import build
from genmodels.training import Trainer

PLACE = Path(__file__).resolve().parent.parent / "docs" / "scaling.json"
WAYS = {  # processes, threads of each
    "one process, one thread": (1, 1),
    "two processes, one thread each": (2, 1),
    "one process, two threads": (1, 2),
}
WARM_UP = 10  # rounds


def rate(model: str, seconds: float) -> float:
    """Images per second of all processes together, over about so many seconds."""
    dataset = data.load("mnist")
    trainer = Trainer(build(model, dataset.shape, 10), dataset.images, dataset.labels, device="cpu")

    def timed(rounds: int) -> float:
        distributed.barrier()
        start = time.perf_counter()
        for _ in range(rounds):
            trainer.round()
        return time.perf_counter() - start

    timed(WARM_UP)
    rounds = torch.tensor(math.ceil(seconds * WARM_UP / timed(WARM_UP)))
    distributed.broadcast(rounds, 0)
    before = trainer.seen
    taken = timed(int(rounds))
    return (trainer.seen - before) / taken


def process(models: list[str], seconds: float) -> None:
    """One of the processes that are measured; the first says what they reached."""
    distributed.init_process_group("gloo")
    rates = {model: rate(model, seconds) for model in models}
    if distributed.get_rank() == 0:
        print(json.dumps(rates), flush=True)
    distributed.destroy_process_group()
    os._exit(0)  # as the command line does, and for the same reason


def measured(way: str, models: list[str], seconds: float) -> dict[str, float]:
    processes, threads = WAYS[way]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *launcher, "-m", "tests.scaling", "--seconds", str(seconds), "--models", *models]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONFAULTHANDLER": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(done.stderr[:4000])
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["vae", "gan", "dcgan", "wgan_gp"], metavar="MODEL")
    parser.add_argument("--seconds", type=float, default=2.5, help="of each measurement (2.5)")
    parser.add_argument("--turns", type=int, default=4, help="of all ways; the median counts (4)")
    parser.add_argument("--out", type=Path, default=PLACE)
    chosen = parser.parse_args()
    if "RANK" in os.environ:
        process(chosen.models, chosen.seconds)
        return
    rates = {way: {model: [] for model in chosen.models} for way in WAYS}
    for turn in range(chosen.turns):
        for way in [*WAYS][:: 1 if turn % 2 == 0 else -1]:  # there and back, so that a drift hits all alike
            for model, images in measured(way, chosen.models, chosen.seconds).items():
                rates[way][model].append(images)
                print(f"{turn + 1}  {model:8}  {way:30}  {images:10,.0f} images/s", flush=True)
    rows = []
    for model in chosen.models:
        medians = {way: statistics.median(rates[way][model]) for way in WAYS}
        alone = [*WAYS][0]
        gains = {
            way: statistics.median(a / b for a, b in zip(rates[way][model], rates[alone][model], strict=True))
            for way in WAYS
        }
        rows.append({"model": model, "images_per_second": medians, "gain": gains})
        print(f"{model:8}  " + "   ".join(f"{way} {medians[way]:,.0f} (x {gains[way]:.2f})" for way in WAYS))
    facts = {"cores": os.cpu_count(), "torch": torch.__version__, "seconds": chosen.seconds, "turns": chosen.turns}
    chosen.out.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
