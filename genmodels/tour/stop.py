"""What a stop of the tour is: a paragraph and a claim of the text, an experiment, and a question that is checked."""

import json
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from genmodels import checkpoint, data, weights
from genmodels.data import Dataset
from genmodels.errors import UserError
from genmodels.models.base import Model
from genmodels.run import Run, Snapshot

MINUTES = (5, 20, 90)  # lengths of the tour
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
LONGEST = 40  # characters of an answer
LATEST = 10  # readings of a run that are looked at
EARLY = 5  # readings of which a run has to have more
_one_at_a_time = threading.Lock()


class Found(NamedTuple):
    """The right answer, a number or an option, or None where there is nothing to measure yet; the figure in words;
    and how far a number that moves has lately been from the answer."""

    answer: float | str | None
    says: str
    spread: float = 0.0


class Reply(NamedTuple):
    """Whether an answer is right, or None where nothing could be measured; the figure in words; and why it is so."""

    right: bool | None
    figure: str
    why: str


@dataclass(frozen=True, eq=False)
class Stop:
    """A stop. The experiment is a page with its settings, `values`; what the question adds to them is `given`.
    `measure` takes both and says what is so; of a stop that is `watched`, it first takes the visitor's run, or None."""

    name: str  # in addresses
    part: str  # of the text
    title: str
    text: str
    formula: str  # TeX
    claim: str  # of the text, in other words
    minutes: int  # of the shortest tour that has this stop
    tab: str
    tool: str  # or nothing, where the whole tab is the experiment
    values: dict[str, Any]
    act: str  # what to do there
    question: str
    measure: Callable[..., Found]
    why: str
    options: tuple[str, ...] = ()  # where there are none, the answer is a number
    unit: str = ""
    tolerance: float = 0.0  # of a number
    given: dict[str, Any] = field(default_factory=dict)
    watched: bool = False

    @property
    def address(self) -> str:
        """The experiment, as a link within the page."""
        pairs = [("tab", self.tab)]
        for name, value in self.values.items():
            if self.tab == "train" and name not in ("model", "data", "seed", "seconds"):
                pairs.append(("set", f"{name}={in_link(value)}"))
            else:
                pairs.append((f"{self.tool}.{name}" if self.tool else name, in_link(value)))
        return f"?{urlencode(pairs)}"

    def found(self, run: Run | None = None) -> Found:
        """What is so, with the experiment's settings."""
        with _one_at_a_time:  # a class that presses Check together waits for one measurement
            if not self.watched:
                return _measured(self)
            return self.measure(self.seen(run), **(self.values | self.given))

    def seen(self, run: Run | None) -> Snapshot | None:
        """The visitor's run, if it is the experiment's."""
        if run is None or (run.model, run.dataset.name) != (self.values["model"], self.values["data"]):
            return None
        snapshot = run.snapshot()
        asked = {name: value for name, value in self.values.items() if name in snapshot.settings}
        return snapshot if asked.items() <= snapshot.settings.items() else None

    def check(self, answer: Any, run: Run | None = None) -> Reply:
        """UserError where the answer is none: not one of the options, or no number."""
        if self.options and answer not in self.options:
            raise UserError("Choose one of the answers.")
        number = None if self.options else number_of(answer)
        found = self.found(run)
        if found.answer is None:
            return Reply(None, found.says, "")
        right = answer == found.answer if self.options else near(number, found, self.tolerance)
        return Reply(right, found.says, self.why)


@lru_cache(maxsize=64)
def _measured(stop: Stop) -> Found:
    """The same settings give the same figure: once is enough."""
    return stop.measure(**(stop.values | stop.given))


def in_link(value: Any) -> str:
    """A value as links carry it."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, bool | list) else str(value)


def number_of(answer: Any) -> float:
    """The number that a person typed, with a point or a comma; UserError for anything else."""
    text = answer.strip().replace("\N{MINUS SIGN}", "-") if isinstance(answer, str) and len(answer) <= LONGEST else ""
    if not NUMBER.fullmatch(text):
        raise UserError("Type a number, such as 0.69.")
    number = float(text.replace(",", "."))
    if not math.isfinite(number):
        raise UserError("Type a number that is not so large.")
    return number


def near(number: float, found: Found, tolerance: float) -> bool:
    """Whether a number is within the tolerance, the last digit that a person may have rounded included."""
    return abs(number - found.answer) <= tolerance + found.spread + 1e-9


def said(value: float) -> str:
    """A number in a sentence: four significant digits."""
    if math.isinf(value):
        return "infinite"
    return f"{value + 0.0:.4g}".replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=8)
def shipped(name: str) -> tuple[Model, Dataset]:
    """A trained model that came along, such as "vae-mnist", and what it has learned."""
    saved = checkpoint.load(weights.path_of(*name.rsplit("-", 1)))
    return saved.model, data.load(saved.dataset)


@lru_cache(maxsize=32)
def recorded(name: str) -> dict[str, Any]:
    """What was measured of a trained model when it was shipped."""
    return weights.figures_of(weights.path_of(*name.rsplit("-", 1)))


def latest(snapshot: Snapshot | None, term: str) -> list[float]:
    """The last readings of a term of a run; none where it has learned too little to say anything."""
    _, values = snapshot.curves.get(term, ((), ())) if snapshot else ((), ())
    return list(values[-LATEST:]) if len(values) > EARLY else []
