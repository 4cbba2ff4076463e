"""For everybody: by keys alone, by ear, in either mode, large, without motion, in the system's own colours."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright import sync_api as playwright

from genmodels.ui.page import TABS

pytestmark = pytest.mark.browser

# What differs between the modes is looked at in each: colours in both, the order of parts on a desk and on a phone.
MODES = {
    "light": ("light", 1280, {}),
    "dark": ("dark", 1280, {"runOnly": ["color-contrast"]}),
    "phone": (
        "light",
        390,
        {"runOnly": ["label", "scrollable-region-focusable", "aria-hidden-focus", "heading-order"]},
    ),
}
LEAST = {"text": 4.5, "graphics": 3.0}  # WCAG 2.1, criteria 1.4.3 and 1.4.11
TEXT = [(ink, paper) for ink in ("ink", "quiet", "accent", "danger") for paper in ("paper", "sheet")]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-strong")]
LINES = [(f"series-{place}", paper) for place in range(1, 6) for paper in ("paper", "sheet")]
LINES += [(line, paper) for line in ("edge", "accent") for paper in ("paper", "sheet")]
PAIRS = [("text", pair) for pair in TEXT] + [("graphics", pair) for pair in LINES]

# Sends the focus on, tells what has it now, and whether that can be seen; nothing once it has left the page.
HERE = """() => {
  const part = document.activeElement;
  if (!part || part === document.body) return null;
  const group = part.type === "radio" ? document.getElementsByName(part.name) : [part];
  for (const one of group) one.dataset.reached = "";
  const shown = (one) => {
    if (!one) return false;
    const style = getComputedStyle(one);
    if (style.opacity === "0") return false;
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const ring = shown(part) || shown(part.closest("label, .button"));
  return { name: part.outerHTML.slice(0, 120), ring };
}"""
MISSED = """() => {
  const parts = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  const live = (part) => !part.disabled && part.checkVisibility({ visibilityProperty: true });
  // gradio measures its tabs by a second, invisible row of them
  const left = [...parts].filter((part) => live(part) && part.tabIndex >= 0 && !("reached" in part.dataset));
  return left.map((part) => part.outerHTML.slice(0, 120));
}"""


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """The source of axe-core, the checker of rules for access."""
    if not shutil.which("npm"):
        pytest.skip("axe-core is fetched by npm, which is not here")
    folder = Path(request.config.cache.mkdir("axe-core"))
    if not list(folder.glob("*.tgz")):
        subprocess.run(["npm", "pack", "--silent", "axe-core@4"], cwd=folder, check=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


def show(page: playwright.Page, tab: str) -> None:
    """Opens a tab and waits until every tool of it has answered."""
    page.evaluate("tab => links.go(`?tab=${tab}`)", tab)
    page.locator(f"#tab-{tab} .lead").first.wait_for()
    for tool in page.locator(f"#tab-{tab} .tool").all():
        tool.scroll_into_view_if_needed()
        tool.locator(".slot:not(:empty)").first.wait_for()


@pytest.fixture(scope="module")
def windows(browser: "playwright.Browser", address: str) -> Iterator[Callable[[str], playwright.Page]]:
    """The page in a mode, opened once: what its tabs have answered stays there."""
    opened: dict[str, playwright.Page] = {}

    def window(mode: str) -> playwright.Page:
        if mode not in opened:
            theme, width, _ = MODES[mode]
            opened[mode] = begin(browser.new_page(viewport={"width": width, "height": 900}), address, theme)
        return opened[mode]

    yield window
    for page in opened.values():
        page.close()


def begin(page: playwright.Page, address: str, mode: str = "light", tab: str = "train") -> playwright.Page:
    page.goto(f"{address}?__theme={mode}&tab={tab}")
    page.locator(f"#tab-{tab} .lead").first.wait_for()
    return page


def faults(page: playwright.Page, tab: str, options: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    """What axe-core finds in a tab and in what stands around it, be it ours or gradio's."""
    found = page.evaluate(
        """([tab, options]) => axe.run({ include: [".masthead", "[role=tablist]", `#tab-${tab}`] }, options)""",
        [tab, {"resultTypes": ["violations"]} | options],
    )
    ran = {rule["id"] for rule in found["passes"]}
    # What checks nothing finds nothing.
    assert tab != "distances" or options.get("runOnly", ["color-contrast"])[0] in ran
    for rule in found["violations"]:
        for node in rule["nodes"]:
            yield tab, f"{rule['impact']}: {rule['id']}", node["html"][:200]


@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing(windows, axe, mode):
    page, options = windows(mode), MODES[mode][2]
    page.evaluate(axe)
    found = []
    for tab in TABS:
        show(page, tab)
        found += faults(page, tab, options)
    assert found == []


def light(color: str) -> float:
    """Relative luminance of rgb(r, g, b) or #rrggbb, as WCAG defines it."""
    parts = (
        re.findall(r"[\d.]+", color)[:3] if color.startswith("rgb") else [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    )
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (float(p) / 255 for p in parts)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((light(first), light(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_as_wcag_gives_it():
    assert contrast("#000000", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the grey that just fails


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_can_be_told_apart(windows, mode):
    """The palette, and every text in a figure, which axe-core does not look at."""
    page = windows(mode)
    names = list({name for pair in TEXT + LINES for name in pair})
    values = page.evaluate(
        """(names) => {
          const style = getComputedStyle(document.querySelector(".page"));
          return names.map((name) => style.getPropertyValue(`--${name}`).trim());
        }""",
        names,
    )
    colors = dict(zip(names, values, strict=True))
    ratios = {(kind, *pair): contrast(colors[pair[0]], colors[pair[1]]) for kind, pair in PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < LEAST[pair[0]]} == {}
    fills: dict[str, str] = {}
    for tab in TABS:
        show(page, tab)
        read = "parts => parts.map((part) => [getComputedStyle(part).fill, part.textContent])"
        fills |= dict(page.locator(f"#tab-{tab} svg text").evaluate_all(read))
    assert len(fills) > 2
    assert {fill: words for fill, words in fills.items() if contrast(fill, colors["paper"]) < LEAST["text"]} == {}


def test_every_part_is_reached_by_tab_and_shows_it(windows):
    page = windows("light")
    missed, unseen = {}, {}
    for tab in TABS:
        show(page, tab)
        page.evaluate("document.activeElement.blur()")
        for _ in range(400):  # a trap would go on
            page.keyboard.press("Tab")
            here = page.evaluate(HERE)
            if here is None:
                break
            if not here["ring"]:
                unseen[here["name"]] = tab
        else:
            pytest.fail(f"The focus does not leave {tab}")
        missed |= dict.fromkeys(page.evaluate(MISSED), tab)
    assert missed == {}
    assert unseen == {}


def to(page: playwright.Page, deed: str) -> None:
    """Presses Tab until a button has the focus."""
    for _ in range(80):
        if page.evaluate("document.activeElement.dataset.do") == deed:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{deed} was not reached")


def test_a_run_by_keys_alone_says_what_happens_and_no_more(lab, axe):
    page = lab.page
    heard = page.locator("#train .heard")
    to(page, "start")
    page.keyboard.press("Enter")
    playwright.expect(heard).to_have_text("learning")
    page.wait_for_selector("#train .plots svg")
    page.evaluate(
        """() => {
          window.said = [];
          const note = (records) => records.forEach(({ target }) => said.push(target.textContent));
          for (const part of document.querySelectorAll("#train [role=status], #train [role=alert], #train [aria-live]"))
            new MutationObserver(note).observe(part, { childList: true, characterData: true, subtree: true });
        }"""
    )
    rounds = lab.round()
    lab.wait_round(rounds + 10)
    assert len(page.evaluate("said")) <= 4  # a verdict at most, not every look at the run
    to(page, "pause")
    page.keyboard.press("Space")
    playwright.expect(heard).to_have_text("paused")
    page.evaluate(axe)
    assert list(faults(page, "train", {})) == []
    assert re.search("64 samples of dcgan", page.get_attribute("#train .picture", "alt"))
    to(page, "stop")
    page.keyboard.press("Enter")
    playwright.expect(heard).to_have_text("stopped")


def test_the_first_key_offers_to_skip_the_tabs(page, address):
    begin(page, address, tab="distances")
    page.keyboard.press("Tab")
    link = page.locator(".skip")
    playwright.expect(link).to_be_focused()
    assert link.bounding_box()["height"] > 12
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#tab-distances")).to_be_focused()
    assert "tab=distances" in page.url and "#" not in page.url
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-tool]').dataset.tool") == "slide"


def test_tabs_by_arrows_or_enter(page, address):
    begin(page, address)
    page.locator("#tab-distances-button").focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#tab-distances .lead").first).to_be_visible()
    playwright.expect(page.locator("#tab-distances-button")).to_have_attribute("aria-selected", "true")


def test_drawing_by_keys(page, address):
    begin(page, address, tab="classifier")
    canvas = page.locator("#tab-classifier .sketch canvas").first
    canvas.focus()
    ink = page.locator("#tab-classifier .sketch input[type=hidden]").first
    page.keyboard.press("ArrowUp")
    assert ink.input_value() == '""'  # the pen is up
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    drawn = ink.input_value()
    assert len(drawn) > 100
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    assert ink.input_value() == drawn


def test_no_motion_where_none_is_wanted(page, address):
    page.emulate_media(reduced_motion="reduce")
    begin(page, address)
    page.evaluate(
        """() => {
          window.ways = [];
          Element.prototype.scrollIntoView = (options) => ways.push(options?.behavior);
          document.querySelector("#train .stage").getBoundingClientRect = () => ({ top: -1 });
        }"""
    )
    page.click("#train [data-preset]")
    page.wait_for_function("ways.length")
    assert page.evaluate("ways") == ["auto"]
    page.click("[data-do=stop]")
    times = "parts => Math.max(...parts.map((part) => parseFloat(getComputedStyle(part).transitionDuration)))"
    assert page.locator("button, a, input").evaluate_all(times) < 0.001
    page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')", timeout=2000)


def test_in_the_system_s_colours_figures_and_choices_are_seen(page, address):
    page.emulate_media(forced_colors="active", color_scheme="dark")
    begin(page, address, tab="distances")
    show(page, "distances")
    style = "(part) => { const s = getComputedStyle(part); return [s.backgroundColor, s.color]; }"
    chosen, other = (
        page.locator(f"#tab-distances .choices label:{which}").first
        for which in ("has(:checked)", "not(:has(:checked))")
    )
    assert chosen.evaluate(style)[0] != other.evaluate(style)[0]
    svg, line = page.locator("#tab-distances svg[role]").first, page.locator("#tab-distances polyline").first
    paper = svg.evaluate(style)[0]
    assert contrast(line.evaluate("(part) => getComputedStyle(part).stroke"), paper) >= LEAST["graphics"]
    assert (
        contrast(page.locator("#tab-distances svg text").first.evaluate("(part) => getComputedStyle(part).fill"), paper)
        >= 4.5
    )


def test_twice_as_large_nothing_is_cut(page, address):
    page.set_viewport_size({"width": 640, "height": 400})  # 1280 at 200 %
    begin(page, address)
    wide = {}
    for tab in TABS:
        show(page, tab)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide[tab] = over
    assert wide == {}
