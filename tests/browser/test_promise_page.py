"""Promises in a real browser: what to expect before Start, what came at the end, and a run begun from weights."""

import re

import pytest

pytestmark = pytest.mark.browser

SMALL = "?tab=train&model=gan&data=mnist&seconds=30"


def expected(lab) -> str:
    return lab.page.inner_text(".promise ul")


def test_a_promise_before_start_and_what_came_beside_it(new_lab):
    lab = new_lab().open(SMALL)
    lab.wait(lambda: "times as fast" in expected(lab), "a promise by this computer's speed", 60)
    words = (
        r"Digits can be recognised \(feature distance below 10\) after about \d+ s\.\s+Feature distance after \d+ \w+: "
    )
    assert re.match(words, expected(lab))
    assert re.search(r"\(floor 0\.15, n 2,000\)", expected(lab))
    assert re.search(r"Measured on 2 cores \(.+\); this computer is [\d.]+ times as fast", expected(lab))
    assert lab.page.inner_text(".tries li:first-child .foretold").startswith("Expect digits after about ")
    assert lab.page.inner_text(".reached") == ""
    lab.start()
    lab.wait_round(20)
    lab.press("stop")
    lab.wait_state("stopped")
    lab.wait(lambda: lab.page.inner_text(".reached").startswith("Measured after "), "what the run reached", 40)
    said = lab.page.inner_text(".reached")
    found = re.match(
        r"Measured after [\d.]+ s: feature distance ([\d.]+) \(floor 0\.15, n 2,000\)\. Promised after", said
    )
    assert found and 1 < float(found[1]) < 200
    lab.page.reload()
    lab.wait(lambda: lab.page.inner_text(".reached") == said, "the same after a reload")


def test_the_promise_follows_the_controls(new_lab):
    lab = new_lab().open(SMALL)
    lab.wait(lambda: "Digits" in expected(lab), "a promise")
    lab.page.fill("#gan-latent", "16")
    lab.page.press("#gan-latent", "Tab")
    lab.wait(lambda: "default settings" in expected(lab), "what it holds for")
    lab.page.select_option("#model", "ae")
    lab.wait(lambda: expected(lab).startswith("Reconstructions can be"), "the autoencoder's")
    lab.page.check("[name=dataset][value=fashion_mnist]", force=True)
    lab.wait(lambda: lab.page.is_hidden(".promise"), "no promise where nothing was measured")
    lab.page.check("[name=dataset][value=cifar10]", force=True)
    lab.wait(lambda: "could not be recognised" in expected(lab), "what was not reached")
    assert lab.page.is_visible(".shipped .weak")
    lab.page.check("[name=dataset][value=mnist]", force=True)
    lab.wait(lambda: lab.page.is_hidden(".shipped .weak"), "the quiet offer")
    assert lab.page.is_visible("[data-do=shipped]")


def test_a_run_from_the_shipped_weights_takes_their_settings_and_says_so(new_lab):
    lab = new_lab().open(SMALL + "&set=latent=16")
    lab.wait(lambda: lab.page.is_visible("[data-do=shipped]"), "the offer")
    lab.press("shipped")
    lab.wait(lambda: "weights alone" in lab.page.inner_text(".marks"), "the mark")
    lab.wait_state("learning")
    began = int(re.search(r"\(([\d,]+) images\)", lab.page.inner_text(".marks"))[1].replace(",", ""))
    assert began > 100_000
    lab.wait(lambda: int(lab.status("images").replace(",", "")) > began, "more images")
    assert lab.page.input_value("#gan-latent") != "16"
    assert "--resume weights/gan-mnist.safetensors" in lab.page.text_content(".repeat code")
    lab.press("stop")
    lab.wait(lambda: lab.page.inner_text(".reached").startswith("Measured after "), "what the run reached", 40)
    assert "Promised" not in lab.page.inner_text(".reached")
