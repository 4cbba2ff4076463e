"""The Playground tab in a real browser: played, paused, stepped, slowed down, changed under way, drawn by hand."""

import json
import urllib.request
from collections.abc import Callable

import pytest

from genmodels.playground.session import KEPT

pytestmark = pytest.mark.browser


class Plane:
    """The Playground tab in one browser window."""

    def __init__(self, lab, query: str = "") -> None:
        self.page, self.address = lab.page, lab.address
        self.wait = lab.wait
        self.page.goto(f"{lab.address}?tab=playground{query}")
        self.page.wait_for_selector("#playground canvas")  # which the link opens, on a phone from the menu

    def ready(self) -> "Plane":
        """Waits until the first frame and its measures are there, and nothing more is asked."""
        self.page.wait_for_selector("#playground canvas[data-rounds='0']")
        self.wait(lambda: "range of 19 pairs" in self.text(".plots"), "the whole floor")
        self.page.wait_for_timeout(100)
        return self

    def press(self, deed: str) -> None:
        self.page.click(f"#playground [data-do={deed}]")

    def text(self, selector: str) -> str:
        return self.page.inner_text(f"#playground {selector}")

    def rounds(self) -> int:
        return int(self.page.get_attribute("#playground canvas", "data-rounds"))

    def says(self) -> str:
        return self.page.get_attribute("#playground canvas", "aria-label")

    def picture(self) -> str:
        return self.page.evaluate("document.querySelector('#playground canvas').toDataURL()")

    def wait_rounds(self, number: int) -> None:
        self.wait(lambda: self.rounds() >= number, f"round {number}")

    def step(self) -> None:
        at = self.rounds()
        self.press("step")
        self.wait(lambda: self.rounds() == at + 1, "one round")
        self.page.wait_for_timeout(100)  # for the picture, which is painted a moment later

    def stands(self) -> bool:
        """Whether neither rounds nor picture change for a while."""
        self.page.wait_for_timeout(300)  # for the last request under way
        before = self.rounds(), self.picture()
        self.page.wait_for_timeout(500)
        return before == (self.rounds(), self.picture())


@pytest.fixture
def plane(new_lab: Callable) -> Plane:
    return Plane(new_lab()).ready()


def test_plays_pauses_and_takes_one_step(plane):
    first = plane.picture()
    assert "0 rounds" in plane.says() and "of 8 modes covered" in plane.says()
    plane.press("play")
    plane.wait_rounds(20)
    assert plane.picture() != first
    plane.wait(lambda: int(plane.page.get_attribute("#playground canvas", "data-frames")) >= 10, "ten frames")
    plane.press("play")  # now says Pause
    assert plane.stands()
    assert f"after {plane.rounds():,} rounds" in plane.text(".message")
    plane.step()
    assert plane.stands()


def test_the_same_start_gives_the_same_pictures(plane):
    def pictures() -> list[str]:
        seen = [plane.picture()]
        for _ in range(3):
            plane.step()
            seen.append(plane.picture())
        return seen

    first = pictures()
    assert len(set(first)) == 4
    plane.press("again")
    plane.ready()
    assert pictures() == first
    plane.page.fill("#playground-seed", "5")
    plane.page.press("#playground-seed", "Enter")
    plane.ready()
    assert plane.picture() != first[0]


def test_changes_under_way(plane):
    plane.press("play")
    plane.wait_rounds(5)
    plane.page.select_option("#playground-loss", "Wasserstein, penalty")
    plane.wait(lambda: "critic's score" in plane.text(".caption"), "the critic")
    plane.page.fill("#playground-generator_lr", "0.005")
    plane.wait(lambda: "generator_lr = 0.005" in plane.page.text_content("#playground .plots"), "the mark")
    assert plane.page.is_visible("#playground-penalty_weight") or plane.page.locator(".only:not([hidden])").count() == 1
    plane.page.check("#playground input[name=player][value=discriminator]", force=True)
    plane.page.fill("#playground-generator_lr", "7")
    plane.wait(lambda: "generator_lr must be" in plane.text(".fault"), "a sentence")
    plane.wait_rounds(plane.rounds() + 5)  # it plays on all the same
    plane.page.fill("#playground-generator_lr", "0.005")
    plane.wait(lambda: plane.text(".fault") == "", "no fault")
    plane.page.click("#playground .more summary")
    plane.page.fill("#playground-generator_units", "16")
    plane.page.press("#playground-generator_units", "Enter")
    plane.wait(lambda: "Started again" in plane.text(".message"), "a word about it")
    plane.wait_rounds(5)
    plane.wait(lambda: "play.generator_units=16" in plane.page.url, "the address")
    plane.page.reload()
    plane.page.wait_for_selector("#playground canvas[data-rounds='0']")
    assert plane.page.input_value("#playground-loss") == "Wasserstein, penalty"
    assert plane.page.input_value("#playground-generator_units") == "16"


def test_slow_motion_names_its_stages(plane):
    plane.press("slow")
    seen = []
    for number in range(1, 6):
        plane.wait(lambda number=number: f"{number} of 5" in plane.text(".act"), f"stage {number}")
        seen.append(plane.picture())
    assert len(set(seen)) == 5
    plane.wait(lambda: plane.rounds() == 1, "both players' steps")
    plane.press("slow")
    plane.press("play")
    assert plane.stands()


def test_a_distribution_drawn_by_mouse_and_by_keys(plane):
    plane.page.check("#playground input[name=law][value=drawn]", force=True)
    assert plane.page.is_visible("#playground .drawing")
    box = plane.page.locator("#playground canvas").bounding_box()
    plane.page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    plane.page.mouse.down()
    plane.page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=12)
    plane.page.mouse.up()
    plane.wait(lambda: plane.says().startswith("drawing"), "a game on the drawing")
    plane.press("play")
    plane.wait_rounds(10)
    plane.press("play")
    assert "strokes=-90_0." in plane.page.url
    before = plane.page.url
    plane.page.focus("#playground canvas")
    for key in ("ArrowUp", "ArrowUp", "Space"):
        plane.page.keyboard.press(key)
    plane.wait(lambda: plane.page.url != before, "a dot")
    plane.wait(lambda: plane.rounds() == 0, "a new game")
    plane.page.reload()
    plane.wait(lambda: plane.says().startswith("drawing"), "the drawing of the address")
    plane.press("wipe")
    assert "strokes" not in plane.page.url


def test_out_of_sight_nothing_is_played(plane):
    plane.press("play")
    plane.wait_rounds(5)
    plane.page.click("#tab-train-button")
    plane.page.wait_for_timeout(400)
    before = plane.rounds()
    plane.page.wait_for_timeout(600)
    assert plane.rounds() == before
    plane.page.click("#tab-playground-button")
    plane.wait_rounds(before + 5)


def test_a_forgotten_game_starts_again_with_a_sentence(plane):
    plane.step()
    for _ in range(KEPT):
        ask(plane.address, "begin", {"law": "line", "seed": 0, "settings": {"batch": 8}})
    plane.press("step")
    plane.wait(lambda: "It starts again from the same seed" in plane.text(".message"), "a sentence")
    plane.wait(lambda: plane.rounds() == 0, "a new game")


def test_presets_play_at_once(plane):
    plane.page.click("#playground .tries button >> nth=1")
    plane.wait_rounds(1)
    assert plane.page.input_value("#playground-loss") == "minimax"
    assert plane.page.input_value("#playground-discriminator_steps") == "20"
    plane.wait(lambda: "minimax, after" in plane.says(), "its measures")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1024, 768), (1920, 1080)])
def test_fits_and_is_reached_by_keyboard(new_lab, width, height):
    plane = Plane(new_lab(viewport={"width": width, "height": height})).ready()
    assert plane.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = plane.page.locator("#playground canvas").bounding_box()
    assert box["y"] + box["height"] < height or width < 900  # the whole picture without scrolling
    assert abs(box["width"] - box["height"]) < 1 and box["width"] >= 340
    plane.page.focus("#playground [data-do=play]")
    plane.page.keyboard.press("Enter")
    plane.wait_rounds(2)


def test_nonsense_requests_get_a_sentence(address):
    for function in ("begin", "advance"):
        for data in (None, [], 3, "x" * 100_000, {}, {"id": [1]}, {"law": {}}, {"set": {"a": [[]]}}, {"id": "x" * 500}):
            answer = ask(address, function, data)
            assert answer["error"].endswith("."), (function, data, answer)
            assert "Something went wrong" not in answer["error"], (function, data, answer)


def ask(address: str, function: str, data: object) -> dict:
    """Calls a function of the page as anybody could, without the page."""
    config = json.load(urllib.request.urlopen(f"{address}config"))
    component = next(c["id"] for c in config["components"] if function in c["props"].get("server_fns", ()))
    body = json.dumps({"data": data, "component_id": component, "fn_name": function, "session_hash": "anybody"})
    request = urllib.request.Request(f"{address}gradio_api/component_server", body.encode())
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request))
