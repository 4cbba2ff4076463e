"""What one visitor can learn of another's run, or do to it: nothing; no path that is given is opened."""

import json
import socket
import time

import pytest

from genmodels import registry
from genmodels.errors import UserError
from genmodels.ui import address
from tests.fuzz import PATHS
from tests.served import call, functions, sent, server

ANSWERS = ("model.safetensors", "curves.png", "curves.json", "run.py", "run.ipynb", "run.zip")
SETTINGS = {"width": 16}


@pytest.fixture(scope="module")
def site():
    with server() as (port, log):
        yield port
        assert "Traceback" not in log(), log()


@pytest.fixture(scope="module")
def parts(site):
    return functions(site)


@pytest.fixture(scope="module")
def theirs(site, parts):
    """The id of somebody's run."""
    request = {"model": "gan", "dataset": "mnist", "settings": SETTINGS, "seed": 0, "seconds": 600}
    status, answer = call(site, parts["live.start"][0], "start", request)
    assert status == 200
    pause = {"run": answer["run"], "action": "pause"}  # so that it leaves the processor to the requests
    assert call(site, parts["live.command"][0], "command", pause) == (200, {})
    return answer["run"]


def state(site, parts, run):
    return call(site, parts["live.look"][0], "look", {"run": run, "revision": -1})[1]


def test_ids_hold_128_bits_beside_what_an_address_shows(theirs, site, parts):
    assert len(theirs) * 6 - 8 * 6 >= 128


def test_no_other_id_reaches_a_run(theirs, site, parts):
    near = [theirs[:8], theirs[:-1], theirs.swapcase(), f" {theirs}", ""]
    for wrong in [*near, [theirs]]:
        for name, (part, function) in parts.items():
            request = {"action": "stop"} | dict.fromkeys(("run", "runs", "id", "own", "replaces"), wrong)
            _, answer = call(site, part, function.__name__, request)
            assert theirs not in json.dumps(answer), name
        if isinstance(wrong, str) and wrong.isprintable() and " " not in wrong:
            for name in ANSWERS[:2]:
                status, content = sent(site, "GET", f"/train/{wrong}/{name}")
                assert status == 404 and theirs.encode() not in content
    assert state(site, parts, theirs)["state"] == "paused"


def test_nothing_lists_ids(theirs, site):
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/startup-events", "/theme.css", *PATHS):
        _, content = sent(site, "GET", path)
        assert theirs[:8].encode() not in content, path


def test_no_path_that_is_given_is_opened(site, parts):
    for path in PATHS:
        status, content = sent(site, "GET", path)
        assert b"root:" not in content and b"import argparse" not in content, path
        assert status < 500, path
    for path in (
        "/gradio_api/file=README.md",
        "/gradio_api/file=/tmp",
        "/gradio_api/upload",
        "/gradio_api/proxy=http://a",
    ):
        assert sent(site, "GET", path)[0] == sent(site, "POST", path)[0] == 404
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    for part, function in parts.values():
        for request in (file, {"file": file, "path": "/etc/passwd", "run": file, "tool": file}):
            status, answer = call(site, part, function.__name__, request)
            assert status == 200 and "root:" not in json.dumps(answer)


def test_other_sites_cannot_ask(site, parts):
    part = parts["live.preview"][0]
    for headers in ({"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        assert call(site, part, "preview", {"dataset": "mnist"}, **headers)[0] == 403
        assert sent(site, "POST", "/train/own?what=drawings", b"x", **headers)[0] == 403
    own = {"Origin": f"http://127.0.0.1:{site}", "Sec_Fetch_Site": "same-origin"}
    assert "png" in call(site, part, "preview", {"dataset": "mnist"}, **own)[1]


def test_large_bodies_are_refused_unread(site):
    for head in ("Content-Length: 100000000", "Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", site), timeout=20) as line:
            begun = time.monotonic()
            line.sendall(
                f"POST /gradio_api/component_server/ HTTP/1.1\r\nHost: 127.0.0.1:{site}\r\n"
                f"Content-Type: application/json\r\n{head}\r\n\r\n".encode()
            )
            if "chunked" in head:
                piece = b"10000\r\n" + b"[" * 65536 + b"\r\n"
                for _ in range(address.LARGEST // 65536 + 1):
                    line.sendall(piece)
            assert b" 413 " in line.recv(4096).split(b"\r\n")[0]
            assert time.monotonic() - begun < 5


def test_models_too_large_for_the_page_are_refused_before_they_are_made():
    begun, before = time.thread_time(), registry.everyone()
    with pytest.raises(UserError, match=r"This model would have 2\d\d million weights"):
        registry.create("made", "mnist", {"width": 8192, "depth": 4}, seconds=1)
    assert time.thread_time() - begun < 1
    assert {*registry.everyone()} <= {*before}  # room was made for it
