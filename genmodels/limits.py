"""When a run is done: after so many seconds, rounds or images."""

from __future__ import annotations

from genmodels.models.base import Real, Whole

KINDS = {
    "seconds": Real(0.01, 1e7, "seconds"),
    "rounds": Whole(1, 10**9, "rounds"),
    "images": Whole(1, 10**12, "images"),
}


class Limits:
    """Ends by name, counted from a start; None for no end. UserError for amounts that make no sense."""

    def __init__(self, start: dict[str, float], amounts: dict[str, float | None]) -> None:
        checked = {name: KINDS[name].check(name, value) for name, value in amounts.items() if value is not None}
        self._start, self._ends = start, {name: start[name] + amount for name, amount in checked.items()}

    def reached(self, now: dict[str, float]) -> bool:
        return any(now[name] >= end for name, end in self._ends.items())

    def left(self, now: dict[str, float], rate: float) -> float | None:
        """Seconds until the nearest end at a rate of images per second; None where nobody can say."""
        images, rounds = (now[name] - self._start[name] for name in ("images", "rounds"))
        paces = {"seconds": 1.0, "images": rate, "rounds": rate * rounds / images if images else 0.0}
        times = [(end - now[name]) / paces[name] for name, end in self._ends.items() if paces[name] > 0]
        return max(0.0, min(times)) if times else None
