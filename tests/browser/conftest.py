"""A server of the page as its own process, and pages of a real headless Chromium that watch themselves."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page under which two runs may train at once."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = os.environ | {"GENMODELS_RUNS": "2"}
    with log.open("w") as file:
        command = [sys.executable, "app.py", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until = time.monotonic() + 90
        while "The page is at" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator["playwright.Browser"]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.sync_playwright() as api:
        yield api.chromium.launch(executable_path=chromium, args=FLAGS)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: "playwright.Browser") -> Iterator["playwright.Page"]:
    """A window of a projector's size, or of the size a test asks for, in which nothing may go wrong unseen."""
    width, height = getattr(request, "param", (1024, 768))
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert not errors


class Lab:
    """The Train tab in one browser window, as a person uses it."""

    def __init__(self, page: "playwright.Page", address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.outside.append(url)

    def open(self, query: str = "") -> "Lab":
        self.page.goto(self.address + query)
        self.page.wait_for_selector(".picture:not([hidden])")
        return self

    def press(self, deed: str) -> None:
        self.page.click(f"[data-do={deed}]")

    def start(self) -> str:
        """Presses Start and returns the run's id once its first picture is there."""
        self.press("start")
        self.page.wait_for_selector(".picture[data-images]")
        return self.run()

    def run(self) -> str:
        return re.search(r"run=([\w-]+)", self.page.url)[1]

    def status(self, name: str) -> str:
        return self.page.inner_text(f".status [data-of='{name}'] dd")

    def round(self) -> int:
        return int(self.status("round").replace(",", ""))

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"{what} did not come"
            self.page.wait_for_timeout(50)

    def wait_round(self, number: int) -> None:
        self.wait(lambda: self.round() >= number, f"round {number}")

    def wait_state(self, state: str) -> None:
        self.wait(lambda: self.status("state") == state, f"state {state}")


@pytest.fixture
def new_lab(browser: "playwright.Browser", address: str) -> Iterator[Callable[..., Lab]]:
    """Opens further labs, each a person with a browser of their own; what went wrong in any fails the test."""
    labs = []

    def new(**options: object) -> Lab:
        labs.append(Lab(browser.new_context(**options).new_page(), address))
        return labs[-1]

    yield new
    for lab in labs:
        if "run=" in lab.page.url and lab.page.is_enabled("[data-do=stop]"):
            lab.press("stop")
            lab.wait_state("stopped")
        lab.page.context.close()
        assert not lab.errors
        assert not lab.outside


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """A lab with a small DCGAN chosen, which learns quickly."""
    return new_lab().open("?model=dcgan&data=mnist&seconds=300&set=width=8&set=latent=16")
