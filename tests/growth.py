"""The same hour of visits twice: nothing a server holds may be more the second time.

    python -m tests.growth [--visits 200] [--figures 2000] [--warm 20]

An hour is compressed into minutes: each visitor opens the page, starts a run, watches it, asks for figures, and some
download all files of their run, load it back, give pictures of their own, compare two runs or play in the plane. After
each hour all is left alone until the runs are forgotten. Resident memory counts after freed memory was given back.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import random
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.load.client import Parts

ROOT = Path(__file__).parents[1]
TOGETHER = 3  # visitors
DROP_SECONDS = 25  # in place of an hour
SETTLE_SECONDS = DROP_SECONDS + 10
GROWTH = 1.02  # of resident memory
LOOSE = 3  # threads, files and sockets more or less that the answering of requests has at a moment
MODELS = (("gan", {"width": 16}), ("vae", {"width": 16}), ("dcgan", {"width": 8}))
FILES = ("model.safetensors", "curves.png", "curves.json", "run.py", "run.ipynb", "run.zip")
DATA = ("mnist", "cifar10")


class Visitor:
    """One who comes with a browser of their own."""

    def __init__(self, port: int, number: int, parts: Parts, others: dict[str, int]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._random, self._number, self._parts, self._others = random.Random(number), number, parts, others
        self._session = secrets.token_hex(6)

    def visit(self, figures: int) -> int:
        """The whole visit; how many answers a tool gave."""
        self._get("/")
        model, settings = MODELS[self._number % len(MODELS)]
        request = {"model": model, "dataset": self._random.choice(DATA), "settings": settings, "seconds": 60}
        if self._number % 5 == 1:
            request |= {"dataset": "own", "own": self._give(), "settings": {}}
        run = self._call(self._parts.train, "start", request | {"seed": self._number})["run"]
        self._watch(run)
        answers = sum(self._ask(run) for _ in range(figures))
        if self._number % 5 == 0:
            for name in FILES:
                self._look(run)
                content = self._get(f"/train/{run}/{name}")
                if name == FILES[0]:
                    self._post("/train/load?seconds=60&name=model.safetensors", content)
        if self._number % 5 == 2:
            self._play()
        if self._number % 10 == 3:
            self._compare(model)
        self._call(self._parts.train, "command", {"run": run, "action": "stop"}, may_fail=True)
        self._connection.close()
        return answers

    def _watch(self, run: str) -> None:
        """Until it has a round, but not for long: others may be before it."""
        news, until = {"revision": -1}, time.monotonic() + 3
        while time.monotonic() < until and news.get("state") != "done":
            news = self._look(run, news["revision"]) or news
            if re.search(r'data-of="round"><dt>.*?<dd>[1-9]', news["status"]):
                return
            time.sleep(0.1)

    def _look(self, run: str, revision: int = -1) -> dict[str, Any] | None:
        asked = {"run": run, "revision": revision, "have": [], "width": 520}
        return self._call(self._parts.train, "look", asked)

    def _ask(self, run: str) -> int:
        self._look(run)  # as the page goes on doing
        tab = self._random.choice(list(self._parts.tabs))
        component, tools = self._parts.tabs[tab]
        values = {"width": self._random.choice((362, 520, 600)), "run": run}
        tool = self._random.choice(tools)
        values |= {"t": round(self._random.uniform(-3, 3), 2)} if tool == "slide" else {}
        values |= {"place": [self._random.uniform(-2, 2)] * 2} if tool == "plane" else {}
        values |= {"seed": self._random.randrange(100)} if (tab, tool) == ("samples", "draw") else {}
        values |= {"source": "my run"} if tool in ("plane", "draw") and self._number % 2 else {}
        return "slots" in self._call(component, "answer", {"tool": tool, "values": values}, may_fail=True)

    def _give(self) -> str:
        file = io.BytesIO()
        np.save(file, np.random.default_rng(self._number).integers(0, 256, (200, 28, 28), dtype=np.uint8))
        return json.loads(self._post("/train/own?what=file&name=mine.npy", file.getvalue()))["own"]

    def _play(self) -> None:
        begun = self._call(self._others["begin"], "begin", {"law": "ring", "seed": self._number, "settings": {}})
        for _ in range(3):
            asked = {"id": begun["id"], "milliseconds": 30, "measure": True, "width": 420}
            self._call(self._others["begin"], "advance", asked)

    def _compare(self, model: str) -> None:
        common = {"model": model, "vary": "batch", "first": 32, "second": 64, "settings": {"width": 16}}
        asked = common | {"dataset": "mnist", "seed": self._number, "seconds": 60}
        runs = self._call(self._others["compare"], "start", asked)["runs"]
        for _ in range(3):
            self._call(self._others["compare"], "look", {"runs": runs, "revision": "", "have": [[], []], "width": 520})
            time.sleep(0.2)
        self._call(self._others["compare"], "command", {"runs": runs, "action": "stop"})

    def _get(self, path: str) -> bytes:
        return self._answer("GET", path, None)

    def _post(self, path: str, body: bytes) -> bytes:
        return self._answer("POST", path, body)

    def _call(self, component: int, function: str, data: Any, may_fail: bool = False) -> Any:
        request = {"data": data, "component_id": component, "fn_name": function, "session_hash": self._session}
        answer = json.loads(self._answer("POST", "/gradio_api/component_server/", json.dumps(request).encode()))
        if answer and "error" in answer and not may_fail:
            raise RuntimeError(f"{function}: {answer['error']}")
        return answer

    def _answer(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"} if "component_server" in path else {}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
        except ConnectionError:  # idle for long, and closed by the server
            self._connection.close()
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {content[:200]!r}")
        return content


@contextmanager
def server() -> Iterator[int]:
    """The port of a counted server with a folder of its own for temporary files."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        settings = os.environ | {"TMPDIR": folder, "GRADIO_TEMP_DIR": folder, "GENMODELS_RUNS": str(TOGETHER)}
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.counted", str(port), str(DROP_SECONDS)]
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 120
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"The page did not start: {log.read()}")
                time.sleep(0.3)
            time.sleep(1)
            yield port
        finally:
            if process.poll() is not None:
                print(f"The server ended by itself, with code {process.returncode}.")
            process.kill()
            process.wait()
            log.seek(0)
            faults = [line for line in log if re.search("Error|Traceback|Fatal|File ", line)]
            print("".join(faults[:40]), end="")


def hour(port: int, parts: Parts, others: dict[str, int], visits: int, figures: int) -> dict[str, int]:
    """So many visits with so many figures in all, always the same ones; what the server holds afterwards."""
    start, waiting, guard, answers = time.monotonic(), itertools.count(), threading.Lock(), []

    def come(_: int) -> None:
        while True:
            with guard:
                number = next(waiting)
            if number >= visits:
                return
            try:
                answers.append(Visitor(port, number, parts, others).visit(figures // visits))
            except RuntimeError as error:  # a slow computer forgets runs before they are asked for again
                print(f"visit {number} broke off: {error}", flush=True)

    with ThreadPoolExecutor(TOGETHER) as crowd:
        list(crowd.map(come, range(TOGETHER)))
    print(f"{visits} visits, {sum(answers)} figures, {time.monotonic() - start:.0f} s", flush=True)
    time.sleep(SETTLE_SECONDS)
    return counted(port)


def counted(port: int) -> dict[str, int]:
    """What the server says it holds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/counts")
    return json.loads(connection.getresponse().read())


def table(first: dict[str, int], second: dict[str, int]) -> tuple[str, bool]:
    """Both hours beside one another, and whether nothing has grown."""
    lines, passed = [f"{'':<20}{'first':>15}{'second':>15}{'growth':>12}"], True
    for name in first:
        before, after = first[name], second[name]
        if name == "resident":
            fine = after <= GROWTH * before
        elif name in ("threads", "files", "sockets"):
            fine = after <= before + LOOSE
        else:
            fine = after <= before or name == "resident as it is"
        passed &= fine
        growth = f"{after / before - 1:+.2%}" if before > 10**6 else f"{after - before:+,}"
        lines.append(f"{name:<20}{before:>15,}{after:>15,}{growth:>12}{'' if fine else '  MORE'}")
    return "\n".join([*lines, "PASS" if passed else "FAIL"]), passed


def main() -> int:
    """Prints the table; 1 where something has grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=200)
    parser.add_argument("--figures", type=int, default=2000)
    parser.add_argument("--warm", type=int, default=20, help="visits before the first hour")
    chosen = parser.parse_args()
    with server() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/config")
        config = json.loads(connection.getresponse().read())
        connection.close()
        parts, others = Parts.of(config), {}
        for part in config["components"]:
            functions = set(part["props"].get("server_fns") or [])
            if "begin" in functions:
                others["begin"] = part["id"]
            if functions == {"start", "look", "command", "preview"}:
                others["compare"] = part["id"]
        each = chosen.figures // chosen.visits
        hour(port, parts, others, chosen.warm, each * chosen.warm)
        both = [hour(port, parts, others, chosen.visits, chosen.figures) for _ in range(2)]
    words, passed = table(*both)
    print(words)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
