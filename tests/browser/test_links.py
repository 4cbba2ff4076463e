"""Links to a tab, on a phone and on a projector: tabs that find no room stand in a menu and open all the same."""

import pytest

from genmodels.ui.page import TABS

pytestmark = pytest.mark.browser

OPEN = "document.querySelector('[role=tab][aria-selected=true]')?.id"


@pytest.fixture(params=[(390, 844), (1024, 768)], ids=lambda size: str(size[0]))
def page(request, browser, address):
    page = browser.new_page(viewport={"width": request.param[0], "height": request.param[1]})
    page.set_default_timeout(20_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not errors


@pytest.mark.parametrize("name", TABS)
def test_a_link_opens_its_tab(page, address, name):
    page.goto(f"{address}?tab={name}")
    page.wait_for_function(f"{OPEN} === 'tab-{name}-button'")
    page.wait_for_timeout(700)  # the page measures its tabs once more
    assert page.evaluate(OPEN) == f"tab-{name}-button"
    assert page.locator("[role=tabpanel]:visible").get_attribute("id") == f"tab-{name}"


def test_an_entry_of_the_menu_rewrites_the_address(page, address):
    page.goto(f"{address}?tab=distances&slide.t=1&__theme=light")
    page.wait_for_function(f"{OPEN} === 'tab-distances-button'")
    if not page.is_visible(".overflow-menu"):
        page.click("#tab-information-button")
    else:
        page.click(".overflow-menu > button")
        page.click(".overflow-dropdown button:text('Information')")
    page.wait_for_function(f"{OPEN} === 'tab-information-button'")
    assert page.evaluate("location.search") == "?tab=information&__theme=light"
    page.wait_for_timeout(700)
    assert page.evaluate("location.search") == "?tab=information&__theme=light"


def test_a_link_to_no_tab_opens_the_first(page, address):
    page.goto(f"{address}?tab=constructor")
    page.wait_for_function(f"{OPEN} === 'tab-train-button'")
