"""What repeats a run outside the page: its command line and a short script."""

import shlex
from typing import Any

from genmodels.data import Dataset
from genmodels.models import MODELS
from genmodels.models.base import settings_of

PLACE = "YOUR_PICTURES"  # where they lie


def changed(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that differ from the model's defaults."""
    return {
        name: settings[name] for name, (_, default) in settings_of(MODELS[model]).items() if settings[name] != default
    }


def command(
    model: str,
    dataset: str,
    settings: dict[str, Any],
    seed: int,
    seconds: int,
    resumed: str | None = None,
    own: Dataset | None = None,
) -> str:
    """The command line that starts the same run; `resumed` names the file it goes on from, `own` is a data set of one's
    own pictures, whose place is left to be filled in."""
    parts = ["python", "-m", "genmodels", "train", model, *(_given(own, not resumed) if own else [dataset])]
    parts += ["--seconds", str(seconds)]
    if resumed:
        return shlex.join([*parts, "--resume", resumed])
    parts += ["--seed", str(seed)]
    for name, value in changed(model, settings).items():
        parts += ["--set", f"{name}={value}"]
    return shlex.join(parts)


def script(
    model: str,
    dataset: str,
    settings: dict[str, Any],
    seed: int,
    seconds: int,
    marks: list[str],
    resumed: str | None = None,
    own: Dataset | None = None,
) -> str:
    """A Python script that makes the same run, saves it, and its last picture; `resumed` and `own` as for `command`."""
    by_hand = "".join(f"# Changed by hand during the run, not repeated here: {mark}\n" for mark in marks)
    setup = f"{changed(model, settings)!r}, seed={seed}, seconds={seconds}"
    imports = "from genmodels.run import Run\n"
    if resumed:
        setup = f'{{}}, seconds={seconds}, resume=load("{resumed}")'
        imports = f"from genmodels.checkpoint import load\n{imports}"
    what = f'"{dataset}"'
    if own:
        form = f"side={own.shape[1]}, colour={own.shape[0] == 3}, mirror={own.mirror}"
        what = f'read(Path("{PLACE}"), {form}).dataset'
        imports = f"from genmodels.own_data import read\n{imports}"
    return (
        f'"""Trains {model} on {dataset}: the same run as on the page."""\n\n'
        f"from pathlib import Path\n\n{imports}\n{by_hand}"
        f'run = Run("{model}", {what}, {setup})\n'
        f"run.run()\n"
        f'run.save("{model}-{dataset}-{seed}-trained.safetensors")\n'
        f'Path("{model}-{dataset}-{seed}.png").write_bytes(run.snapshot().pictures[-1].png)\n'
    )


def _given(own: Dataset, form: bool) -> list[str]:
    """The options that give one's own pictures; size and colours where no file says them."""
    side = ["--side", str(own.shape[1]), "--colour", "colour" if own.shape[0] == 3 else "grey"] if form else []
    return ["--data", PLACE, *side, "--mirror" if own.mirror else "--no-mirror"]
