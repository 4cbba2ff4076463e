"""What every model is: a paper card, settings read off its signature, and the players of its game."""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from genmodels.errors import UserError

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Card:
    """The paper behind a model, as the page shows it."""

    title: str
    authors: str
    year: int
    link: str
    idea: str
    objective: str  # TeX, without the dollar signs
    watch: str  # what to look at while it learns
    passage: str  # the part of the course it belongs to


@dataclass(frozen=True)
class Curve:
    """The name and unit under which a term is drawn."""

    label: str
    unit: str


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int
    label: str
    front: bool = False  # among the few settings a visitor sees first
    live: bool = False  # may be changed while the run goes on

    def check(self, name: str, value: Any) -> int:
        number = _number(name, value)
        if number != int(number) or not self.low <= number <= self.high:
            raise UserError(f"{name} must be a whole number from {self.low} to {self.high}, not {value}.")
        return int(number)


@dataclass(frozen=True)
class Real:
    """A finite real number between two bounds, both included; `log` asks for a logarithmic slider."""

    low: float
    high: float
    label: str
    log: bool = False
    front: bool = False
    live: bool = False

    def check(self, name: str, value: Any) -> float:
        number = _number(name, value)
        if not self.low <= number <= self.high:
            raise UserError(f"{name} must be a number from {self.low:g} to {self.high:g}, not {value}.")
        return number


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    options: tuple[str, ...]
    label: str
    front: bool = False
    live: bool = False

    def check(self, name: str, value: Any) -> str:
        if value not in self.options:
            raise UserError(f"{name} must be one of {', '.join(self.options)}, not {value}.")
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    label: str
    front: bool = False
    live: bool = False

    def check(self, name: str, value: Any) -> bool:
        known = {"true": True, "yes": True, "on": True, "1": True}
        known |= {"false": False, "no": False, "off": False, "0": False}
        answer = value if isinstance(value, bool) else known.get(str(value).lower())
        if answer is None:
            raise UserError(f"{name} must be true or false, not {value}.")
        return answer


Kind = Whole | Real | Choice | Flag

# Settings that most models have.
BATCH = Whole(8, 1024, "images per batch")
RATE = Real(1e-6, 0.1, "learning rate", log=True, live=True)


def _number(name: str, value: Any) -> float:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{name} must be a number, not {str(value)[:40]}.")
    return number


@dataclass(frozen=True)
class Batch:
    """What a loss sees: images in the model's range (N, C, H, W), their labels (N,), and its only source of
    randomness. `seen` counts the images of all batches before this one, for schedules."""

    images: Tensor
    labels: Tensor
    generator: torch.Generator
    seen: int = 0


@dataclass(frozen=True)
class Player:
    """Some parameters, a loss on a batch, an optimiser, and a number of steps per round."""

    name: str
    parameters: Sequence[nn.Parameter]
    loss: Callable[[Batch], Terms]  # named scalars; "loss" is the objective
    optimizer: Callable[..., Optimizer]
    lr: float
    steps: int = 1
    after_step: Callable[[], None] | None = None


def adam(beta1: float, beta2: float) -> Callable[..., Optimizer]:
    """Adam (Kingma & Ba 2015) with these decay rates, in its one-kernel form."""
    return partial(Adam, betas=(beta1, beta2), fused=True)


def precise(output: Tensor) -> Tensor:
    """A network's output in at least single precision: losses are never computed in half."""
    return output.float() if output.dtype.itemsize < 4 else output


class Model(nn.Module):
    """A generative model of images of one shape (channels, height, width) with a number of classes.

    Subclasses take `(shape, classes, *, name: Kind = default, ...)`; every keyword becomes an attribute, a
    control on the page and a `--set` on the command line. They implement `players` and those abilities they
    have: `latents`, `sample`, `encode`, `decode`, `reconstruct`, `bound`, `critic`, `held_out`.
    """

    card: ClassVar[Card]
    curves: ClassVar[dict[str, Curve]]  # every term the losses report, by name
    low: ClassVar[float]  # pixels lie in [low, 1]: -1 under tanh, 0 for probabilities
    conditional: ClassVar[bool] = False  # whether labels enter
    batch: int  # images a step, a setting of every model

    def __init__(self, shape: tuple[int, int, int], classes: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.shape, self.classes = tuple(shape), classes
        for name in settings_of(type(self)):
            setattr(self, name, settings[name])

    def players(self) -> list[Player]:
        """The players in the order of play. Read afresh each round, so that a changed setting takes effect."""
        raise NotImplementedError

    def averaged(self) -> list[nn.Module]:
        """The modules whose weights are averaged over time for sampling."""
        return [self]

    def settings(self) -> dict[str, Any]:
        """The present value of every setting."""
        return {name: getattr(self, name) for name in settings_of(type(self))}

    def change(self, name: str, value: Any) -> None:
        """Sets a live setting during a run; UserError if there is none of that name or the value is off."""
        kinds = settings_of(type(self))
        if name not in kinds or not kinds[name][0].live:
            can_change = ", ".join(key for key, (kind, _) in kinds.items() if kind.live)
            raise UserError(f"{name} cannot be changed during a run; these can: {can_change}.")
        setattr(self, name, kinds[name][0].check(name, value))

    def from_uint8(self, images: Tensor) -> Tensor:
        """Bytes (N, C, H, W) to floats in [low, 1]."""
        return images.float().mul_((1 - self.low) / 255).add_(self.low)

    def to_unit(self, images: Tensor) -> Tensor:
        """Floats in [low, 1] to [0, 1], whatever lies outside cut off."""
        return ((images - self.low) / (1 - self.low)).clamp(0, 1)


@functools.lru_cache(maxsize=256)  # reading a signature takes longer than much that is asked of a page
def settings_of(model: type[Model]) -> dict[str, tuple[Kind, Any]]:
    """Kind and default of every keyword argument of a model, in the order of its signature."""
    parameters = inspect.signature(model).parameters.values()
    return {p.name: (p.annotation, p.default) for p in parameters if p.kind is p.KEYWORD_ONLY}
