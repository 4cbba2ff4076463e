"""The tour in a real browser: from the first stop to the last, to experiments and back."""

import pytest

pytestmark = pytest.mark.browser

OPEN = "document.querySelector('[role=tab][aria-selected=true]')?.id"
HERE = ".stop:not([hidden])"


def open_tour(page, address: str, query: str = "") -> None:
    page.goto(f"{address}?tab=tour{query}")
    page.wait_for_selector(f"{HERE} .formulas svg")


def stop(page) -> str:
    return page.get_attribute(HERE, "data-stop")


def choose(page, answer: str) -> str:
    """Answers the question of this stop and returns what comes back."""
    if page.is_visible(f"{HERE} input[type=text]"):
        page.fill(f"{HERE} input[type=text]", answer)
        page.keyboard.press("Enter")
    else:
        page.check(f'{HERE} input[value="{answer}"]')
        page.click(f"{HERE} [type=submit]")
    page.wait_for_selector(f"{HERE} .reply p:not(.measuring)")
    return page.inner_text(f"{HERE} .reply")


def step(page, deed: str) -> None:
    before = stop(page)
    page.click(f"{HERE} [data-do={deed}]")
    page.wait_for_function(f"document.querySelector('{HERE}').dataset.stop !== '{before}'")


def test_the_page_opens_at_train_and_the_tour_stands_first(page, address):
    page.goto(address)
    page.wait_for_function(f"{OPEN} === 'tab-train-button'")
    assert page.inner_text("[role=tab] >> nth=0") == "Tour"
    began = page.evaluate("performance.now()")
    page.click("#tab-tour-button")
    page.wait_for_selector(HERE)
    assert page.evaluate("performance.now()") - began < 1500  # a third of it on two free cores
    assert page.evaluate("location.search") == "?tab=tour&tour.length=5&tour.stop=js"


def test_five_minutes_from_end_to_end(page, address):
    open_tour(page, address)
    assert "press Check" in page.inner_text(".tour .lead") and stop(page) == "js"
    assert choose(page, "0").startswith("Right.")
    step(page, "next")
    assert page.evaluate("document.activeElement.textContent") == page.inner_text(f"{HERE} h3")
    assert choose(page, "about two") == "Type a number, such as 0.69."
    said = choose(page, "0.693")
    assert said.startswith("Not so.") and "2.5" in said
    assert page.inner_text(".count") == "1 of 5 answered correctly"
    for answer in ("vae-mnist", "in between: D keeps a lead", "3"):
        step(page, "next")
        assert choose(page, answer).startswith("Right.")
    assert page.is_disabled(f"{HERE} [data-do=next]") and page.inner_text(".count") == "4 of 5 answered correctly"
    page.go_back()
    page.wait_for_function(f"document.querySelector('{HERE}').dataset.stop === 'gan'")
    page.goto(f"{address}?tab=tour")  # what was answered is remembered
    page.wait_for_selector(HERE)
    assert stop(page) == "gan" and page.inner_text(".count") == "4 of 5 answered correctly"
    assert page.locator("nav [data-answer=false]").inner_text() == "A distance that goes on speaking"
    step(page, "back")
    assert stop(page) == "vae"


def test_to_an_experiment_and_back(page, address):
    open_tour(page, address, "&tour.length=20&tour.stop=wgan")
    assert page.inner_text(f"{HERE} .place") == "Stop 10 of 12"
    page.click(f"{HERE} .experiment")
    tool = '[data-tool="dual"]'
    page.wait_for_selector(f"{tool} [data-slot=numbers] li")
    assert page.is_checked(f"{tool} input[value='weight clipping']") and page.input_value("#dual-clip") == "0.1"
    top = f"document.querySelector('{tool}').getBoundingClientRect().top"
    page.wait_for_function(f"{top} >= document.querySelector('.tour-bar').offsetHeight && {top} < 200")
    bar = page.inner_text(".tour-bar")
    assert "Tour, stop 10 of 12" in bar and "What does the clipped critic read?" in bar
    page.reload()
    page.wait_for_selector(".tour-bar:visible")
    page.click(".tour-bar a")
    page.wait_for_selector(HERE)
    assert stop(page) == "wgan" and page.is_hidden(".tour-bar")
    page.go_back()
    page.wait_for_selector(".tour-bar:visible")
    page.click(".tour-bar button")
    assert not page.query_selector(".tour-bar")
    page.reload()
    page.wait_for_selector(tool)
    assert not page.query_selector(".tour-bar")


def test_lengths_and_nonsense_in_a_link(page, address):
    open_tour(page, address, "&tour.length=7&tour.stop=nowhere")
    faults = page.inner_text(".link-faults")
    assert "tour.length = 7" in faults and "tour.stop = nowhere" in faults and stop(page) == "js"
    page.click(".tour .choices label:has-text('double lesson')")
    page.wait_for_function("location.search.includes('tour.length=90')")
    assert stop(page) == "js" and page.locator("nav [data-of]:visible").count() == page.locator(".stop").count()
    page.click("nav a:text('Taught by damage')")
    page.wait_for_function(f"document.querySelector('{HERE}').dataset.stop === 'dae'")
    page.click(".tour .choices label:has-text('5 minutes')")
    page.wait_for_function(f"document.querySelector('{HERE}').dataset.stop === 'wasserstein'")  # the last one before it
    assert page.locator("nav [data-of]:visible").count() == 5
    page.goto(f"{address}?tab=tour&tour.length=5&tour.stop=made")  # a stop that the short tour has not
    page.wait_for_function(f"document.querySelector('{HERE}')?.dataset.stop === 'made'")
    assert page.evaluate("document.querySelector('[name=tour-length]:checked').value") == "90"


@pytest.mark.parametrize("page", [(390, 844)], indirect=True)
def test_a_phone_has_the_stop_first_and_the_list_below(page, address):
    open_tour(page, address, "&tour.length=20&tour.stop=kl")
    top = "document.querySelector('{}').getBoundingClientRect().top"
    assert page.evaluate(top.format(HERE)) < page.evaluate(top.format(".tour nav"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(f"{HERE} .experiment")
    for tool in ("joint", "codes"):  # the one above fills in, too, and must not push the other out of view
        page.wait_for_selector(f'[data-tool="{tool}"] .slot figure')
    assert page.evaluate("document.querySelector('[data-tool=codes]').getBoundingClientRect().top") < 200
    page.wait_for_selector(".tour-bar:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('.tour-bar').offsetHeight") < 90
