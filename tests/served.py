"""A server of its own for tests, and requests to it that no page made."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genmodels.ui import page

ROOT = Path(__file__).parents[1]


@contextmanager
def server() -> Iterator[tuple[int, Callable[[], str]]]:
    """The port of a server of its own, and its log."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + 90
            while "The page is at" not in Path(log.name).read_text():
                assert process.poll() is None and time.monotonic() < until, Path(log.name).read_text()
                time.sleep(0.1)
            yield port, lambda: Path(log.name).read_text()
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def sent(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and content of an answer. A header's name is written with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def call(port: int, part: int, name: str, data: Any, **headers: str) -> tuple[int, Any]:
    """What gradio's script sends for `server.name(data)`, and the answer."""
    request = {"data": data, "component_id": part, "fn_name": name, "session_hash": "fuzz"}
    kind = {"Content_Type": "application/json"} | headers
    status, content = sent(port, "POST", "/gradio_api/component_server/", json.dumps(request).encode(), **kind)
    return status, json.loads(content or b"null")


def functions(port: int = 0) -> dict[str, tuple[int, Callable[[Any], Any]]]:
    """Every function that a browser can call, by module and name, with the number of its part: of the server at this
    port, where there is one, for a process counts the parts of all pages it builds."""
    parts = {number: part for number, part in page.build().blocks.items() if getattr(part, "server_fns", [])}
    numbers = list(parts)
    if port:
        config = json.loads(sent(port, "GET", "/config")[1])
        numbers = [part["id"] for part in config["components"] if part["props"].get("server_fns")]
    found = {}
    for number, part in zip(numbers, parts.values(), strict=True):
        for one in part.server_fns:
            name = f"{one.__module__.rsplit('.', 1)[-1]}.{one.__name__}"
            found[name if name not in found else f"{name}.{number}"] = number, one
    return found
