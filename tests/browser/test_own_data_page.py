"""Pictures of one's own in a real browser: a zip given, a grid drawn, a run on them, and files that are none."""

import io
import json
import re
import socket
import urllib.request
import zipfile
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


@pytest.fixture
def pets(tmp_path):
    """A zip of 20 red and 10 blue pictures in two folders."""
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(30):
            stream = io.BytesIO()
            Image.new("RGB", (40, 30), (200, 5 * i, 0) if i < 20 else (0, 5 * i, 200)).save(stream, "PNG")
            archive.writestr(f"pets/{'cat' if i < 20 else 'dog'}/{i}.png", stream.getvalue())
    return path


@pytest.fixture
def own(new_lab):
    """The Train tab with a small model and one's own pictures chosen."""
    lab = new_lab()
    lab.page.goto(f"{lab.address}?model=cgan&data=own&set=width=16&seconds=300")
    lab.page.wait_for_selector(".own")
    lab.wait(lambda: lab.page.inner_text(".caption") == "Your pictures will stand here.", "the empty stage")
    return lab


def words(lab):
    return lab.page.inner_text(".own figcaption")


def shown(lab):
    return lab.page.get_attribute(".picture", "alt")


def give(lab, path):
    lab.page.set_input_files(".own [data-own=file]", path)
    lab.wait(lambda: lab.page.is_hidden(".own .reading"), "an answer")


def test_a_zip_is_previewed_learned_and_known_after_a_reload(own, pets):
    own.press("start")
    own.wait(lambda: "There are no pictures of yours here" in own.page.inner_text(".actions .fault"), "a sentence")
    give(own, pets)
    own.wait(lambda: words(own).startswith("30 pictures, 2 classes (cat, dog), 32 x 32, colour: 26"), "the set")
    assert "memorising is likely" in words(own)
    own.wait(lambda: shown(own).startswith("26 training images"), "the set on the stage")
    own.page.click(".own .form summary")
    assert own.page.is_checked(".own [data-own=mirror]")
    own.page.check("[name=own-colour][value=grey]", force=True)
    own.wait(lambda: "28 x 28, grey" in words(own), "the set in grey")
    assert not own.page.is_checked(".own [data-own=mirror]")

    own.start()
    own.wait_round(5)
    picture, round_ = own.page.get_attribute(".picture", "src"), own.round()
    own.wait_round(round_ + 20)
    own.wait(lambda: own.page.get_attribute(".picture", "src") != picture, "another picture")
    assert shown(own).startswith("64 samples of cgan on pets after ")
    assert own.status("data") == "pets, 26 of 26: your own, 4 held out"
    own.page.click(".repeat summary")
    assert "train cgan --data YOUR_PICTURES --side 28 --colour grey --no-mirror" in own.page.inner_text(".repeat")
    assert "your pictures, which only you have" in own.page.inner_text(".repeat")
    files = own.page.eval_on_selector_all("[data-file^='run.']:not([hidden])", "all => all.map(one => one.innerText)")
    assert files == ["Python script"]
    id = own.page.evaluate("sessionStorage.getItem('genmodels-own')")
    assert len(id) > 20 and id not in own.page.url and id not in own.page.content()
    own.page.reload()
    own.wait(lambda: words(own).startswith("30 pictures"), "the set after a reload")
    assert own.page.is_checked("[name=dataset][value=own]")
    own.wait_round(round_ + 25)


def test_a_grid_is_drawn_with_undo_and_becomes_a_set(own):
    own.page.click("[data-own=draw]")
    assert own.page.is_disabled("[data-own=take]")
    canvas = own.page.locator(".own canvas")
    for cell in range(16):
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        x, y = box["x"] + box["width"] * (cell % 4 + 0.5) / 4, box["y"] + box["height"] * (cell // 4 + 0.5) / 4
        own.page.mouse.move(x - 12, y - 12)
        own.page.mouse.down()
        own.page.mouse.move(x + 12, y + 12, steps=2)
        own.page.mouse.up()
    assert own.page.inner_text(".own .drawn") == "Cells with a drawing: 16, at least 16 are needed."
    own.page.click("[data-own=undo]")
    assert own.page.inner_text(".own .drawn").startswith("Cells with a drawing: 15") and own.page.is_disabled(
        "[data-own=take]"
    )
    own.page.click("[data-own=more]")
    box = canvas.bounding_box()
    assert box["height"] == pytest.approx(box["width"] * 5 / 4, abs=2)
    own.page.mouse.click(box["x"] + box["width"] / 8, box["y"] + box["height"] * 0.9)
    assert own.page.inner_text(".own .drawn").startswith("Cells with a drawing: 16")
    own.page.click("[data-own=take]")
    own.wait(lambda: words(own).startswith("16 pictures, without labels, 28 x 28, grey: 12 to learn from"), "the set")
    own.wait(lambda: shown(own).startswith("12 training images"), "the set on the stage")


def test_what_is_no_set_gets_a_sentence_and_the_set_before_stays(own, pets, tmp_path):
    give(own, pets)
    own.wait(lambda: words(own).startswith("30 pictures"), "the set")
    foreign = tmp_path / "holiday.zip"
    foreign.write_bytes(b"PK\3\4 and nothing else")
    give(own, foreign)
    assert own.page.inner_text(".own .refused") == "The zip is damaged or cut short: pack it again."
    array = tmp_path / "few.npy"
    np.save(array, np.zeros((3, 28, 28), np.uint8))
    give(own, array)
    assert own.page.inner_text(".own .refused") == "The .npy holds 3 pictures: give 16 to 10,000."
    assert words(own).startswith("30 pictures")


def test_the_address_for_sets_believes_nothing(own):
    for query in (
        "",
        "what=drawings",
        "side=99&colour=x&rows=7&name=../../etc&replaces=x",
        "file=/etc/passwd",
        "a" * 500,
    ):
        request = urllib.request.Request(f"{own.address}train/own?{query}", data=b"nonsense", method="POST")
        with urllib.request.urlopen(request) as reply:
            answer = json.loads(reply.read())
        assert list(answer) == ["error"] and re.match(r"The .*\.$", answer["error"]), answer
    host, port = urlsplit(own.address).netloc.split(":")
    with socket.create_connection((host, int(port))) as sender:  # one that hangs up; the server's log stays clean
        sender.sendall(b"POST /train/own HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nPK")
    own.page.wait_for_timeout(300)


@pytest.mark.parametrize("size", [{"width": 390, "height": 844}, {"width": 1024, "height": 768}])
def test_the_panel_fits_every_width(new_lab, size):
    lab = new_lab(viewport=size)
    lab.page.goto(f"{lab.address}?data=own")
    lab.page.click("[data-own=draw]")
    box, panel = lab.page.locator(".own canvas").bounding_box(), lab.page.locator(".own").bounding_box()
    assert panel["x"] >= 0 and box["x"] + box["width"] <= panel["x"] + panel["width"] + 1
    assert lab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
