"""What the Playground tab asks of the server: begin a game, play it on, and see where it stands.

Whatever a browser sends is checked here. A game is reached by its id alone, which cannot be guessed; coordinates
travel as 16-bit numbers, ten thousand to the unit.
"""

import base64
from typing import Any

import numpy as np
from torch import Tensor

from genmodels.errors import UserError
from genmodels.models.base import Real
from genmodels.playground import laws, session
from genmodels.playground.losses import CLIP, LOSSES, PENALTY
from genmodels.playground.measures import CELLS, COUNTED, MATCHED, PAIRS
from genmodels.playground.session import MOST, Frame, Measures, Session
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.figures import Line, Plot, bounds, curves, describe
from genmodels.ui.formula import formula
from genmodels.ui.requests import Answer, guarded, table, text, whole_number

LARGEST_SEED = 2**31 - 1
UNIT = 10_000  # of a coordinate
MILLISECONDS = Real(1, 40, "milliseconds")  # of playing in one answer
PLAYERS = ("discriminator", "generator")
LOST = "The weights are no longer finite numbers: lower a learning rate and start again."
BUSY = "This game is already being played: one request at a time."
PATIENCE = 2.0  # seconds until a request gives up waiting for the one before it
NAMES = {"js": "JS", "triangular": r"\Delta", "variation": r"\mathrm{TV}", "w1": "W_1"}
WORDS = {"js": "JS", "triangular": "\N{GREEK CAPITAL LETTER DELTA}", "variation": "TV", "w1": "W1"}


@guarded
def begin(request: Answer) -> Answer:
    """A new game, which replaces the one that this page showed before."""
    seed = whole_number(request.get("seed"), 0, LARGEST_SEED, "seed")
    law = laws.LAWS.get(text(request.get("law"))) or laws.drawn(request.get("strokes"))
    identity, game = session.begin(law, table(request.get("settings", {})), seed)
    session.end(text(request.get("replaces")))
    with game.lock:
        return {"id": identity, "real": packed(game.real), "z": packed(game.z)} | drawn(game)


@guarded
def advance(request: Answer) -> Answer:
    """Sets what was changed, plays so many rounds or milliseconds, and answers with a frame; with measures if asked."""
    game = session.find(text(request.get("id")))
    if game is None:
        return {"error": session.GONE, "gone": True}
    if not game.lock.acquire(timeout=PATIENCE):
        raise UserError(BUSY)
    try:
        only = request.get("only") or None
        if only is not None and only not in PLAYERS:
            raise UserError(f"only must be one of {', '.join(PLAYERS)}, or nothing.")
        faults = [fault for pair in table(request.get("set", {})).items() if (fault := changed(game, *pair))]
        if not game.lost and "milliseconds" in request:
            game.play(seconds=MILLISECONDS.check("milliseconds", request["milliseconds"]) / 1000, only=only)
        elif not game.lost:
            rounds = whole_number(request.get("rounds", 0), 0, MOST, "rounds")
            game.play(rounds, only=only, part=request.get("part") is True)
        if game.lost:
            return {"error": LOST, "lost": True, "rounds": game.rounds}
        game.floor.grow()
        answer = drawn(game) | ({"error": faults[0]} if faults else {})
        if request.get("measure") is True:
            width = request.get("width")
            answer |= shown(game, min(max(width, 260), 1100) if isinstance(width, int) else 420)
        return answer
    finally:
        game.lock.release()


def changed(game: Session, name: str, value: Any) -> str:
    """Sets a live setting; the sentence that says why not, or nothing."""
    try:
        game.change(name, value)
    except UserError as error:
        return str(error)
    return ""


def packed(values: Tensor, unit: int = UNIT) -> str:
    """Numbers as base64 of little-endian 16-bit integers, in row-major order."""
    whole = np.nan_to_num(values.detach().numpy() * unit).clip(-32767, 32767)
    return base64.b64encode(whole.astype("<i2").tobytes()).decode()


def drawn(game: Session) -> Answer:
    """What the canvas needs."""
    frame: Frame = game.frame()
    return {
        "rounds": frame.rounds,
        "fakes": packed(frame.fakes),
        "lattice": packed(frame.lattice),
        "pull": packed(frame.pull, UNIT // 10),
        "surface": packed(frame.surface),
        "verdict": LOSSES[game.model.loss].field is not None,
        "ends": [number(end) for end in frame.ends],
        "slope": number(frame.slope),
        "settled": game.floor.pairs == PAIRS,
    }


def shown(game: Session, width: int) -> Answer:
    """Where the game stands, in numbers, curves and words."""
    measured = game.measure()
    return {
        "readings": readings(game, measured),
        "plots": plots(game, measured, width),
        "formulas": formulas(game, measured),
        "says": says(game, measured),
    }


def readings(game: Session, measured: Measures) -> str:
    """The inside of a definition list."""
    loss = LOSSES[game.model.loss]
    cells = {
        "Wasserstein-1, exact": _against(measured, "w1"),
        "Jensen-Shannon, nats": _against(measured, "js"),
        "what D reads": f"{_reads(game, measured)} <small>{_beside(loss.measures, measured)}</small>",
    }
    if measured.modes:
        near = f"<small>{measured.modes.near:.0%} of fakes near one</small>"
        cells["modes covered"] = f"{measured.modes.covered} of {measured.modes.known} {near}"
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in cells.items())


def _against(measured: Measures, name: str) -> str:
    value, (low, high) = measured.distances[name], measured.floors[name]
    where = "within" if low <= value <= high else "above" if value > high else "below"
    return f'{value:.3f} <small class="{where}">{where} the floor, {low:.3f} to {high:.3f}</small>'


def _reads(game: Session, measured: Measures) -> str:
    name = WORDS[LOSSES[game.model.loss].measures]
    value = f"{measured.reading:.3f}".replace("-", "\N{MINUS SIGN}")
    if game.model.loss == CLIP:
        name = f"K \N{MIDDLE DOT} {name}"
    relation = "\N{ALMOST EQUAL TO}" if game.model.loss == PENALTY else "\N{GREATER-THAN OR EQUAL TO}"
    return f"{name} {relation} {value}"


def _beside(name: str, measured: Measures) -> str:
    how = "exact" if name == "w1" else "histogram"
    return f"{how} {WORDS[name]} {measured.distances[name]:.3f}"


def formulas(game: Session, measured: Measures) -> str:
    """D's loss, its value on fresh points, and what follows from it."""
    loss = LOSSES[game.model.loss]
    value, reading = f"{measured.objective:.3f}", f"{measured.reading:.3f}"
    follows = {
        "js": rf"\mathrm{{JS}} \geq \log 2 - \frac{{1}}{{2}} L = {reading}",
        "triangular": rf"\Delta \geq 2 - 8\,L = {reading}",
        "variation": rf"\mathrm{{TV}} \geq 1 - \frac{{1}}{{2}} L = {reading}",
        "w1": rf"\mathrm{{E}}\,f(x) - \mathrm{{E}}\,f(G(z)) = {reading} "
        + (r"\leq K\,W_1, \; K \mathrm{\ unknown}" if game.model.loss == CLIP else r"\approx W_1"),
    }[loss.measures]
    lines = (rf"L = {loss.objective}", follows if loss.measures == "w1" else rf"L = {value}, \quad {follows}")
    return f'<ul class="formulas">{"".join(f"<li>{formula(line)}</li>" for line in lines)}</ul>'


def plots(game: Session, measured: Measures, width: int) -> str:
    """W1 and JS with their floors, and the players' losses."""
    history, losses = game.history.view(), game.curves.view()
    w1 = _banded("Wasserstein-1", "units of the plane", "w1", 0, game, measured, history, width)
    js = _banded("Jensen-Shannon", "nats", "js", 2, game, measured, history, width)
    unit = "nats" if LOSSES[game.model.loss].measures == "js" else "score units"
    lines = [Line(f"{name}'s loss", *losses.get(name, ((), ())), color) for color, name in enumerate(PLAYERS)]
    both = Plot("Losses", "rounds", unit, lines, (), game.marks, max(game.rounds, 1))
    note = (
        f"W1: exact, {MATCHED} fakes against {MATCHED} fresh points. JS: histograms of {CELLS} x {CELLS} cells, "
        f"{COUNTED:,} against {COUNTED:,}. Grey: the floor, the range of {game.floor.pairs} pairs of real samples of "
        f"these sizes; a perfect generator lies within that of {PAIRS} nine times in ten."
    )
    return f'{w1}{js}<p class="note">{note}</p>{curves(both, width, 130)}'


def _banded(
    title: str, unit: str, name: str, color: int, game: Session, measured: Measures, history: Answer, width: int
) -> str:
    x, y = history.get(name, ((), ()))
    low, high = measured.floors[name]
    plot = Plot(title, "rounds", unit, [Line(title, x, y, color)], ((high, ""),), game.marks, max(game.rounds, 1))
    x0, x1, _, top = bounds(plot)
    canvas = Canvas((x0, x1), (0.0, top), width, 120)
    canvas.box((x0, x1), (low, high), "var(--quiet)", 0.22)
    for at, words in game.marks:
        canvas.mark(at, words)
    canvas.line(x, y, color)
    entries = [("fakes against data", color, f"{measured.distances[name]:.3f}")]
    return figure(title, canvas.svg(describe(plot)), unit=unit, entries=entries)


def says(game: Session, measured: Measures) -> str:
    """The state in a sentence, for those who do not see the canvas."""
    parts = [
        f"W1 {_plain(measured, 'w1')}",
        f"JS {_plain(measured, 'js')} nats",
        f"discriminator reads {_reads(game, measured)}",
    ]
    if measured.modes:
        parts.insert(0, f"{measured.modes.covered} of {measured.modes.known} modes covered")
    return f"{game.law.title}, {game.model.loss}, after {game.rounds:,} rounds: {'; '.join(parts)}."


def _plain(measured: Measures, name: str) -> str:
    low, high = measured.floors[name]
    return f"{measured.distances[name]:.3f}, floor {low:.3f} to {high:.3f}"
