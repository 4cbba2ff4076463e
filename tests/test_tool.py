"""Tools without a browser: values are checked, defaults fill in, errors are sentences."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from genmodels.errors import UserError
from genmodels.models.base import Choice, Real
from genmodels.ui.drawing import Canvas, figure, short
from genmodels.ui.formula import formula
from genmodels.ui.tool import WIDTH, Numbers, Preset, Tool, checked, markup


def answer(
    *,
    family: Choice(("points", "densities"), "family") = "points",
    shift: Real(-3, 3, "shift") = 1.0,
    bars: Numbers(0, 1, 2, 4, "bars") = [0.5, 0.5],  # noqa: B006
    width: WIDTH = 600,
) -> dict[str, str]:
    return {"figure": f"{family} {shift} {bars} {width}"}


TOOL = Tool("slide", "Slide", "Move it.", answer, ("figure",), (Preset("Far", "Silent.", {"shift": 3}),), ("shift",))


def test_values_are_checked_and_defaults_fill_in():
    assert checked(TOOL, {"shift": 2, "width": 500}) == {
        "family": "points",
        "shift": 2.0,
        "bars": [0.5, 0.5],
        "width": 500,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"shift": math.nan},
        {"shift": "wide"},
        {"family": ["points"]},
        {"bars": [1]},
        {"bars": [0.1, math.inf]},
        {"bars": [0.1, 2]},
        {"bars": "[0, 1]"},
        {"bars": [[0.1], 0.2]},
        {"width": 1e9},
        {"height": 3},
    ],
)
def test_nonsense_gets_a_sentence(values):
    with pytest.raises(UserError, match=r"\.$"):
        checked(TOOL, values)


def test_the_signature_is_the_control_panel():
    html = markup(TOOL)
    for name in ("family", "shift", "bars"):
        assert html.count(f'data-name="{name}"') == 1
    assert "width" not in html.split("data-name")[0] and 'data-name="width"' not in html
    assert html.index("More settings") < html.index('data-name="shift"')  # folded
    assert json.dumps({"shift": 3}).replace('"', "&quot;") in html


def test_a_canvas_draws_finite_numbers_whatever_it_gets():
    canvas = Canvas((0, 1), (0, 1))
    canvas.line([0, 0.5, 1], [0, math.inf, 1e30])
    canvas.dots([-5, 0.5], [0.5, 9e9])
    canvas.arrows([(0, 0), (0.5, 0.5)], [(1, 1), (0.5, 0.5)])
    svg = canvas.svg('a "line" & more')
    assert "inf" not in svg.replace("data-values", "") and "nan" not in svg
    assert "&quot;line&quot; &amp; more" in svg
    assert "PNG" in figure("Title", svg, "What is drawn.") and "PNG" not in figure("Title", svg)


def test_points_stand_where_their_data_says():
    canvas = Canvas((0, 10), (0, 2), 100, 60, bare=True)
    assert canvas.place(0, 0) == (1, 59) and canvas.place(10, 2) == (99, 1) and canvas.place(5, 1) == (50, 30)


def test_numbers_beside_an_axis_are_narrow():
    assert [short(value) for value in (0.25, 9000, 50_000, -150_000, 2.5e6, 3e11)] == [
        "0.25",
        "9,000",
        "50k",
        "\N{MINUS SIGN}150k",
        "2.5M",
        "3e+11",
    ]


def test_formulas_are_drawn_and_say_themselves():
    assert 'aria-label="W_1 = 2"' in formula("W_1 = 2")
    assert 'aria-label="two"' in formula("W_1 = 2", "two")
    assert formula("x") != formula("y")
    with pytest.raises(ValueError):
        formula(r"\frac{1")


def test_formulas_are_set_by_many_threads_at_once():
    texts = [rf"\frac{{{i}}}{{p_{i}}}+\sqrt{{x_{i}}}=\log {i}" for i in range(24)]
    with ThreadPoolExecutor(8) as executor:
        drawn = list(executor.map(formula, texts))
    formula.cache_clear()
    assert drawn == [formula(tex) for tex in texts]
