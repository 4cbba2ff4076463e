"""The Distances tab in a real browser: sliders, columns that are dragged, links and nonsense."""

import re

import pytest

pytestmark = pytest.mark.browser


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
    page.goto(f"{address}?tab=distances")
    page.fill("#slide-t", "1e9")
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


POINT = '[data-tool="points"] [data-edits="p"][data-index="2"]'


def place(page) -> list[float]:
    """Where the second point of p is drawn, from -1 to 1."""
    return page.evaluate(
        f"(() => {{ const {{ x, y }} = document.querySelector('{POINT}').getBoundingClientRect(),"
        f" box = document.querySelector('{POINT}').closest('svg').getBoundingClientRect(),"
        f" r = document.querySelector('{POINT}').getBoundingClientRect().width / 2;"
        " return [(2 * (x + r - box.x)) / box.width - 1, 1 - (2 * (y + r - box.y)) / box.height]; })()"
    )


def settled(page) -> list[float]:
    """What the field holds, once the figure shows it."""
    page.wait_for_function(
        f"(() => {{ const knob = document.querySelector('{POINT}'), svg = knob.closest('svg');"
        " const [x, y] = JSON.parse(knob.closest('.tool').querySelector('[data-name=p] input').value).slice(2, 4);"
        " const side = svg.viewBox.baseVal.width - 2, [cx, cy] = [knob.cx, knob.cy].map((c) => c.baseVal.value - 1);"
        " return Math.abs(cx - ((1 + x) / 2) * side) < 0.2 && Math.abs(cy - ((1 - y) / 2) * side) < 0.2; })()"
    )
    return page.evaluate(
        "JSON.parse(document.querySelector('[data-tool=points] [data-name=p] input').value).slice(2, 4)"
    )


def test_a_point_is_dragged_and_moved_by_keys(page, address):
    page.goto(f"{address}?tab=distances")
    page.wait_for_selector(POINT)
    page.locator(POINT).scroll_into_view_if_needed()
    assert place(page) == pytest.approx([-0.5, -0.1], abs=0.02)
    before = page.inner_text('[data-tool="points"] [data-slot="numbers"] li span')
    box = page.query_selector(POINT).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 40, steps=6)
    page.mouse.up()
    side = page.evaluate(f"document.querySelector('{POINT}').closest('svg').getBoundingClientRect().width") - 2
    moved = [-0.5 + 120 / side, -0.1 + 80 / side]
    assert settled(page) == pytest.approx(moved, abs=0.005)
    assert place(page) == pytest.approx(moved, abs=0.02)
    assert page.inner_text('[data-tool="points"] [data-slot="numbers"] li span') != before
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert settled(page) == pytest.approx([moved[0] - 0.02, moved[1] - 0.2], abs=0.005)
    assert page.evaluate("document.activeElement.dataset.index") == "2"
    assert not page.query_selector("input.typed")
    page.wait_for_function("location.search.includes('points.p=')")
    page.reload()
    page.wait_for_selector(POINT)
    assert place(page) == pytest.approx([moved[0] - 0.02, moved[1] - 0.2], abs=0.02)


def test_a_point_follows_a_finger(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(f"{address}?tab=distances")
    page.wait_for_selector(POINT)
    page.locator(POINT).scroll_into_view_if_needed()
    box = page.query_selector(POINT).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    where = {"touchStart": [(x, y)], "touchMove": [(x + 10 * i, y + 5 * i) for i in range(1, 6)], "touchEnd": [None]}
    for kind, places in where.items():
        for at in places:
            points = [{"x": at[0], "y": at[1]}] if at else []
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    side = page.evaluate(f"document.querySelector('{POINT}').closest('svg').getBoundingClientRect().width") - 2
    assert settled(page) == pytest.approx([-0.5 + 100 / side, -0.1 - 50 / side], abs=0.005)
    page.close()


def test_a_critic_trained_on_the_spot_reads_less_than_its_slope_allows(page, address):
    page.goto(f"{address}?tab=distances&dual.steps=60&dual.units=8")
    said = '[data-tool="dual"] [data-slot="numbers"] li span'
    page.wait_for_selector(said)
    page.click('[data-tool="dual"] button:text("Spectral norm")')
    wait(page, f"document.querySelectorAll('{said}').length === 5")
    words = [item.inner_text() for item in page.query_selector_all(said)]
    w1 = float(words[0].split()[1])
    bound = float(words[3].split()[1])
    assert 0.9 * w1 < bound <= w1
