"""Classifier and Attack in a real browser: a digit is drawn, named and turned into another."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(page):
    page.set_default_timeout(30_000)
    return page


def wait_words(page, tool, words, part=".view") -> None:
    page.wait_for_function(
        "([tool, part, words]) => document.querySelector(`[data-tool=${tool}] ${part}`)?.textContent.includes(words)",
        arg=[tool, part, words],
    )


def draw(page, tool, strokes) -> None:
    """Strokes through points of the canvas, each in shares of its side."""
    canvas = page.locator(f'[data-tool="{tool}"] canvas')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()


SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]]
ONE_AT_THE_LEFT = [[(0.15, 0.1), (0.15, 0.6)]]


def test_a_drawn_digit_is_named_by_both(page, address):
    page.goto(f"{address}?tab=classifier")
    wait_words(page, "bayes", "Both say 7")
    assert page.locator('[data-tool="bayes"] [value="test picture"]').is_checked()
    draw(page, "bayes", ONE_AT_THE_LEFT)
    wait_words(page, "bayes", "Both say 1")
    assert page.locator('[data-tool="bayes"] [value="my drawing"]').is_checked()
    wait_words(page, "bayes", "your drawing")
    page.click('[data-tool="bayes"] [data-clear]')
    wait_words(page, "bayes", "Nothing is drawn", ".fault")
    draw(page, "bayes", SEVEN)
    wait_words(page, "bayes", "Both say 7")
    page.wait_for_timeout(400)  # the address is rewritten a moment later
    assert "drawing=" not in page.url.replace("look=my+drawing", "")
    number = page.locator('[data-tool="bayes"] [data-name="number"] input[type=number]')
    number.fill("1")
    wait_words(page, "bayes", "test picture 1 of MNIST, a 2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".tools svg:not([aria-label])").count() == 0


def test_a_drawing_survives_a_slider_and_goes_with_a_preset(page, address):
    page.goto(f"{address}?tab=attack")
    wait_words(page, "attack", "The network saw a 7")
    draw(page, "attack", SEVEN)
    wait_words(page, "attack", "your drawing")
    pixels = "document.querySelector('[data-tool=attack] canvas').getContext('2d').getImageData(0, 0, 252, 252).data"
    inked = f"{pixels}.some(Boolean)"
    assert page.evaluate(inked)
    eps = page.locator('[data-tool="attack"] [data-name="eps"] input[type=number]')
    eps.fill("0")
    wait_words(page, "attack", "still sees a 7")
    assert page.evaluate(inked)
    page.click('[data-tool="attack"] [data-preset] >> nth=0')
    wait_words(page, "attack", "test picture 0 of MNIST")
    assert not page.evaluate(inked)


def test_each_norm_shows_its_own_eps(page, address):
    page.goto(f"{address}?tab=attack")
    wait_words(page, "attack", "The network saw a 7")
    assert page.locator('[data-tool="attack"] [data-name="eps"]').is_visible()
    assert not page.locator('[data-tool="attack"] [data-name="length"]').is_visible()
    page.locator('[data-tool="attack"] [data-name="norm"] label', has_text="l2").click()
    wait_words(page, "attack", "eps, l2")
    assert page.locator('[data-tool="attack"] [data-name="length"]').is_visible()


def test_one_draws_with_a_finger_on_dark_paper(browser, address):
    page = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark").new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{address}?tab=classifier&__theme=dark")
    wait_words(page, "bayes", "Both say 7")
    draw(page, "bayes", ONE_AT_THE_LEFT)
    wait_words(page, "bayes", "Both say 1")
    canvas = page.locator('[data-tool="bayes"] canvas')
    assert "invert" in canvas.evaluate("canvas => getComputedStyle(canvas).filter")
    assert canvas.evaluate("canvas => getComputedStyle(canvas).touchAction") == "none"  # a finger draws, not scrolls
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"])  # a dot more
    page.wait_for_function(
        "document.querySelector('[data-tool=bayes] canvas').getContext('2d').getImageData(201, 201, 1, 1).data[3] > 0"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
