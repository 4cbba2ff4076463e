"""Take it home in a real browser: script, notebook and zip of a short run, named after it and sound."""

import io
import json
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ENDINGS = ("py", "ipynb", "zip")


def opened(lab) -> None:
    """Unfolds what repeats a run, by the keyboard."""
    lab.page.wait_for_selector(".repeat:not([hidden])")
    lab.page.focus(".repeat summary")
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_selector("[data-file='run.py']")


def taken(lab, ending: str) -> bytes:
    """What a link hands out, reached and pressed by the keyboard."""
    link = lab.page.locator(f"[data-file='run.{ending}']")
    link.focus()
    assert link.evaluate("element => element === document.activeElement && element.tabIndex >= 0")
    with lab.page.expect_download() as download:
        lab.page.keyboard.press("Enter")
    assert download.value.suggested_filename == f"{lab.model}-mnist-0.{ending}"
    return Path(download.value.path()).read_bytes()


@pytest.mark.parametrize(("model", "setting"), [("vae", "latent=7"), ("dcgan", "width=8")])
def test_a_run_is_taken_home(new_lab, model, setting):
    lab = new_lab(accept_downloads=True).open(f"?model={model}&data=mnist&seconds=60&set={setting}")
    lab.model = model
    lab.start()
    lab.press("stop")
    lab.wait_state("stopped")
    rounds = lab.round()
    opened(lab)
    command = lab.page.inner_text(".repeat code")
    assert f"train {model}" in command and setting in command
    script, notebook, parcel = (taken(lab, ending) for ending in ENDINGS)
    text = script.decode()
    compile(text, "script", "exec")
    assert f"\n    {setting.replace('=', ' = ')}  #" in text and f"\nROUNDS = {rounds}\n" in text
    assert "genmodels" not in text and len(text.splitlines()) < 200
    cells = json.loads(notebook)["cells"]
    compile("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"), "notebook", "exec")
    names = zipfile.ZipFile(io.BytesIO(parcel)).namelist()
    stem = f"{model}-mnist-0"
    assert set(names) == {f"{stem}/{stem}.{ending}" for ending in ("py", "ipynb", "safetensors")} | {
        f"{stem}/README.md"
    }


def test_the_links_fit_on_a_phone(new_lab):
    lab = new_lab(viewport={"width": 390, "height": 844}).open("?model=vae&data=mnist&seconds=60&set=width=16")
    lab.start()
    lab.press("stop")
    lab.wait_state("stopped")
    opened(lab)
    for ending in ENDINGS:
        link = lab.page.locator(f"[data-file='run.{ending}']")
        link.scroll_into_view_if_needed()
        box = link.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert link.evaluate("element => element.scrollWidth <= element.clientWidth")
