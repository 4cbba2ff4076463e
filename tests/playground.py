"""How soon the playground's defaults find all eight modes of the ring, seed by seed.

    python -m tests.playground [--seeds 10] [--rounds 3000] [--law ring] [--set NAME=VALUE ...]

Seconds are those of one processor core, spent on the game and on a frame after every 22 ms of playing, as the page asks
for it; the way to the browser comes on top. W1 is the mean of five measurements at the end, beside its floor.
"""

import argparse
import statistics
import time
from typing import Any

from genmodels.playground.laws import LAWS
from genmodels.playground.measures import Modes, modes
from genmodels.playground.session import Session

SLICE = 0.022  # seconds
POINTS = 2000  # to count modes by


def play(law: str, settings: dict[str, Any], seed: int, rounds: int) -> tuple[int | None, float | None, float, Session]:
    """Rounds and seconds until all modes were covered at once, or None, and rounds per second of playing."""
    game, spent, drawn, first = Session(LAWS[law], settings, seed), 0.0, 0.0, (None, None)
    while game.rounds < rounds:
        start = time.thread_time()
        game.play(rounds=12)
        spent += time.thread_time() - start
        if spent > drawn + SLICE:
            start = time.thread_time()
            game.frame()
            spent += time.thread_time() - start
            drawn = spent
        if first[0] is None and complete(counted(game)):
            first = game.rounds, spent
    return *first, game.rounds / spent, game


def counted(game: Session) -> Modes | None:
    z = game.model.latents(POINTS, game.eye)
    return modes(game.law, game.model.generator(z).detach())


def complete(found: Modes | None) -> bool:
    return found is not None and found.covered == found.known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--law", choices=list(LAWS), default="ring")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    settings = dict(pair.split("=", 1) for pair in arguments.set)
    late = []
    for seed in range(arguments.seeds):
        rounds, seconds, rate, game = play(arguments.law, settings, seed, arguments.rounds)
        measured = [game.measure() for _ in range(5)]
        w1, (low, high) = statistics.mean(m.distances["w1"] for m in measured), measured[0].floors["w1"]
        found = counted(game)
        at_end = f"{found.covered} of {found.known} modes, {found.near:.0%} near one; " if found else ""
        reached = f"all modes after {rounds} rounds, {seconds:.1f} s" if rounds else "never all modes at once"
        ended = f"at the end {at_end}W1 {w1:.3f}, floor {low:.3f} to {high:.3f}"
        print(f"seed {seed}: {reached}; {ended}; {rate:.0f} rounds/s")
        late.append(seconds)
    reached = [seconds for seconds in late if seconds is not None]
    print(f"{len(reached)} of {len(late)} seeds" + (f", the latest after {max(reached):.1f} s" if reached else ""))


if __name__ == "__main__":
    main()
