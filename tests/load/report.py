"""What a crowd found, as a table and as targets met or missed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.load.visitor import INTERACTIVE, Tally


@dataclass(frozen=True)
class Found:
    """Measured of a crowd; rates in rounds a second, processor time in seconds."""

    tally: Tally
    seconds: float
    before: float
    under: float
    after: float
    clients: float
    server: float
    browsers: tuple[float, ...]  # pictures a second that each saw

    @property
    def alone(self) -> float:
        return (self.before + self.after) / 2


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rates(tally: Tally) -> list[float]:
    """Pictures a second of each watcher, while its run trained."""
    found = []
    for seen in tally.watched:
        gaps, times = [], [at for at, picture in seen if picture]
        for first, second in zip(times, times[1:], strict=False):
            if not any(first < at < second and not told for at, told in seen if second - first > 30):
                gaps.append(second - first)
        if gaps:
            found.append(len(gaps) / sum(gaps))
    return found


def table(found: Found) -> str:
    """Kind of request, how many, how long they took."""
    lines = [f"{'request':<10}{'count':>8}{'median':>10}{'p95':>10}{'worst':>10}  ms"]
    for kind, seconds in sorted(found.tally.seconds.items()):
        three = [1000 * value for value in (statistics.median(seconds), quantile(seconds, 0.95), max(seconds))]
        lines.append(f"{kind:<10}{len(seconds):>8}" + "".join(f"{value:>10.0f}" for value in three))
    seen = rates(found.tally)
    lines += [
        f"errors: {len(found.tally.errors)}" + "".join(f"\n  {error}" for error in found.tally.errors[:10]),
        f"watchers: {len(seen)}, pictures a second: median {statistics.median(seen):.2f}, least {min(seen):.2f}"
        if seen
        else "watchers: none saw two pictures",
        *(f"browser {number}: {rate:.2f} pictures a second" for number, rate in enumerate(found.browsers, 1)),
        f"rounds a second: {found.before:.2f} before, {found.under:.2f} under the crowd, {found.after:.2f} after; "
        f"ratio {found.under / found.alone:.2f}",
        f"processor: clients {found.clients / found.seconds:.2f} cores, server {found.server / found.seconds:.2f}",
    ]
    return "\n".join(lines)


def verdicts(found: Found) -> list[tuple[str, bool]]:
    """The targets, and whether each is met."""
    waited = [value for kind in INTERACTIVE for value in found.tally.seconds.get(kind, ())]
    median, late, seen = statistics.median(waited), quantile(waited, 0.95), rates(found.tally)
    return [
        (f"interactive answers: median {1000 * median:.0f} ms, under 200", median < 0.2),
        (f"interactive answers: 95th percentile {1000 * late:.0f} ms, under 1,000", late < 1),
        (f"no error: {len(found.tally.errors)}", not found.tally.errors),
        (f"a picture a second for each watcher: least {min(seen, default=0):.2f}", min(seen, default=0) >= 1),
        (f"training keeps two thirds of its speed: {found.under / found.alone:.2f}", found.under > found.alone * 2 / 3),
    ]
