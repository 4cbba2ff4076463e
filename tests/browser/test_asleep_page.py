"""A browser asleep: after a moment its run goes on, after an hour the page says what became of it and how to go on."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
RUNNER = """
import signal, sys
from genmodels import registry

def an_hour_passes(*_):
    for run in registry.everyone():
        run.asked -= registry.DROP_SECONDS + 1
    registry.tidy()
    print("an hour passed", flush=True)

signal.signal(signal.SIGUSR1, an_hour_passes)
import app
sys.argv = ["app.py", "--port", sys.argv[1]]
app.main()
"""


@pytest.fixture
def short_hours(tmp_path):
    """The address of a page, and a function that lets an hour pass on its server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with (tmp_path / "log").open("w") as log:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", RUNNER, str(port)]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while "page is at" not in (text := (tmp_path / "log").read_text()):
            assert process.poll() is None and time.monotonic() < until, text
            time.sleep(0.1)

        def pass_an_hour():
            process.send_signal(signal.SIGUSR1)
            until = time.monotonic() + 30
            while "an hour passed" not in (tmp_path / "log").read_text():
                assert time.monotonic() < until
                time.sleep(0.05)

        yield f"http://127.0.0.1:{port}/", pass_an_hour
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()


def test_a_page_that_wakes_goes_on_or_says_what_became_of_its_run(new_lab, short_hours):
    lab = new_lab()
    lab.address, pass_an_hour = short_hours
    lab.open("?model=gan&data=mnist&seconds=300&set=width=16")
    run, before = lab.start(), lab.round()
    asked: list[str] = []
    lab.page.on("request", lambda request: asked.append(request.url))
    life = lab.page.context.new_cdp_session(lab.page)
    life.send("Debugger.enable")

    def sleep() -> int:
        """How often the page asks while it sleeps."""
        life.send("Debugger.pause")  # no script of the page goes on
        lab.page.wait_for_timeout(300)  # what was under way arrives
        before = len(asked)
        lab.page.wait_for_timeout(1500)
        return len(asked) - before

    def wake() -> None:
        life.send("Debugger.resume")

    assert sleep() <= 1  # awake, it asks five times a second
    wake()
    lab.wait_round(before + 2)
    assert lab.run() == run and "server" not in lab.page.inner_text(".message")
    sleep()
    pass_an_hour()
    wake()
    lab.wait(lambda: "no longer on the server" in lab.page.inner_text(".message"), "the sentence")
    assert "Press Start" in lab.page.inner_text(".message")
    assert lab.page.is_visible(".picture")  # what it had stays
    lab.press("start")  # the way on
    lab.wait(lambda: "run=" in lab.page.url and lab.run() != run, "another run")
    lab.wait_round(2)
    assert "no longer" not in lab.page.inner_text(".message")
    lab.press("stop")
    lab.wait_state("stopped")
    lab.page.goto("about:blank")
