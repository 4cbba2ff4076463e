"""The Latent space tab in a real browser: a click decodes, keys move the disc, the dice changes z."""

import re
import time

import pytest

pytestmark = pytest.mark.browser

KNOB = '[data-tool="plane"] .knob'
GRID = '[data-tool="plane"] svg[data-steps]'
HERE = '[data-tool="plane"] [data-slot="plane"] figure:nth-of-type(2) image'


@pytest.fixture
def page(page, address):
    page.goto(f"{address}?tab=latent")
    page.wait_for_selector(GRID)
    return page


def picture(page) -> str:
    return page.get_attribute(HERE, "href")


def place(page) -> list[float]:
    words = page.get_attribute(KNOB, "aria-valuetext").replace("\N{MINUS SIGN}", "-")
    return [float(word) for word in words.split(", ")]


def wait_for_another(page, before: str) -> None:
    page.wait_for_function(
        "([at, before]) => document.querySelector(at).getAttribute('href') !== before", arg=[HERE, before]
    )


def test_the_first_picture_comes_soon_after_the_tab_is_chosen(page, address):
    page.goto(address)
    page.wait_for_selector("#tab-latent-button")
    page.wait_for_timeout(1500)  # the page comes to life
    start = time.monotonic()
    page.click("#tab-latent-button")
    page.wait_for_selector(GRID)
    assert time.monotonic() - start < 1.5  # of which the server takes a tenth; the rest is a busy browser's


def test_a_click_decodes_there_and_a_link_carries_the_place(page):
    before = picture(page)
    box = page.locator('[data-tool="plane"] svg[data-places]').bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    wait_for_another(page, before)
    x, y = place(page)
    knob = page.locator(KNOB).bounding_box()
    assert abs(knob["x"] + knob["width"] / 2 - box["x"] - 0.3 * box["width"]) < 1.5
    assert abs(knob["y"] + knob["height"] / 2 - box["y"] - 0.25 * box["height"]) < 1.5
    assert x < 0 < y
    page.wait_for_function("location.search.includes('plane.place')")
    shown = picture(page)
    page.reload()
    page.wait_for_selector(GRID)
    assert place(page) == [x, y] and picture(page) == shown


def test_keys_move_the_disc_and_a_picture_of_the_grid_is_a_place(page):
    page.focus(KNOB)
    x, y = place(page)
    before = picture(page)
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    wait_for_another(page, before)
    page.wait_for_function(
        f"document.querySelector('{KNOB}').getAttribute('aria-valuetext').endsWith('{y + 2.1:.3g}')".replace(
            "'-", "'\N{MINUS SIGN}"
        )
    )
    assert place(page)[0] == x
    assert page.evaluate("document.activeElement.classList.contains('knob')")
    before = picture(page)
    page.locator(GRID).click(position={"x": 5, "y": 5})
    wait_for_another(page, before)
    left, top = place(page)
    assert left == pytest.approx(-top, abs=2e-3) and left < -1.5


def test_the_dice_changes_z_and_a_bar_its_traversal(page):
    table = '[data-tool="reparameterisation"] table'
    page.wait_for_selector(table)
    before = page.inner_text(table)
    page.click('[data-tool="reparameterisation"] [data-to="any"]')
    page.wait_for_function("([at, before]) => document.querySelector(at).innerText !== before", arg=[table, before])
    mu = re.findall(r"^z\d+\s+(\S+)", before, re.M)
    assert mu and mu == re.findall(r"^z\d+\s+(\S+)", page.inner_text(table), re.M)
    page.focus('[data-tool="reparameterisation"] [data-sets="along"][data-to="7"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-tool="reparameterisation"] h3:has-text("Dimension 7 alone")')
    assert page.evaluate("document.activeElement.dataset.to") == "7"


def test_dimensions_are_asked_for_where_they_are_the_axes(page):
    page.click('[data-tool="plane"] summary')
    first = page.locator('[data-tool="plane"] .field[data-name="first"]')
    assert first.is_hidden()
    page.check('[data-tool="plane"] input[value="two dimensions"]', force=True)
    first.wait_for(state="visible")
    page.wait_for_selector('[data-tool="plane"] .axis-name:has-text("z1,")')


def test_a_path_ends_in_what_is_drawn(page):
    strips = '[data-tool="between"] [data-slot="strips"] figcaption'
    canvas = page.locator('[data-tool="between"] canvas')
    page.wait_for_selector(strips)
    assert canvas.is_hidden()
    page.click('[data-tool="between"] label:has-text("my drawing")')
    page.wait_for_selector('[data-tool="between"] .fault:has-text("Nothing is drawn yet")')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 125, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 125, box["y"] + 210, steps=8)
    page.mouse.up()
    page.wait_for_selector(f'{strips}:has-text("a drawing read as 1")')
    assert page.inner_text('[data-tool="between"] .fault') == ""
    assert page.locator('[data-tool="between"] .field[data-name="end"]').is_hidden()


def test_nothing_is_wider_than_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for tool in ("plane", "between", "reparameterisation", "generate", "denoise"):
        page.wait_for_selector(f'[data-tool="{tool}"] .slot svg')
    page.wait_for_timeout(1500)  # the figures are drawn anew in the new width
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator('[data-tool="plane"] svg[data-places]').bounding_box()["width"] <= 362
