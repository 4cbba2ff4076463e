"""The verdict under the curves of a run, in a real browser."""

import pytest

pytestmark = pytest.mark.browser


def verdict(lab) -> str:
    return lab.page.inner_text(".verdict .name")


def test_a_verdict_stands_under_the_curves_and_is_announced_once(new_lab):
    lab = new_lab().open("?model=vae&data=mnist&seconds=300&set=width=16&set=beta=100&set=latent=2")
    assert lab.page.is_hidden(".verdict")
    lab.start()
    lab.page.wait_for_selector(".verdict:not([hidden])")
    lab.wait(lambda: verdict(lab) == "posterior collapse", "the verdict")
    curves, box = (lab.page.locator(part).bounding_box() for part in (".plots", ".verdict"))
    assert box["y"] >= curves["y"] + curves["height"]
    assert "alarm" in lab.page.get_attribute(".verdict", "class")
    evidence = lab.page.locator(".verdict li").all_inner_texts()
    assert any("of 2" in line for line in evidence) and any("nats an image" in line for line in evidence)
    assert lab.page.get_attribute(".verdict .name", "role") == "status"
    lab.page.evaluate("""() => {
        window.said = 0;
        const changes = { childList: true, characterData: true, subtree: true };
        new MutationObserver(() => window.said++).observe(document.querySelector('.verdict .name'), changes);
    }""")
    round_ = lab.round()
    lab.wait_round(round_ + 20)
    assert lab.page.evaluate("window.said") == 0  # figures changed, the name did not
    lab.press("stop")
    lab.wait_state("stopped")
    assert verdict(lab) == "posterior collapse"
