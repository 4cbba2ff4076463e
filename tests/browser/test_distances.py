"""The Distances tab in a real browser: sliders, columns that are dragged, links and nonsense."""

import re

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    page.set_default_timeout(20_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert not errors


def legend(page, name: str) -> str:
    """The value beside a name in the figure of values."""
    return page.inner_text(f'[data-tool="slide"] [data-slot="values"] li:has-text("{name}") output')


def wait(page, expression: str) -> None:
    page.wait_for_function(expression)


def test_a_slider_moves_the_numbers_and_the_address(page, address):
    page.goto(f"{address}?tab=distances")
    page.wait_for_selector('[data-tool="slide"] [data-slot="values"] svg')
    assert legend(page, "Jensen-Shannon") == "0.5268"
    page.fill("#slide-t", "5")
    wait(page, "document.querySelector('[data-slot=values] li:nth-child(5) output').textContent === '5'")
    page.focus("#slide-t ~ input[type=range]")
    page.keyboard.press("Home")
    wait(page, "document.querySelector('[data-slot=values] li:nth-child(5) output').textContent === '6'")
    page.wait_for_function("location.search.includes('slide.t=-6')")
    page.reload()
    page.wait_for_selector('[data-tool="slide"] [data-slot="values"] svg')
    assert page.input_value("#slide-t") == "-6"


def test_presets_and_nonsense(page, address):
    page.goto(f"{address}?tab=distances&slide.t=1e9")
    page.wait_for_selector('[data-tool="slide"] .fault:not(:empty)')
    assert "must be a number from" in page.inner_text('[data-tool="slide"] .fault')
    page.click("text=The parallel lines of the WGAN paper")
    wait(page, "document.querySelector('[data-tool=slide] .fault').textContent === ''")
    assert legend(page, "KL(p") == "\N{INFINITY}" and legend(page, "Jensen-Shannon") == "0.6931"


def test_a_column_is_dragged_and_moved_by_keys(page, address):
    page.goto(f"{address}?tab=distances")
    handle = '[data-tool="earth"] [data-edits="p"][data-index="11"]'
    page.wait_for_selector(handle)
    before = page.inner_text('[data-tool="earth"] [data-slot="numbers"] li span')
    box = page.query_selector(handle)
    box.scroll_into_view_if_needed()
    area = box.bounding_box()
    across, bottom = area["x"] + area["width"] / 2, area["y"] + area["height"] - 4
    page.mouse.move(across, bottom)
    page.mouse.down()
    page.mouse.move(across, bottom - 60, steps=6)
    page.mouse.up()
    value = f"Number(document.querySelector('{handle}').dataset.value)"
    settled = f"{value} === JSON.parse(document.querySelector('[data-tool=earth] [data-name=p] input').value)[11]"
    wait(page, f"{settled} && {value} > 0.3")
    moved = page.evaluate(value)
    page.focus(handle)
    page.keyboard.press("ArrowDown")
    wait(page, f"{value} < {moved}")
    assert page.evaluate("document.activeElement.dataset.index") == "11"
    cost = page.inner_text('[data-tool="earth"] [data-slot="numbers"] li span')
    assert re.fullmatch(r"= \d\.\d+", cost) and cost != before
