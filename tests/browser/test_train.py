"""The Train tab in a real browser: a run from Start to Stop, and everything that can happen in between."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser


def points(lab) -> int:
    """Points of the first curve drawn."""
    return lab.page.evaluate("document.querySelector('.plot polyline').points.length")


def test_picture_steps_and_curves_move(lab):
    assert "training images" in lab.page.get_attribute(".picture", "alt")
    began = time.monotonic()
    lab.start()
    assert time.monotonic() - began < 5  # on a machine that does other things too
    lab.wait_round(5)
    before, picture, round_ = points(lab), lab.page.get_attribute(".picture", "src"), lab.round()
    lab.wait_round(round_ + 20)
    lab.wait(lambda: points(lab) > before, "a longer curve")
    lab.wait(lambda: lab.page.get_attribute(".picture", "src") != picture, "another picture")
    assert lab.page.get_attribute(".picture", "alt").startswith("64 samples of dcgan on MNIST after ")
    assert "MNIST" in lab.status("data")
    assert "nats" in lab.page.inner_text(".plot >> nth=0")
    assert "log 2" in lab.page.text_content(".plots")


def test_pause_one_round_resume(lab):
    lab.start()
    lab.wait_round(3)
    lab.press("pause")
    lab.wait_state("paused")
    stands = lab.round()
    lab.page.wait_for_timeout(700)
    assert lab.round() == stands
    lab.press("step")
    lab.wait(lambda: lab.round() == stands + 1, "one round")
    lab.page.wait_for_timeout(500)
    assert lab.round() == stands + 1
    lab.press("pause")  # now says Resume
    lab.wait_round(stands + 5)


def test_live_settings_and_players_mark_the_curves(lab):
    lab.start()
    lab.wait_round(2)
    lab.page.fill("#dcgan-steps", "2")
    lab.page.press("#dcgan-steps", "Enter")
    lab.wait(lambda: "steps = 2" in lab.page.inner_text(".marks"), "the mark of the change")
    lab.page.check("[name=player][value=generator]", force=True)
    lab.wait(lambda: "only the generator" in lab.page.inner_text(".marks"), "the mark of the player")
    assert lab.page.is_checked("[name=player][value=generator]")
    assert lab.page.is_hidden(".pending")
    lab.page.fill("#dcgan-width", "9")
    lab.page.press("#dcgan-width", "Tab")
    assert lab.page.is_visible(".pending")
    lab.page.fill("#dcgan-steps", "")
    lab.page.press("#dcgan-steps", "Tab")
    lab.wait(lambda: "steps must be a number" in lab.page.inner_text(".fault"), "a sentence")


def test_slider_goes_back_and_refresh_finds_the_run(lab):
    run = lab.start()
    slider = lab.page.locator(".replay input")
    lab.wait(lambda: slider.is_visible() and int(slider.get_attribute("max")) >= 3, "four pictures")
    slider.fill("0")
    first = lab.page.get_attribute(".picture", "src")
    assert lab.page.get_attribute(".picture", "data-images") == "0"
    lab.wait_round(lab.round() + 5)
    assert lab.page.get_attribute(".picture", "src") == first  # looking back is not disturbed
    slider.press("End")
    assert lab.page.get_attribute(".picture", "src") != first
    before = lab.round()
    lab.page.reload()
    lab.page.wait_for_selector(".picture[data-images]")
    assert lab.run() == run
    lab.wait_round(before + 1)
    assert lab.page.input_value("#dcgan-width") == "8"
    lab.wait(lambda: int(slider.get_attribute("max")) >= 3, "all pictures again")


def test_stop_is_quick_then_save_load_and_go_on(lab, tmp_path):
    lab.start()
    lab.wait_round(10)
    began = time.monotonic()
    lab.press("stop")
    lab.wait_state("stopped")
    assert time.monotonic() - began < 1.5  # the stop itself within a second, seen by the next look
    assert lab.page.is_disabled("[data-do=stop]")
    saved = download(lab, "[data-file='model.safetensors']", tmp_path)
    assert saved.name == "dcgan-mnist-0.safetensors"
    assert download(lab, "[data-file='curves.png']", tmp_path).read_bytes().startswith(b"\x89PNG")
    numbers = json.loads(download(lab, "[data-file='curves.json']", tmp_path).read_text())
    assert len(numbers["generator_loss"]["values"]) >= 10
    lab.page.click(".repeat summary")
    assert "train dcgan mnist --seconds 300 --seed 0 --set latent=16 --set width=8" in lab.page.inner_text(".repeat")
    compile(download(lab, "[data-file='run.py']", tmp_path).read_text(), "run.py", "exec")

    stopped, picture = lab.round(), lab.page.get_attribute(".picture", "src")
    lab.page.set_input_files(".load", saved)
    lab.wait_state("paused")
    lab.wait(lambda: lab.round() == stopped, "the round of the file")
    assert lab.page.input_value("#dcgan-width") == "8"
    assert lab.page.get_attribute(".picture", "src") == picture
    lab.press("pause")
    lab.wait_round(stopped + 3)


def test_a_file_that_is_no_model_gets_a_sentence(lab, tmp_path):
    foreign = tmp_path / "holiday.safetensors"
    foreign.write_bytes(b"\xff" * 4096)
    lab.page.set_input_files(".load", foreign)
    lab.wait(lambda: lab.page.inner_text(".fault").startswith("holiday.safetensors is not"), "a sentence")


def test_nonsense_in_a_field_gets_a_sentence_and_loses_nothing(lab):
    lab.page.fill("#dcgan-width", "9999")
    lab.press("start")
    lab.wait(lambda: "width must be a whole number from 8 to 128" in lab.page.inner_text(".fault"), "a sentence")
    assert lab.page.input_value("#dcgan-width") == "9999"
    lab.page.fill("#dcgan-width", "8")
    lab.start()
    assert lab.page.inner_text(".fault") == ""


def test_two_people_have_two_runs(lab, new_lab):
    other = new_lab().open("?model=dcgan&data=mnist&seed=7&seconds=300&set=width=8")
    assert lab.start() != other.start()
    lab.wait_round(3)
    other.wait_round(3)
    lab.press("pause")
    lab.wait_state("paused")
    stands = other.round()
    other.wait_round(stands + 5)
    assert lab.status("state") == "paused"
    assert lab.page.get_attribute(".picture", "src") != other.page.get_attribute(".picture", "src")


def test_impatient_clicks_make_one_run(lab):
    lab.page.evaluate("for (let i = 0; i < 6; i++) document.querySelector('[data-do=start]').click()")
    lab.page.wait_for_selector(".picture[data-images]")
    named, first = lab.run(), lab.page.evaluate("JSON.parse(localStorage.getItem('genmodels-runs')).at(-1)")
    assert first.startswith(named)
    lab.press("start")
    lab.wait(lambda: lab.run() != named, "a second run")
    lab.wait_round(2)
    assert ask(lab.address, "look", {"run": first, "revision": -1})["state"] == "stopped"


def test_keyboard_and_every_model_has_its_controls_and_card(lab):
    for name in lab.page.eval_on_selector_all("#model option", "all => all.map(option => option.value)"):
        lab.page.select_option("#model", name)
        assert lab.page.is_visible(f"#card-{name} .katex")
        assert lab.page.locator(f".controls .settings[data-model='{name}'] .field:visible").count() > 0
    lab.page.focus("[data-do=start]")
    lab.page.keyboard.press("Tab")
    assert lab.page.evaluate("document.activeElement.matches('summary, button, input, a')")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1024, 768), (1920, 1080)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll_and_enough_contrast(new_lab, width, height, scheme):
    lab = new_lab(viewport={"width": width, "height": height}, color_scheme=scheme).open()
    assert lab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for ink, paper in [("ink", "paper"), ("quiet", "paper"), ("accent", "paper"), ("danger", "paper")] + [
        ("ink", "sheet"),
        ("quiet", "sheet"),
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
    ]:
        assert contrast(lab, ink, paper) >= 4.5, (ink, paper)


def test_an_unknown_run_gets_a_sentence(new_lab):
    lab = new_lab()
    lab.page.add_init_script("localStorage['genmodels-runs'] = '[\"dcgan-mnist-0\"]'")  # of yesterday
    lab.open("?model=dcgan&run=dcgan-mnist-0")
    lab.wait(lambda: "no longer on the server" in lab.page.inner_text(".message"), "a sentence")
    assert "run=" not in lab.page.url


GOOD = {"model": "dcgan", "dataset": "mnist", "seed": 0, "seconds": 5}
NONSENSE = [None, [], [1, 2], "x" * 100_000, 3, True, {}, {"model": {"a": 1}}, {"settings": [[]]}, {"run": ["a"]}]
NONSENSE += [GOOD | {"seed": seed, "dataset": []} for seed in (-1, 1e400, "z", [], True)]
NONSENSE += [GOOD | {"dataset": "../../etc/passwd"}, GOOD | {"model": "../../etc/passwd", "dataset": "/etc"}]
BAD_STARTS = [{"model": "../etc"}, {"seed": -1}, {"seed": 1e400}, {"seed": True}, {"seconds": 1e9}, {"seconds": None}]
BAD_STARTS += [
    {"settings": s} for s in ({"width": float("nan")}, {"loss": ["minimax"]}, {"latent": {}}, {"none": 1}, 5)
]


@pytest.mark.parametrize("function", ["start", "look", "command", "preview"])
def test_nonsense_requests_get_a_sentence(address, function):
    for data in NONSENSE + [GOOD | bad for bad in BAD_STARTS if function == "start"]:
        answer = ask(address, function, data)
        assert answer["error"].endswith((".", "...")), (data, answer)
        assert "Something went wrong" not in answer["error"], (data, answer)
        assert len(answer["error"]) < 500


def test_files_of_unknown_runs_get_a_sentence(address):
    for name in ("model.safetensors", "curves.png", "run.py", "passwd"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{address}train/dcgan-mnist-0/{name}")
        assert caught.value.code == 404
        assert caught.value.read().decode().endswith(".")


def ask(address: str, function: str, data: object) -> dict:
    """Calls a function of the page as anybody could, without the page."""
    config = json.load(urllib.request.urlopen(f"{address}config"))
    component = next(c["id"] for c in config["components"] if function in c["props"].get("server_fns", ()))
    body = json.dumps({"data": data, "component_id": component, "fn_name": function, "session_hash": "anybody"})
    request = urllib.request.Request(f"{address}gradio_api/component_server", body.encode())
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request))


def download(lab, selector: str, folder: Path) -> Path:
    with lab.page.expect_download() as waiting:
        lab.page.click(selector)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def contrast(lab, ink: str, paper: str) -> float:
    """The contrast ratio of WCAG 2.1 between two of the page's colours."""

    def read(name: str) -> str:
        return lab.page.evaluate(f"getComputedStyle(document.body).getPropertyValue('--{name}')").strip()

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(read(ink)), luminance(read(paper))), reverse=True)
    return (light + 0.05) / (dark + 0.05)
