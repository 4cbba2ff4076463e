"""A game under way: whoever watches asks for its next rounds, and gets what there is to draw.

No thread runs it: a game nobody asks about costs nothing. Looking draws from generators of its own and changes no
weight, so that the same seed and the same commands give the same game however often somebody looks.
"""

import math
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from genmodels.errors import UserError
from genmodels.history import Curves
from genmodels.models.base import settings_of
from genmodels.playground import measures
from genmodels.playground.laws import REACH, Law
from genmodels.playground.losses import LOSSES
from genmodels.playground.measures import COUNTED, Modes
from genmodels.playground.model import SHAPE, Plane
from genmodels.training import Trainer

DATA = 20_000  # points to learn from
SHOWN = 400  # points and fakes drawn
LATTICE = 25  # lines of the generator's grid each way
CELLS = 40  # of the discriminator's surface along each axis
MOST = 200  # rounds at once
KEPT = 64  # games on the server
GONE = "This game is no longer on the server."


@dataclass(frozen=True)
class Frame:
    """What there is to draw after a number of rounds. Coordinates are those of the plane."""

    rounds: int
    losses: dict[str, float]  # of each player's latest step, by the player's name
    fakes: Tensor  # (SHOWN, 2)
    lattice: Tensor  # (LATTICE, LATTICE, 2): the generator's images of quantiles of z, first by z_1, then by z_2
    pull: Tensor  # (SHOWN, 2): where the generator's loss falls, minus its slope at each fake
    slope: float  # the pull's length, its median over the fakes
    surface: Tensor  # (CELLS, CELLS), top row first: D's verdict from 0, fake, to 1, real
    ends: tuple[float, float]  # the scores that 0 and 1 stand for


@dataclass(frozen=True)
class Measures:
    """How far the generator is from the data, on points that nobody has learned from."""

    distances: dict[str, float]
    floors: dict[str, tuple[float, float]]
    modes: Modes | None
    objective: float  # D's loss, without a penalty
    reading: float  # what D measures


class Session:
    """One game: a law, a model, and the loop that trains it. Use it under its `lock`."""

    def __init__(self, law: Law, settings: dict[str, Any], seed: int) -> None:
        self.law, self.floor, self.lock = law, measures.floor(law), threading.Lock()
        points = law.draw(DATA, Generator().manual_seed(seed))
        self.model = Plane(Generator().manual_seed(seed + 1), **checked(settings))
        labels = torch.zeros(DATA, dtype=torch.long)
        self.trainer = Trainer(self.model, points.reshape(-1, *SHAPE), labels, seed, "cpu")
        self.eye = Generator().manual_seed(seed + 2)  # the onlooker's
        self.real = points[:SHOWN]
        self.z = self.model.latents(SHOWN, self.eye)
        self.rounds, self.measured, self.losses, self.lost = 0, -1, {}, False
        self.curves, self.history, self.marks = Curves(), Curves(), []

    def change(self, name: str, value: Any) -> None:
        """Sets a live setting; UserError if it is none or the value is off."""
        self.model.change(name, value)
        value = getattr(self.model, name)
        self.marks = [*self.marks[-49:], (self.rounds, f"{name} = {value if isinstance(value, str) else f'{value:g}'}")]

    def play(
        self, rounds: int | None = None, seconds: float = math.inf, only: str | None = None, part: bool = False
    ) -> None:
        """So many rounds, of one player or both; or as many as fit into the seconds, at least one. A `part` of a round
        is not counted: the other player's is still to come."""
        torch.set_num_threads(1)  # networks this small only lose by helpers
        end, progress = time.perf_counter() + seconds, None
        for _ in range(MOST if rounds is None else rounds):
            progress = self.trainer.round(only)
            self.rounds += not part
            if time.perf_counter() >= end:
                break
        if progress:
            self.losses |= {name.removesuffix("_loss"): float(term) for name, term in progress.terms.items()}
            self.lost = not self.trainer.finite()
            if self.curves.due(self.rounds):
                self.curves.add(self.rounds, self.losses)

    def frame(self) -> Frame:
        """The present state as pictures show it."""
        view, loss = self.trainer.view(), LOSSES[self.model.loss]
        with torch.no_grad():
            made = view.generator(torch.cat([self.z, _quantiles()]))
            scores = view.critic(_window())
        fakes = made[:SHOWN].requires_grad_()
        (slope,) = torch.autograd.grad(loss.generator(view.critic(fakes)) * SHOWN, fakes)
        ends = (0.0, 1.0) if loss.field else (float(scores.min()), float(scores.max()))
        surface = loss.field(scores) if loss.field else (scores - ends[0]) / max(ends[1] - ends[0], 1e-12)
        return Frame(
            self.rounds,
            dict(self.losses),
            fakes.detach(),
            made[SHOWN:].reshape(LATTICE, LATTICE, 2),
            -slope,
            float(slope.norm(dim=1).median()),
            surface.reshape(CELLS, CELLS),
            ends,
        )

    def measure(self) -> Measures:
        """Distances of fresh fakes from fresh data."""
        view, loss = self.trainer.view(), LOSSES[self.model.loss]
        real = self.law.draw(COUNTED, self.eye)
        with torch.no_grad():
            fake = view.generator(view.latents(COUNTED, self.eye))
            scores = view.critic(real), view.critic(fake)
        distances = measures.distances(real, fake)
        if self.rounds > self.measured and self.history.due(self.rounds):
            self.measured = self.rounds
            self.history.add(self.rounds, distances)
        return Measures(
            distances,
            self.floor.ranges(),
            measures.modes(self.law, fake),
            float(loss.discriminator(*scores)),
            float(loss.reading(*scores)),
        )


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Every setting of the model, with its default where it is missing; UserError for unknown ones or bad values."""
    kinds = settings_of(Plane)
    unknown = [name for name in settings if name not in kinds]
    if unknown:
        raise UserError(f"The playground has no setting {unknown[0][:40]!r}; it has {', '.join(kinds)}.")
    return {name: kind.check(name, settings.get(name, default)) for name, (kind, default) in kinds.items()}


def _quantiles() -> Tensor:
    """The lattice of latents that cuts N(0, I) into cells of equal probability, (LATTICE^2, 2)."""
    edge = torch.arange(1, LATTICE + 1) / (LATTICE + 1)
    z = math.sqrt(2) * torch.erfinv(2 * edge - 1)
    return torch.cartesian_prod(z, z)


def _window() -> Tensor:
    """Centres of the surface's cells, row by row from the top, (CELLS^2, 2)."""
    at = REACH * ((torch.arange(CELLS) + 0.5) * 2 / CELLS - 1)
    y, x = torch.meshgrid(-at, at, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


_guard = threading.Lock()
_sessions: OrderedDict[str, Session] = OrderedDict()  # the one longest unasked first


def begin(law: Law, settings: dict[str, Any], seed: int) -> tuple[str, Session]:
    """A new game under an id that cannot be guessed; the one longest unasked makes room for it."""
    session, identity = Session(law, settings, seed), secrets.token_urlsafe(16)
    with _guard:
        _sessions[identity] = session
        while len(_sessions) > KEPT:
            _sessions.popitem(last=False)
    return identity, session


def find(identity: str) -> Session | None:
    """The game of this id, unless it is gone."""
    with _guard:
        if identity in _sessions:
            _sessions.move_to_end(identity)
        return _sessions.get(identity)


def end(identity: str) -> None:
    """Forgets a game."""
    with _guard:
        _sessions.pop(identity, None)
