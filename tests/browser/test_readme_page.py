"""The lessons that README.md links to open as it says, without a word of complaint."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
LINKS = re.findall(r"`(\?tab=[^`]+)`", README)


@pytest.mark.parametrize("link", LINKS)
def test_a_lesson_opens(page, address, link):
    page.goto(f"{address}{link}")
    tab = re.search(r"tab=(\w+)", link)[1]
    page.wait_for_selector(f"#tab-{tab}")
    page.wait_for_selector(".tab-wrapper.away", state="attached")
    assert page.locator(".link-faults p").all_text_contents() == []
    hidden = re.search(r"hide=([\w,]+)", link)[1].split(",")
    for name in hidden:
        parts = page.locator(f"#tab-{tab} [data-tool={name}], #tab-{tab} [data-name={name}]")
        assert not any(part.is_visible() for part in parts.all()), name
    tools = [tool.get_attribute("data-tool") for tool in page.locator(".tool").all() if tool.is_visible()]
    assert len(tools) == (0 if tab == "train" else 1), tools
