"""What a visitor does: opens the page, watches a run, and moves what can be moved, at a person's pace."""

from __future__ import annotations

import asyncio
import json
import random
import re
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.load.client import Connection, Lost, Parts

WIDTHS = (600, 600, 520, 362)  # pixels of a figure: three screens and a telephone
THINK_SECONDS = (4.0, 14.0)  # between two things one does
DRAG_SECONDS = 1.0
DRAW_SECONDS = 0.02  # that a browser takes to show an answer
PACE_SECONDS = 0.04  # from one question to the next, as in ui/tool.js
INTERACTIVE = ("slider", "decode", "samples")


@dataclass
class Tally:
    """Seconds until each answer by kind, what went wrong, and when each watcher had a new picture of a run that
    trained, or at least was told that it did (`True`: a picture)."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    watched: list[list[tuple[float, bool]]] = field(default_factory=list)

    @asynccontextmanager
    async def timed(self, kind: str) -> AsyncIterator[None]:
        """Times an answer; one that is lost or no answer is an error."""
        start = time.perf_counter()
        try:
            yield
        except Lost as error:
            self.errors.append(f"{kind}: {error}")
            await asyncio.sleep(1)
        self.seconds[kind].append(time.perf_counter() - start)


class Watcher:
    """The Train tab's script: asks for news of a run by revision five times a second, or as the server bids."""

    def __init__(self, connection: Connection, parts: Parts, run: str, width: int, tally: Tally) -> None:
        self._connection, self._parts, self._tally = connection, parts, tally
        self._request = {"run": run, "revision": -1, "have": [], "width": width, "viewer": secrets.token_hex(5)}
        self.state, self.round, self.pause = "waiting", 0, 0.2

    async def look(self) -> dict[str, Any] | None:
        """What is new, if anything is."""
        news = None
        async with self._tally.timed("look"):
            body = await self._connection.call(self._parts.train, "look", self._request)
            news = json.loads(body)
        if news is None:
            return None
        if "error" in news:
            self._tally.errors.append(f"look: {news['error']}")
            return None
        kept, fresh = news["pictures"]["kept"], [picture["images"] for picture in news["pictures"]["fresh"]]
        self._request["revision"] = news["revision"]
        self._request["have"] = [key for key in {*self._request["have"], *fresh} if key in kept]
        self.state, self.pause = news["state"], news["pause"] / 1000
        self.round = int(re.search(r'data-of="round"><dt>.*?<dd>([\d,]+)', news["status"])[1].replace(",", ""))
        return news

    async def watch(self, until: float) -> None:
        seen: list[tuple[float, bool]] = []
        self._tally.watched.append(seen)
        while time.perf_counter() < until:
            start = time.perf_counter()
            pause = self.pause if self.state in ("waiting", "running", "paused") else 1.0
            news = await self.look()
            if news:
                seen.append((time.perf_counter(), self.state == "running" and bool(news["pictures"]["fresh"])))
                pause = 0 if news["more"] else pause
            await asyncio.sleep(max(0, start + pause - time.perf_counter()))
        self._connection.close()


class Hand:
    """One who goes from tab to tab, drags sliders, clicks among codes and draws samples."""

    def __init__(self, connection: Connection, parts: Parts, run: str, width: int, tally: Tally, seed: int) -> None:
        self._connection, self._parts, self._tally = connection, parts, tally
        self._known = {"width": width, "run": run}
        self._random, self._open = random.Random(seed), set()

    async def play(self, until: float) -> None:
        async with self._tally.timed("page"):
            await self._connection.get("/")
        while time.perf_counter() < until:
            await asyncio.sleep(self._random.uniform(*THINK_SECONDS))
            if time.perf_counter() < until:
                await self._random.choice((self._slide, self._joint, self._decode, self._samples))()
        self._connection.close()

    async def _slide(self) -> None:
        await self._drag("distances", "slide", "t", -6, 6)

    async def _joint(self) -> None:
        await self._drag("information", "joint", "noise", 0, 1)

    async def _decode(self) -> None:
        await self._tab("latent")
        for _ in range(self._random.randint(1, 4)):
            place = [self._random.uniform(-3, 3), self._random.uniform(-3, 3)]
            await self._ask("decode", "latent", "plane", {"place": place})
            await asyncio.sleep(self._random.uniform(0.5, 2))

    async def _samples(self) -> None:
        await self._tab("samples")
        await self._ask("samples", "samples", "draw", {"seed": self._random.randrange(1000), "count": 64})

    async def _drag(self, tab: str, tool: str, name: str, low: float, high: float) -> None:
        """A slider held for a second: the next request goes when the last answer stands on the page, and paced."""
        await self._tab(tab)
        start, ends = time.perf_counter(), [self._random.uniform(low, high) for _ in range(2)]
        while (share := (time.perf_counter() - start) / DRAG_SECONDS) < 1:
            asked = time.perf_counter()
            await self._ask("slider", tab, tool, {name: float(f"{ends[0] + share * (ends[1] - ends[0]):.2g}")})
            await asyncio.sleep(max(DRAW_SECONDS, asked + PACE_SECONDS - time.perf_counter()))

    async def _tab(self, tab: str) -> None:
        """Opening a tab computes its tools, one after the other; the first time alone."""
        if tab not in self._open:
            self._open.add(tab)
            for tool in self._parts.tabs[tab][1]:
                await self._ask("tab", tab, tool, {})

    async def _ask(self, kind: str, tab: str, tool: str, values: dict[str, Any]) -> None:
        async with self._tally.timed(kind):
            request = {"tool": tool, "values": {**self._known, **values}}
            body = await self._connection.call(self._parts.tabs[tab][0], "answer", request)
            if not body.startswith(b'{"slots"'):
                raise Lost(f"{tool}: {body[:200].decode()}")
