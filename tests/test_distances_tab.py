"""The Distances tab without a browser: what it shows is what the theory says, whatever is asked."""

import math
import time
from xml.etree import ElementTree

import pytest
import torch

from genmodels.errors import UserError
from genmodels.theory import transport
from genmodels.theory.divergence import FAMILIES
from genmodels.ui.distances import TOOLS
from genmodels.ui.drawing import number
from genmodels.ui.earth import PLACES, earth
from genmodels.ui.slide import NAMES, slide
from genmodels.ui.tool import checked

BY_NAME = {tool.name: tool for tool in TOOLS}


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{html}</div>")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("t", (-6.0, 0.0, 1.7))
def test_sliding_distributions_show_what_the_theory_says(family, t):
    slots = slide(family=family, t=t, scale=1.0, samples=50)
    legend = parsed(slots["values"]).findall(".//li")
    said = {row.find("span").text: row.find("output").text for row in legend}
    exact = FAMILIES[family](torch.tensor([t], dtype=torch.float64))._asdict()
    assert said == {NAMES[name]: number(value.item()) for name, value in exact.items()}
    for html in slots.values():
        parsed(html)  # well formed


def test_slopes_of_what_is_infinite_are_none():
    rows = parsed(slide(family="segments", t=2.0)["slopes"]).findall(".//li")
    assert [row.find("output").text for row in rows] == ["none", "none", "0", "0", "1", "1"]


def test_earth_costs_what_the_quantile_coupling_costs():
    p, q = [1.0] * 6 + [0.0] * 6, [0.0] * 3 + [0.5] * 9
    place = torch.arange(PLACES, dtype=torch.float64)
    a, b = (torch.tensor(s, dtype=torch.float64) / sum(s) for s in (p, q))
    for cost, power in (("distance", 1), ("squared distance", 2)):
        least = transport.wasserstein_1d(place, place, power, a, b).item() ** power
        assert f"= {number(least)}<" in earth(p=p, q=q, cost=cost)["numbers"]


def test_the_plan_drawn_has_all_the_earth():
    for blur in (0.0, 0.2, 1.0):
        cells = parsed(earth(blur=blur)["plan"]).findall(".//rect/title")
        total = sum(float(cell.text.split(" of all")[0].replace(",", "")) for cell in cells if "e" not in cell.text[:8])
        assert total == pytest.approx(1, abs=0.01)


def test_presets_are_values_that_their_tool_takes():
    for tool in TOOLS:
        for preset in tool.presets:
            assert set(tool.answer(**checked(tool, preset.values))) <= set(tool.slots)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("slide", {"family": "beta"}, "one of"),
        ("slide", {"t": math.nan}, "number"),
        ("earth", {"p": [0] * PLACES}, "empty"),
        ("earth", {"q": [0.5]}, "12"),
    ],
)
def test_nonsense_gets_a_sentence(name, values, reason):
    with pytest.raises(UserError, match=reason):
        BY_NAME[name].answer(**checked(BY_NAME[name], values))


def test_a_slider_is_answered_at_once():
    for values in ({"family": "gaussians"}, {"family": "segments"}, {"family": "mixtures"}):
        slide(**values)
        times = []
        for t in torch.linspace(-5, 5, 11).tolist():
            start = time.perf_counter()
            slide(t=t, **values)
            times.append(time.perf_counter() - start)
        assert sorted(times)[5] < 0.3  # 0.1 on a machine that does nothing else
