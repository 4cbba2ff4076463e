"""What repeats a run outside the page: its command line and a short script."""

import shlex
from typing import Any

from genmodels.models import MODELS
from genmodels.models.base import settings_of


def changed(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that differ from the model's defaults."""
    return {
        name: settings[name] for name, (_, default) in settings_of(MODELS[model]).items() if settings[name] != default
    }


def command(
    model: str, dataset: str, settings: dict[str, Any], seed: int, seconds: int, resumed: str | None = None
) -> str:
    """The command line that starts the same run; `resumed` names the file it goes on from."""
    parts = ["python", "-m", "genmodels", "train", model, dataset]
    parts += ["--seconds", str(seconds)]
    if resumed:
        return shlex.join([*parts, "--resume", resumed])
    parts += ["--seed", str(seed)]
    for name, value in changed(model, settings).items():
        parts += ["--set", f"{name}={value}"]
    return shlex.join(parts)


def script(model: str, dataset: str, settings: dict[str, Any], seed: int, seconds: int, marks: list[str]) -> str:
    """A Python script that makes the same run, saves it, and draws samples."""
    by_hand = "".join(f"# Changed by hand during the run, not repeated here: {mark}\n" for mark in marks)
    return (
        f'"""Trains {model} on {dataset}: the same run as on the page."""\n\n'
        "from pathlib import Path\n\n"
        "from genmodels.run import Run\n\n"
        f"{by_hand}"
        f"settings = {changed(model, settings)!r}\n"
        f'run = Run("{model}", "{dataset}", settings, seed={seed}, seconds={seconds})\n'
        f"run.run()\n"
        f'run.save("{model}-{dataset}-{seed}.safetensors")\n'
        f'Path("{model}-{dataset}-{seed}.png").write_bytes(run.snapshot().pictures[-1].png)\n'
    )
