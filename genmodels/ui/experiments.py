"""Things to try: presets of the Train tab, each with the claim it puts to the test."""

from dataclasses import dataclass, field
from typing import Any

from genmodels.models import MODELS


@dataclass(frozen=True)
class Experiment:
    """A preset started by one click. `claim` is what one should see; `seconds` is long enough to see it."""

    title: str
    claim: str
    model: str
    dataset: str = "mnist"
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: int = 60


_ALL = (
    Experiment(
        "Digits out of noise",
        "Two networks play against each other. Neither loss falls, and yet the pictures get better.",
        "dcgan",
    ),
    Experiment(
        "A discriminator too good",
        "Ten steps of D for each of G, minimax loss: the bound stays near log 2 and G's loss, with its gradient, near "
        "0. The pictures get better only slowly.",
        "gan",
        settings={"steps": 10, "loss": "minimax"},
    ),
    Experiment(
        "Real and fake in one batch",
        "Batch norm then tells D what the others of the batch are: its loss falls to 0 and G learns a few classes.",
        "dcgan",
        settings={"mixed": True},
        seconds=30,
    ),
    Experiment(
        "A code that is ignored",
        "Beta = 20 makes the code expensive: the KL falls below one nat and the samples become blurs between digits.",
        "vae",
        settings={"beta": 20},
        seconds=30,
    ),
)


def experiments() -> list[Experiment]:
    """Those whose model is there."""
    return [experiment for experiment in _ALL if experiment.model in MODELS]
