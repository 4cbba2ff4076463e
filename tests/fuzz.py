"""Nonsense for every function that a browser can call, for the server itself, and for every reader of files.

    python -m tests.fuzz [--requests 10000] [--seed 0]

The functions are those of the built page, so that a new one is there by itself. A tenth of the requests goes over HTTP
to a server of its own, whose log must stay free of tracebacks. Seconds are those of the processor. Half of all are
damaged files, of fuzz_files.py.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import random
import resource
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from genmodels import registry
from genmodels.models.base import settings_of
from genmodels.ui import attack, classifier, distances, information, latent, samples
from genmodels.ui.tool import KNOWN
from tests.addresses import VALUES, addresses
from tests.served import functions, sent, server

LONGEST, LARGEST = 1.0, 768 * 2**20  # seconds of an answer; bytes by which the process may grow
TABS = (latent, samples, distances, information, classifier, attack)
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
DEEP: Any = json.loads("[" * 400 + "]" * 400)
ODD: list[Any] = [*VALUES, None, True, -1, 0, 10**30, 1e308, float("nan"), float("-inf"), "\ud800", "x" * 100_000]
ODD += [[], {}, [[1]], [None] * 50, FILE, [FILE], DEEP, {"__proto__": {"a": 1}}, "/etc/passwd", "../../runs", "A" * 22]
TRAIN = {"model": "gan", "dataset": "mnist", "settings": {"width": 16}, "seed": 0, "seconds": 1, "replaces": "x"}
PAIR = {"model": "gan", "dataset": "mnist", "vary": "width", "first": 16, "second": 32, "seed": 0, "seconds": 1}
KNOWN_REQUESTS: dict[str, dict[str, Any]] = {
    "live.start": TRAIN,
    "live.look": {"run": "A" * 30, "revision": 1, "have": [0], "width": 520, "viewer": "v"},
    "live.command": {"run": "A" * 30, "action": "set", "name": "batch", "value": 8},
    "live.preview": {"dataset": "mnist", "own": "A" * 22},
    "promise.expect": TRAIN,
    "promise.reached": {"run": "A" * 30},
    "promise.shipped": TRAIN,
    "side_by_side.start": PAIR,
    "side_by_side.look": {"runs": "A,B", "revision": 1, "have": [0], "width": 520},
    "side_by_side.command": {"runs": "A,B", "action": "stop"},
    "game.begin": {"law": "ring", "seed": 0, "settings": {}, "strokes": [[[0, 0.8], [5, 5]]], "replaces": ""},
    "game.advance": {"id": "A" * 22, "rounds": 1, "set": {}, "only": None, "measure": True, "width": 400},
    "tour.check": {"stop": "start", "answer": "1", "run": ""},
    "tour.formulas": {"stop": "start"},
    "selfcheck.check": {"check": "none"},
    "selfcheck.theorems": {},
}
ADDRESSES = """
/gradio_api/file=/etc/passwd /gradio_api/file=../../etc/passwd /gradio_api/file=%2Fetc%2Fpasswd /file=app.py
/gradio_api/file/runs /gradio_api/proxy=http://127.0.0.1:1/ /gradio_api/upload /gradio_api/queue/join
/gradio_api/queue/data?session_hash=x /gradio_api/stream/a/b/c/playlist.m3u8 /monitoring /openapi.json
/static/../../../etc/passwd /static/..%2f..%2f..%2fetc%2fpasswd /assets/%2e%2e/%2e%2e/app.py /svelte/../x
/train/A/model.safetensors /train/..%2f..%2fetc/passwd /train//x /train/load/../x /docs /login/
/?deep_link=x&page=y /config /language/zh.json /language/../train.py /gradio_api/deep_link /%00 /%ff
"""
PATHS = ADDRESSES.split()


@dataclass
class Found:
    """What went wrong, and what it cost."""

    requests: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds
    slowest_of: str = ""
    grown: int = 0  # bytes


class Log(logging.Handler):
    """Counts the defects that were logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")


def valid(name: str, generator: random.Random) -> dict[str, Any]:
    """A request that the function understands."""
    if name.startswith("tool.answer"):
        tool = generator.choice([tool for tab in TABS for tool in tab.TOOLS])
        kinds = settings_of(tool.answer)
        values = {key: default for key, (_, default) in kinds.items() if key not in KNOWN}
        return {"tool": tool.name, "values": values | {"width": 400}}
    return copy.deepcopy(KNOWN_REQUESTS[name.rstrip(".0123456789")])


def mutated(request: dict[str, Any], generator: random.Random) -> Any:
    """The request with one to three things in it that no page sends."""
    for _ in range(generator.randint(1, 3)):
        place = request
        while (inner := [v for v in place.values() if isinstance(v, dict) and v]) and generator.random() < 0.6:
            place = generator.choice(inner)
        odd, keys = copy.deepcopy(generator.choice(ODD)), list(place)
        way = generator.randrange(5)
        if way == 0 and keys:
            del place[generator.choice(keys)]
        elif way == 1:
            place[generator.choice(("__proto__", "constructor", "", "x" * 200, "run", "path", "\ud800"))] = odd
        elif way == 2 and generator.random() < 0.2:
            return odd
        elif keys:
            key = generator.choice(keys)
            place[key] = [place[key]] if way == 3 else odd
    return request


def ask(count: int, seed: int) -> Found:
    """So many requests to the functions themselves."""
    generator, found, log = random.Random(seed), Found(), Log()
    known = functions()
    names = list(known)
    logging.getLogger("genmodels").addHandler(log)
    try:
        before = 0
        for number in range(count):
            name = names[number % len(names)]
            if number == count // 10:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # what is loaded once is there by now
            request = mutated(valid(name, generator), generator)
            shown = f"{name} {str(request)[:300]!r}"
            begun = time.thread_time()
            try:
                answer = known[name][1](request)
                took = time.thread_time() - begun
                json.dumps(answer, allow_nan=False).encode()
                str(answer).encode()
            except Exception as error:
                found.faults.append(f"{shown}: {error!r}")
                continue
            if number >= count // 10 and took > found.slowest:
                found.slowest, found.slowest_of = took, shown
            sentence = answer.get("error") if isinstance(answer, dict) else None
            if sentence is not None and (not str(sentence).endswith((".", "...")) or len(sentence) > 320):
                found.faults.append(f"{shown}: {sentence!r}")
            if isinstance(answer, dict) and ("run" in answer or "runs" in answer):
                for run in registry.everyone():
                    run.stop()
            found.requests += 1
            found.faults += [f"{shown}: {words}" for words in log.words]
            log.words.clear()
        found.grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    finally:
        logging.getLogger("genmodels").removeHandler(log)
    return found


def over_http(port: int, count: int, seed: int) -> list[str]:
    """So many requests to a server; those that it did not answer as it should."""
    generator, faults, known = random.Random(seed), [], functions(port)
    links = addresses(max(count // 8, 40), seed)
    for number in range(count):
        if number % 4 == 0:
            path, method = PATHS[number // 4 % len(PATHS)], generator.choice(("GET", "POST", "PUT", "HEAD"))
            if number % 8 == 0:  # a link
                path, method = "/?" + quote(generator.choice(links), safe="%&=?;+"), "GET"
            status, content = sent(port, method, path, generator.choice((b"", b"{}", b"\xff" * 1000)))
            shown = f"{method} {path}"
            if b"root:" in content or b"import " in content and b"<html" not in content:
                faults.append(f"{shown}: a file came back")
        else:
            name = generator.choice(list(known))
            request = {"data": valid(name, generator), "component_id": known[name][0], "session_hash": "x"}
            request["fn_name"] = known[name][1].__name__
            # Calls themselves are nonsense, or what they carry.
            request = (
                mutated(request, generator)
                if number % 4 == 1
                else request | {"data": mutated(request["data"], generator)}
            )
            body = json.dumps(request).encode()
            if number % 16 == 7:
                body = b"[" * 100_000 if number % 32 == 7 else body[: len(body) // 2]
            status, content = sent(port, "POST", "/gradio_api/component_server/", body, Content_Type="application/json")
            shown = f"{name} {body[:300]!r}"
        if status >= 500 or b"Traceback" in content:
            faults.append(f"{shown}: {status} {content[:200]!r}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    from tests import fuzz_files  # which builds on this file

    files = fuzz_files.hand_in(arguments.requests // 2, arguments.seed)
    arguments.requests -= arguments.requests // 2
    found = ask(arguments.requests * 9 // 10, arguments.seed)
    with server() as (port, log):
        faults = [*files.faults, *found.faults, *over_http(port, arguments.requests // 10, arguments.seed)]
        faults += ["The server's log holds a traceback:\n" + log()] if "Traceback" in log() else []
    print(*(f"{name:20}{n:7,} files, {files.read[name]:,} of them read" for name, n in files.files.items()), sep="\n")
    print(f"slowest file {files.slowest:.2f} s (at most {fuzz_files.LONGEST:g}): {files.slowest_of}")
    print(f"largest {files.largest / 2**20:.0f} MiB (at most {fuzz_files.LARGEST >> 20}): {files.largest_of}")
    print(f"{found.requests:,} requests to {len(functions())} functions, {arguments.requests // 10:,} over HTTP")
    print(f"slowest answer {found.slowest:.2f} s (at most {LONGEST:g}): {found.slowest_of}")
    print(f"memory grew by {found.grown / 2**20:.0f} MiB (at most {LARGEST >> 20})")
    print(*faults[:20], f"{len(faults)} faults", sep="\n")
    return 1 if faults or files.grew() or found.slowest > LONGEST or found.grown > LARGEST else 0


if __name__ == "__main__":
    sys.exit(main())
