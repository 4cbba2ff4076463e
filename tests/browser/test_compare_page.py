"""The Compare tab in a real browser: a pair from one click, its pictures, curves and words, and a way back to it."""

import re
import time

import numpy as np
import pytest

pytestmark = pytest.mark.browser

SMALL = "?tab=compare&model=gan&vary=depth&first=0&second=1&seconds=120&seed=3"


class Two:
    """The tab as a person uses it."""

    def __init__(self, page, address):
        self.page, self.address = page, address

    def open(self, query):
        self.page.goto(self.address + query)
        self.page.wait_for_selector("#compare #compare-second")
        return self

    def press(self, deed):
        self.page.click(f"#compare [data-do={deed}]")

    def text(self, selector):
        return self.page.inner_text(f"#compare {selector}")

    def images(self):
        """How many images both have seen, by the lines under their pictures."""
        lines = [self.page.inner_text(f"#compare .side >> nth={place} >> .says") for place in (0, 1)]
        return [int(re.search(r"([\d,]+) images", line)[1].replace(",", "")) if line else 0 for line in lines]

    def drawn(self):
        """After how many images the two pictures shown were drawn."""
        sides = self.page.query_selector_all("#compare .picture")
        return [int(side.get_attribute("data-images") or -1) for side in sides]

    def state(self):
        return self.page.get_attribute("#compare .lab", "data-state")

    def wait(self, condition, what, seconds=40):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"{what} did not come"
            self.page.wait_for_timeout(50)


@pytest.fixture
def two(page, address):
    two = Two(page, address)
    yield two
    if two.state() in ("running", "waiting", "paused"):
        two.press("stop")
        two.wait(lambda: two.state() == "stopped", "the end")


def test_a_pair_moves_pauses_comes_back_and_ends_with_words(two):
    two.open(SMALL)
    two.press("start")
    two.wait(lambda: min(two.drawn()) > 5000, "two pictures")
    assert two.page.inner_text("#compare h3 >> nth=0") == "depth = 0"
    assert two.page.inner_text("#compare h3 >> nth=1") == "depth = 1"
    plot = two.page.locator("#compare .plot", has_text="generator loss")
    assert plot.locator("polyline").count() == 2 and plot.locator("li").count() == 2
    two.press("pause")
    two.wait(lambda: two.state() == "paused", "the pause")
    first, second = two.images()
    assert abs(first - second) <= 64  # one round
    plot.locator("svg").hover()  # by now nothing is redrawn under the hand
    readings = plot.locator("output").all_inner_texts()
    assert len(readings) == 2 and all(re.fullmatch(r"[\d.\u2212]+", value) for value in readings)
    assert re.search(r"at [\d,]+ images seen", plot.inner_text())

    slider = two.page.locator("#compare .replay input")
    slider.fill("0")
    assert two.drawn() == [0, 0]
    before = two.images()
    assert two.page.locator("#compare .picture >> nth=0").get_attribute("src").startswith("data:image/png")

    address = two.page.url
    assert re.search(r"runs=[\w-]+%2C[\w-]+", address)
    two.page.reload()
    two.wait(lambda: two.state() == "paused", "the pair after a reload")
    assert two.images() == before and two.page.input_value("#compare-second") == "1"
    two.press("pause")  # now says Resume
    two.wait(lambda: min(two.images()) > max(before), "more images of both")
    two.press("stop")
    two.wait(lambda: "This is one seed" in two.text(".difference"), "the words")
    said = two.text(".difference")
    assert re.search(
        r"Feature distance to test images: depth = 0 [\d.]+, depth = 1 [\d.]+ \(floor 0\.15, n 2,000\)", said
    )
    assert "against different opponents, cannot be compared; the distance can." in said
    assert two.state() == "stopped" and two.page.is_disabled("#compare [data-do=pause]")


@pytest.mark.parametrize("page", [(390, 844)], indirect=True)
def test_a_preset_on_a_phone(two):
    two.open("?tab=compare")
    two.page.evaluate(  # faster than the server answers: the last one counts
        """for (const name of ["GAN and DCGAN", "Beta 0.1 and 4"])
             [...document.querySelectorAll("#compare .tries button")].find((one) => one.innerText === name).click()"""
    )
    two.wait(lambda: two.page.inner_text("#compare h3 >> nth=0") == "beta = 0.1", "the pair asked for last")
    two.wait(lambda: min(two.drawn()) > 0, "two pictures")
    assert two.page.input_value("#compare-first") == "0.1" and two.page.input_value("#compare-model") == "vae"
    two.wait(lambda: "vary=beta" in two.page.url and "runs=" in two.page.url, "the address")
    top, under = (two.page.locator(f"#compare .picture >> nth={place}").bounding_box() for place in (0, 1))
    assert under["y"] >= top["y"] + top["height"] and top["width"] > 300
    assert two.page.evaluate("document.documentElement.scrollWidth") <= 390
    two.wait(lambda: "KL(q(z|x) || p(z)): beta = 0.1" in two.text(".difference"), "a term that both have")
    assert "Not compared: negative bound" in two.text(".difference")


def test_own_pictures_are_compared_and_are_the_same_on_both_tabs(two, tmp_path):
    two.open("?tab=compare&model=gan&data=own&vary=depth&first=0&second=1&seconds=120")
    two.press("start")
    two.wait(lambda: "There are no pictures of yours here" in two.text(".fault"), "a sentence")
    np.save(tmp_path / "stripes.npy", np.arange(40 * 28 * 28, dtype=np.uint8).reshape(40, 28, 28))
    two.page.set_input_files("#compare .own [data-own=file]", tmp_path / "stripes.npy")
    two.wait(
        lambda: two.text(".own figcaption").startswith("40 pictures, without labels, 28 x 28, grey: 36"), "the set"
    )
    assert two.text(".fault") == ""
    assert two.page.text_content("#train .own figcaption").startswith("40 pictures")
    two.press("start")
    two.wait(lambda: min(two.drawn()) > 0, "two pictures")
    assert "stripes, 36 of 36: your own, 4 held out" in two.text(".status")
    assert "data=own" in two.page.url
    assert two.page.evaluate("sessionStorage.getItem('genmodels-own')") not in two.page.url
    two.page.reload()
    two.wait(lambda: two.text(".own figcaption").startswith("40 pictures"), "the set after a reload")
    two.wait(lambda: min(two.drawn()) > 0, "two pictures after a reload")
    two.page.click("#compare .own .form summary")
    two.page.check("#compare [name=own-side][value='32']", force=True)
    assert "give that again" in two.text(".own .refused")
    two.press("stop")
    two.wait(lambda: "There is no judge of one's own pictures" in two.text(".difference"), "the words")
    assert not two.page.is_visible("#compare .nearness")


def test_nonsense_and_foreign_runs_get_a_sentence(two):
    two.open("?tab=compare&model=gan&vary=colour&runs=aaaa,bbbb&second=9")
    faults = two.page.inner_text(".link-faults")
    assert "vary = colour" in faults and "not started in this browser" in faults
    two.wait(lambda: "runs=" not in two.page.url, "an address without them")
    assert two.images() == [0, 0] and two.state() == "idle"
    two.open("?tab=compare&model=gan&vary=depth&first=0&second=1")
    two.page.fill("#compare-second", "99")
    two.press("start")
    two.wait(lambda: "depth must be a whole number from 0 to 6, not 99" in two.text(".fault"), "a sentence")
