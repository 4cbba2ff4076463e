"""The command line: python -m genmodels COMMAND ..."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from torch import distributed

from genmodels import commands
from genmodels.bench import DATASETS, PLACE, bench
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.own_files import SIDES
from genmodels.report import evaluate
from genmodels.selfcheck import selfcheck

OWN_HELP = "the pictures that it learned, if they were your own"


def parser() -> argparse.ArgumentParser:
    """Every command with its options, as `python -m genmodels --help` shows them."""
    whole = argparse.ArgumentParser(prog="python -m genmodels", description="Generative models that are seen to learn.")
    adder = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(function: Callable[[argparse.Namespace], None], words: str) -> argparse.ArgumentParser:
        made = adder.add_parser(function.__name__, help=words, description=words)
        made.set_defaults(function=function)
        return made

    some = command(commands.list, "the models and their settings")
    some.add_argument("--json", action="store_true")

    some = command(commands.train, "train a model; it is saved at the end and on Ctrl-C")
    some.add_argument("model")
    some.add_argument("dataset", nargs="?", help="mnist, fashion_mnist, cifar10, or nothing with --data")
    some.add_argument("--data", type=Path, metavar="PATH", help="your own pictures: a folder, a zip or a .npy")
    some.add_argument("--side", type=int, choices=SIDES, help="pixels to which they are scaled (as they come)")
    some.add_argument("--colour", choices=("grey", "colour"), help="(as they come)")
    some.add_argument("--mirror", action=argparse.BooleanOptionalAction, help="half of them (in colour)")
    limit = some.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=float, help="how long (60 if nothing else is said)")
    limit.add_argument("--rounds", type=int)
    limit.add_argument("--images", type=int)
    some.add_argument("--seed", type=int, default=0)
    some.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the model")
    some.add_argument("--device", help="cpu, cuda, cuda:1, mps (the best there is)")
    some.add_argument("--out", type=Path, help="runs/MODEL-DATASET-SEED.safetensors")
    some.add_argument("--resume", type=Path, metavar="FILE", help="go on from a file")
    some.add_argument("--quiet", action="store_true")

    some = command(commands.sample, "draw samples from a saved model")
    some.add_argument("file", type=Path)
    some.add_argument("--count", type=int, default=64)
    some.add_argument("--seed", type=int, default=0)
    some.add_argument("--labels", help="0,1,2 or all")
    some.add_argument("--truncation", type=float, help="largest |z|, for models that truncate")
    some.add_argument("--out", type=Path, default=Path("samples.png"), help="a .png or .safetensors")

    some = command(commands.reconstruct, "test images and what an autoencoder makes of them")
    some.add_argument("file", type=Path)
    some.add_argument("--data", type=Path, metavar="PATH", help=OWN_HELP)
    some.add_argument("--count", type=int, help="(32)")
    some.add_argument("--out", type=Path, default=Path("reconstructions.png"), help="a .png or .safetensors")

    some = command(commands.interpolate, "a walk between two seeds (generators) or two test images (autoencoders)")
    some.add_argument("file", type=Path)
    some.add_argument("--data", type=Path, metavar="PATH", help=OWN_HELP)
    some.add_argument("start", type=int, metavar="FROM")
    some.add_argument("end", type=int, metavar="TO")
    some.add_argument("--steps", type=int, default=12)
    some.add_argument("--path", choices=("lerp", "slerp"), default="slerp")
    some.add_argument("--out", type=Path, default=Path("walk.png"), help="a .png or .gif")

    some = command(evaluate, "measure a saved model: distances, likelihoods, reconstructions, whatever applies")
    some.add_argument("file", type=Path)
    some.add_argument("--data", type=Path, metavar="PATH", help=OWN_HELP)
    some.add_argument("--count", type=int, default=10_000, help="samples to draw (10,000)")
    some.add_argument(
        "--full", action="store_true", help="likelihoods on all test images, a classifier taught by samples"
    )
    some.add_argument("--json", action="store_true")

    some = command(commands.info, "what a file holds")
    some.add_argument("file", type=Path)
    some.add_argument("--json", action="store_true")

    some = command(commands.export, "write a saved run as a script that needs torch alone, a notebook, and a zip")
    some.add_argument("file", type=Path)
    some.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for the three (here)")

    some = command(
        bench, "speed, the first recognisable picture and the distance reached, for each model on this machine"
    )
    some.add_argument("--models", nargs="+", default=[*MODELS], metavar="MODEL")
    some.add_argument("--datasets", nargs="+", default=[*DATASETS], metavar="DATASET")
    some.add_argument("--seconds", type=float, default=60, help="of training for each (60)")
    some.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="a row for each (0)")
    some.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the models")
    some.add_argument("--again", action="store_true", help="measure what is known, too")
    some.add_argument("--out", type=Path, default=PLACE, help="where the rows are kept (genmodels/bench.json)")
    some.add_argument("--json", action="store_true")

    command(selfcheck, "the theorems that the page shows, with its own functions; exit code 1 if one fails")

    some = command(commands.download, "fetch complete data sets")
    some.add_argument("datasets", nargs="+", metavar="DATASET")
    return whole


def main() -> int:
    """Runs one command; 0 done, 1 failed with one sentence on stderr, 2 wrong usage (by argparse)."""
    arguments = parser().parse_args()
    # A signal to stop is treated as Ctrl-C: what was learned is saved.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        arguments.function(arguments)
        sys.stdout.flush()
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # all processes make the same mistake
            print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 1
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # the reader has seen enough
            print(f"What there is to say cannot be written ({error.strerror or error}).", file=sys.stderr)
            return 1
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    code = main()
    if "RANK" in os.environ:  # threads of a group of processes may outlive Python, which now and then aborts then
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
