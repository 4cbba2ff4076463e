"""The Information and Self-check tabs in a real browser: cells are dragged, typed and moved by keys."""

import re

import pytest

pytestmark = pytest.mark.browser

CELL = '[data-tool="joint"] [data-edits="cells"][data-index="0"]'


@pytest.fixture
def page(page, address):
    page.goto(f"{address}?tab=information")
    return page


def strips(page, tool="joint") -> dict[str, float]:
    """Every quantity by its name, as the picture says it."""
    words = page.get_attribute(f'[data-tool="{tool}"] [data-slot="strips"] svg', "aria-label")
    return {name: float(value) for name, value in re.findall(r"([HI]\([^)]*\)) = ([\d.]+)", words)}


def value(page, selector=CELL) -> float:
    return float(page.get_attribute(selector, "data-value"))


def wait_value(page, expected, selector=CELL) -> None:
    """Until the server has drawn the figure anew with this value."""
    page.wait_for_function(
        "([selector, expected]) => document.querySelector(selector)?.getAttribute('aria-valuenow') == expected",
        arg=[selector, f"{expected:.4g}"],
    )


def wait_words(page, tool, words) -> None:
    page.wait_for_function(
        "([tool, words]) => document.querySelector(`[data-tool=${tool}] [data-slot=strips] svg`)"
        ".getAttribute('aria-label').includes(words)",
        arg=[tool, words],
    )


def drag(page, selector, up) -> None:
    page.locator(selector).scroll_into_view_if_needed()
    box = page.query_selector(selector).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - up, steps=8)
    page.mouse.up()


def test_a_cell_moved_by_keys_keeps_the_focus_and_the_sum(page):
    page.wait_for_selector(CELL)
    assert strips(page)["I(X;Y)"] == 0.531
    page.focus(CELL)
    for key in ("+", "+", "ArrowUp", "-", "PageUp"):
        page.keyboard.press(key)
    wait_value(page, 0.57)
    assert page.evaluate("document.activeElement.dataset.index") == "0"
    assert page.input_value("#joint-law") == "my own"
    listed = page.eval_on_selector_all('[data-edits="cells"]', "all => all.map((one) => Number(one.dataset.value))")
    assert sum(listed) == pytest.approx(1) and listed[3] == pytest.approx(0.45 * 0.43 / 0.55, abs=1e-4)
    page.keyboard.press("End")
    wait_value(page, 1)
    assert set(strips(page).values()) == {0.0}
    page.keyboard.press("Home")  # the others get what it had, alike, for none of them had any
    wait_value(page, 0)
    page.wait_for_function("document.querySelector('[data-tool=joint] .fault').textContent === ''")
    assert page.locator('[data-tool="joint"] .field[data-name="noise"]').is_hidden()


def test_a_cell_is_dragged_and_numbers_follow(page):
    page.wait_for_selector(CELL)
    before = strips(page)
    drag(page, CELL, 60)  # of 200 pixels for the whole range
    wait_value(page, 0.75)
    after = strips(page)
    assert after != before
    assert after["H(X,Y)"] == pytest.approx(after["H(X|Y)"] + after["I(X;Y)"] + after["H(Y|X)"], abs=2e-3)
    drag(page, CELL, -500)
    wait_value(page, 0)


def test_a_number_is_typed_over_a_cell(page):
    page.wait_for_selector(CELL)
    page.focus(CELL)
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    wait_value(page, 0.25)
    assert page.locator(".typed").count() == 0 and page.evaluate("document.activeElement.dataset.index") == "0"
    page.click(CELL)
    page.keyboard.type("7")
    page.keyboard.press("Escape")
    wait_value(page, 0.25)
    page.focus(CELL)
    page.keyboard.press("1")  # one digit is a number, too
    page.keyboard.press("Tab")
    wait_value(page, 1)


def test_presets_and_what_they_put_away(page):
    page.wait_for_selector(CELL)
    page.click('[data-tool="joint"] button:has-text("XOR")')
    page.wait_for_selector('[data-slot="pairs"] figure >> nth=2')
    assert strips(page)["I(X,Y;Z)"] == 1
    titles = page.locator('[data-slot="pairs"] h3').all_inner_texts()
    assert [title.split("I = ")[1] for title in titles] == ["0 bits"] * 3
    assert page.locator('[data-tool="joint"] .field[data-name="size"]').is_hidden()
    page.click('[data-tool="joint"] button:has-text("Copy")')
    page.wait_for_function("!document.querySelector('[data-slot=pairs] figure')")
    page.wait_for_function("document.querySelector('[data-edits=cells]').dataset.value === '0.5'")
    assert strips(page)["I(X;Y)"] == 1
    page.check('[data-tool="joint"] input[value="nats"]', force=True)
    wait_words(page, "joint", "0.6931")


def test_a_link_brings_the_table_back(page):
    page.wait_for_selector(CELL)
    page.focus(CELL)
    page.keyboard.type("0.7")
    page.keyboard.press("Enter")
    wait_value(page, 0.7)
    page.wait_for_function("location.search.includes('joint.cells')")
    before = strips(page)
    page.reload()
    page.wait_for_selector(CELL)
    assert value(page) == pytest.approx(0.7) and strips(page) == before
    assert page.input_value("#joint-law") == "my own"


def test_nonsense_in_a_link_gets_a_sentence_and_a_preset_mends_it(page, address):
    page.goto(f"{address}?tab=information&joint.law=my+own&joint.cells=[1,0,0,0,0]&codes.p=[1,0,0]")
    page.wait_for_selector('[data-tool="joint"] .fault:not(:empty)')
    page.wait_for_selector('[data-tool="codes"] .fault:not(:empty)')
    assert page.inner_text('[data-tool="joint"] .fault').endswith(".")
    page.click('[data-tool="joint"] button:has-text("Copy")')
    page.wait_for_selector(CELL)
    assert page.inner_text('[data-tool="joint"] .fault') == ""


def test_codes_tree_and_norms_are_edited_in_their_figures(page):
    bar = '[data-tool="codes"] [data-edits="q"][data-index="0"]'
    page.wait_for_selector(bar)
    page.focus(bar)
    page.keyboard.press("PageUp")
    wait_value(page, 0.225, bar)
    page.click('[data-tool="codes"] button:has-text("The right code")')
    wait_words(page, "codes", "q) = 0,")
    branch = '[data-tool="chain"] [data-edits="branches"][data-index="0"]'
    drag(page, branch, 40)
    wait_value(page, 0.7, branch)
    others = page.eval_on_selector_all('[data-edits="branches"]', "all => all.map((one) => Number(one.dataset.value))")
    assert others[1:] == [0.2, 0.8, 0.2, 0.8, 0.2, 0.8]  # branches share nothing
    entry = '[data-tool="norms"] [data-edits="entries"][data-index="7"]'
    page.focus(entry)
    page.keyboard.press("Home")
    wait_value(page, -4, entry)
    assert "A square" in page.get_attribute('[data-tool="norms"] [data-slot="whole"] svg', "aria-label")


def test_the_classifier_loses_information_to_noise(page):
    page.wait_for_selector('[data-tool="classifier"] [data-slot="strips"] svg')
    clean = strips(page, "classifier")["I(Y;answer)"]
    page.click('[data-tool="classifier"] button:has-text("Noise nobody")')
    page.wait_for_function(
        "(clean) => !document.querySelector('[data-tool=classifier] [data-slot=strips] svg')"
        ".getAttribute('aria-label').includes(clean)",
        arg=f"{clean}",
    )
    assert strips(page, "classifier")["I(Y;answer)"] < 1 < clean


def test_every_part_is_reached_by_the_tab_key_and_says_what_it_is(page):
    page.wait_for_selector('[data-tool="norms"] .handle')
    for handle in page.query_selector_all(".handle"):
        assert handle.get_attribute("tabindex") == "0" and handle.get_attribute("role") == "slider"
        assert handle.get_attribute("aria-label") and handle.get_attribute("aria-valuetext")
    page.focus("#joint-law")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('handle')"):
            break
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "p(x = 0, y = 0)"


@pytest.mark.parametrize("page", [(390, 844), (1920, 1080)], indirect=True)
def test_nothing_is_wider_than_the_screen(page):
    page.wait_for_selector('[data-tab="information"]')  # which the link opens, on a phone from the menu
    for tool in ("joint", "codes", "chain", "classifier", "norms"):
        page.wait_for_selector(f'[data-tool="{tool}"] .slot svg', state="attached")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_button_checks_every_theorem(page, address):
    page.goto(f"{address}?tab=selfcheck")
    page.wait_for_selector(".theorem svg")
    page.click("[data-do=check]")
    page.wait_for_selector(".summary:has-text('hold')", timeout=90_000)
    count = page.locator("[data-check]").count()
    assert page.inner_text(".summary").startswith(f"All {count} hold")
    assert page.locator("[data-check] .verdict").all_inner_texts() == ["\N{CHECK MARK}"] * count
    for name in ("expected", "found", "tolerance", "time"):
        assert all(text.strip() for text in page.locator(f"tbody [data-of={name}]").all_inner_texts())
    assert page.is_enabled("[data-do=check]")
