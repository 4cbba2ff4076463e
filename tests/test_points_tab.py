"""Points that are dragged: what is drawn and said is the cheapest plan between them."""

from xml.etree import ElementTree

import pytest
import torch

from genmodels.errors import UserError
from genmodels.theory.sinkhorn import entropic
from genmodels.theory.transport import exact_plan
from genmodels.ui.drawing import Canvas, number
from genmodels.ui.points import LEFT, MOST, POINTS, RIGHT, points
from genmodels.ui.tool import checked


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{html}</div>")


def masses(html: str) -> list[float]:
    return [float(title.text.split(" of all")[0]) for title in parsed(html).findall(".//path/title")]


def problem(n: int, m: int, power: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, y = torch.tensor(LEFT).double().view(-1, 2)[:n], torch.tensor(RIGHT).double().view(-1, 2)[:m]
    a, b = (torch.full((count,), 1 / count, dtype=torch.float64) for count in (n, m))
    return a, b, torch.cdist(x, y) ** power


@pytest.mark.parametrize(("cost", "power"), (("distance", 1), ("squared distance", 2)))
@pytest.mark.parametrize(("n", "m"), ((1, 1), (3, 5), (12, 12)))
def test_the_costs_said_are_those_of_both_plans(n, m, cost, power):
    a, b, costs = problem(n, m, power)
    said = [span.text for span in parsed(points(count_p=n, count_q=m, cost=cost)["numbers"]).findall(".//li/span")]
    least = (exact_plan(a, b, costs) * costs).sum().item()
    dearer = (entropic(a, b, costs, 0.1, tolerance=1e-9).plan * costs).sum().item()
    assert said[0] == f"= {number(least)}"
    assert float(said[1].split()[1].rstrip(",")) == pytest.approx(dearer, abs=2e-3)
    assert float(said[3][2:].split(":")[0].replace("\N{MINUS SIGN}", "-")) < 1e-9


def test_lines_carry_all_the_mass_and_knobs_stand_at_the_points():
    slots = points(count_p=3, count_q=5)
    assert sum(masses(slots["exact"])) == pytest.approx(1, abs=1e-3)
    assert sum(masses(slots["entropic"])) == pytest.approx(1, abs=5e-3)
    assert len(masses(slots["exact"])) <= 3 + 5 - 1 < len(masses(slots["entropic"]))  # a vertex of the polytope
    knobs = parsed(slots["exact"]).findall(".//circle")
    assert [(knob.get("data-edits"), knob.get("data-index")) for knob in knobs] == [
        *(("p", str(2 * i)) for i in range(3)),
        *(("q", str(2 * i)) for i in range(5)),
    ]
    side = float(parsed(slots["exact"]).find(".//svg").get("width"))
    plane = Canvas((-1, 1), (-1, 1), int(side), int(side), bare=True)
    assert (float(knobs[0].get("cx")), float(knobs[0].get("cy"))) == plane.place(*LEFT[:2])
    assert knobs[0].get("aria-valuetext") == "\N{MINUS SIGN}0.7, 0.5"


def test_equal_numbers_are_paired_one_to_one():
    assert masses(points(count_p=7, count_q=7)["exact"]) == pytest.approx([1 / 7] * 7, abs=1e-3)


def test_sinkhorn_halves_a_tie_and_ends_at_the_product():
    tie = next(preset for preset in POINTS.presets if preset.title == "A tie")
    assert masses(points(**checked(POINTS, tie.values))["entropic"]) == pytest.approx([0.25] * 4, abs=1e-3)
    assert masses(points(eps=10.0, cost="distance")["entropic"]) == pytest.approx([1 / 36] * 36, rel=0.1)


def test_one_place_for_all_is_no_cost():
    slots = points(p=[0.5] * 2 * MOST, q=[0.5] * 2 * MOST)
    assert "= 0<" in slots["numbers"]
    for html in slots.values():
        assert "nan" not in html and "inf" not in html and parsed(html)


def test_presets_and_nonsense():
    for preset in POINTS.presets:
        assert set(points(**checked(POINTS, preset.values))) == set(POINTS.slots)
    for values in ({"p": [0.0] * 10}, {"q": [2.0] * 24}, {"count_p": 0}, {"count_q": 13}, {"eps": 0}):
        with pytest.raises(UserError):
            points(**checked(POINTS, values))
