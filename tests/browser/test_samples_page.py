"""The Samples tab in a real browser: sliders, presets, downloads, and a run of one's own."""

import pytest
from safetensors.torch import load

pytestmark = pytest.mark.browser


@pytest.fixture
def page(page):
    page.set_default_timeout(30_000)
    return page


def wait_words(page, tool, words) -> None:
    page.wait_for_function(
        "([tool, words]) => document.querySelector(`[data-tool=${tool}] .view`)?.textContent.includes(words)",
        arg=[tool, words],
    )


def test_the_way_moves_with_the_slider_and_every_picture_says_what_it_is(page, address):
    page.goto(f"{address}?tab=samples")
    wait_words(page, "becoming", "t = 0.50")
    slider = page.locator('[data-tool="becoming"] [data-name="share"] input[type=range]')
    slider.focus()
    slider.press("End")
    wait_words(page, "becoming", "t = 1.00")
    wait_words(page, "nearest", "no sign of memorising")
    assert page.locator(".tools svg:not([aria-label]), .tools img:not([alt])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_tensors_can_be_saved(page, address):
    page.goto(f"{address}?tab=samples&draw.model=cgan-mnist&draw.count=20&draw.tensors=true")
    wait_words(page, "draw", "20 samples of cgan")
    with page.expect_download() as saved:
        page.click('[data-tool="draw"] a[download="samples.safetensors"]')
    content = saved.value.path().read_bytes()
    assert load(content)["images"].shape == (20, 1, 28, 28)
    with page.expect_download() as saved:
        page.click('[data-tool="opinions"] [data-do="png"]')
    assert saved.value.suggested_filename == "What-D-thinks.png"


def test_a_pixel_of_my_own_run_is_clicked(new_lab):
    lab = new_lab(viewport={"width": 390, "height": 844})
    lab.open("?model=sagan&data=mnist&seconds=60&set=width=8&set=latent=8")
    run = lab.start()
    lab.press("stop")
    lab.wait_state("stopped")
    page = lab.page
    page.goto(f"{lab.address}?tab=samples&run={run}")
    wait_words(page, "attention", "columns 14 and 15")
    samples = page.locator('[data-tool="attention"] image').first
    samples.scroll_into_view_if_needed()
    box, wide = samples.bounding_box(), int(samples.get_attribute("data-natural").split()[0])
    scale = box["width"] / wide
    page.mouse.click(box["x"] + (29 + 4.5) * scale, box["y"] + 20.5 * scale)  # in the second sample
    wait_words(page, "attention", "rows 20 and 21, columns 4 and 5")
    page.wait_for_function("location.search.includes('attention.row=20')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_drawing_is_carried_to_every_class(page, address):
    page.goto(f"{address}?tab=samples")
    wait_words(page, "carry", "test pictures from number 0")
    canvas = page.locator('[data-tool="carry"] canvas')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    page.mouse.up()
    wait_words(page, "carry", "taken for a 1")
