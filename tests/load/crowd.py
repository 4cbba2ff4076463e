"""A server of its own, a training on it, and a crowd of visitors."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.load.client import Connection, Parts
from tests.load.report import Found
from tests.load.visitor import WIDTHS, Hand, Tally, Watcher

ROOT = Path(__file__).parents[2]
WARM_ROUNDS = 10
ARRIVAL_SECONDS = 5.0  # within which all have come
PAGE = {"model": "dcgan", "dataset": "mnist", "settings": {}, "seed": 0, "seconds": 3600}


@contextmanager
def server(turn: int) -> Iterator[tuple[tuple[str, int], subprocess.Popen]]:
    """app.py as its own process, with one place in the queue: where it listens, and the process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = os.environ | {"GENMODELS_RUNS": "1", "GENMODELS_TURN": str(turn)}
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "app.py", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 120
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"The page did not start: {log.read()}")
                time.sleep(0.2)
            yield ("127.0.0.1", port), process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def measure(
    *,
    visitors: int,
    seconds: float,
    alone: float,
    turn: int,
    queued: int,
    browsers: int = 0,
    settings: dict[str, Any] | None = None,
) -> Found:
    """The crowd's answers and the training's rates; `alone`: seconds of training without visitors, before and after."""
    with server(turn) as (address, process):
        return asyncio.run(_measure(address, process.pid, visitors, seconds, alone, queued, browsers, settings or {}))


async def _measure(
    address: tuple[str, int],
    pid: int,
    visitors: int,
    seconds: float,
    alone: float,
    queued: int,
    browsers: int,
    settings: dict[str, Any],
) -> Found:
    tally, hidden, connection = Tally(), Tally(), Connection(*address)
    parts = Parts.of(json.loads(await connection.get("/config")))

    async def begin(seed: int) -> str:
        request = PAGE | {"seed": seed, "settings": settings, "replaces": ""}
        return json.loads(await connection.call(parts.train, "start", request))["run"]

    runs = [await begin(0)]
    seers = [Watcher(Connection(*address), parts, runs[0], 520, hidden)]
    while seers[0].round < WARM_ROUNDS:
        await asyncio.sleep(0.5)
        await seers[0].look()
    await asyncio.sleep(min(5, alone))  # the server measures how fast it is, once, after its start
    before = await _rate(seers, alone)

    for seed in range(1, queued + 1):
        runs.append(await begin(seed))
        seers.append(Watcher(Connection(*address), parts, runs[-1], 520, hidden))
    used = time.process_time(), _used(pid)
    until = time.perf_counter() + seconds
    # The owners of runs that wait watch these; all others watch the one that trains.
    watched = [runs[number] if number <= queued else runs[0] for number in range(visitors)]
    crowd = [
        _visit(address, parts, run, number, ARRIVAL_SECONDS * number / visitors, until, tally)
        for number, run in enumerate(watched)
    ]
    under, pictures, *_ = await asyncio.gather(
        _rate(seers, seconds), asyncio.to_thread(_watch, address, runs[0], browsers, seconds), *crowd
    )
    clients, server_used = time.process_time() - used[0], _used(pid) - used[1]

    for run in runs[1:]:
        await connection.call(parts.train, "command", {"run": run, "action": "stop"})
    while seers[0].state != "running":
        await asyncio.sleep(0.5)
        await seers[0].look()
    after = await _rate(seers[:1], alone)
    return Found(tally, seconds, before, under, after, clients, server_used, pictures)


async def _visit(
    address: tuple[str, int], parts: Parts, run: str, number: int, delay: float, until: float, tally: Tally
) -> None:
    await asyncio.sleep(delay)
    width = WIDTHS[number % len(WIDTHS)]
    first = Connection(*address)
    second = Connection(*address, session=first.session)
    watcher = Watcher(first, parts, run, width, tally)
    hand = Hand(second, parts, run, width, tally, number)
    await asyncio.gather(watcher.watch(until), hand.play(until))


async def _rate(seers: list[Watcher], seconds: float) -> float:
    """Rounds a second of all runs together, from one look at each end."""
    rounds = []
    for pause in (seconds, 0):
        for seer in seers:
            await seer.look()
        rounds.append((time.perf_counter(), sum(seer.round for seer in seers)))
        await asyncio.sleep(pause)
    (start, first), (end, second) = rounds
    return (second - first) / (end - start)


def _used(pid: int) -> float:
    """Seconds of processor time of a process; 0 where the system does not say."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    user, system = path.read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _watch(address: tuple[str, int], run: str, browsers: int, seconds: float) -> tuple[float, ...]:
    """Pictures a second that real browsers saw."""
    if not browsers:
        return ()
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        chromium = api.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        pages = [chromium.new_page() for _ in range(browsers)]
        for page in pages:
            ids = json.dumps(json.dumps([run]))  # as if this browser had started it
            page.add_init_script(f"localStorage.setItem('genmodels-runs', {ids})")
            page.goto(f"http://{address[0]}:{address[1]}/?run={run[:8]}")
            page.wait_for_selector(".picture[data-images]", timeout=60_000)
            page.evaluate(
                """() => { window.seen = 0; new MutationObserver(() => window.seen++).observe(
                document.querySelector(".picture"), { attributeFilter: ["src"] }); }"""
            )
        start = time.perf_counter()
        pages[0].wait_for_timeout(1000 * max(1.0, seconds - 5 * browsers))
        rates = tuple(page.evaluate("window.seen") / (time.perf_counter() - start) for page in pages)
        chromium.close()
        return rates
