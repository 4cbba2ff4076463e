"""The Self-check tab: the theorems that the page shows, put to the test by the page's own functions."""

import math
from html import escape
from pathlib import Path

import gradio as gr

from genmodels.errors import UserError
from genmodels.selfcheck import CHECKS, run
from genmodels.ui.drawing import number
from genmodels.ui.notation import equation
from genmodels.ui.requests import Answer, guarded, text

HERE = Path(__file__).parent
LEAD = (
    "The other tabs rest on these theorems. Press the button and each is computed anew, with the very functions that "
    "draw the page: a tick says that what was found is what theory expects, within the tolerance beside it."
)
NOTE = "Information in nats. The same on the command line: python -m genmodels selfcheck"
SUPERSCRIPTS = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def build() -> None:
    """Places the table inside the Blocks being built."""
    gr.HTML(
        markup(),
        js_on_load=(HERE / "selfcheck.js").read_text(encoding="utf-8"),
        server_functions=[check, theorems],
        apply_default_css=False,
        elem_classes="page",
    )


def markup() -> str:
    """The button, and a row for each theorem, still without numbers."""
    rows = "".join(
        f'<tr data-check="{one.name}"><td class="verdict"></td><th scope="row">{escape(one.what)}</th>'
        '<td class="theorem"></td><td data-of="expected"></td><td data-of="found"></td>'
        '<td data-of="tolerance"></td><td data-of="time"></td></tr>'
        for one in CHECKS
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("expected", "found", "within", "took"))
    return (
        f'<section class="selfcheck" aria-labelledby="selfcheck-title"><h2 id="selfcheck-title">Does it hold?</h2>'
        f'<p class="lead">{LEAD}</p><p class="start"><button type="button" class="primary" data-do="check">Check all '
        f'{len(CHECKS)}</button> <span class="summary" role="status"></span></p><p class="fault" role="alert"></p>'
        f'<table><thead><tr><th><span class="unseen">holds</span></th><th scope="col">theorem</th><td></td>{heads}'
        f'</tr></thead><tbody>{rows}</tbody></table><p class="note">{NOTE}</p></section>'
    )


@guarded
def theorems(request: Answer) -> Answer:
    """The formula of every check: asked for once somebody sees the tab, for the first one takes a second."""
    return {one.name: equation(one.formula) for one in CHECKS}


@guarded
def check(request: Answer) -> Answer:
    """Runs one check by its name."""
    name = text(request.get("check"))
    one = next((one for one in CHECKS if one.name == name), None)
    if one is None:
        raise UserError("The page asked for a check this server does not have: reload the page.")
    result = run(one)
    expected, found, tolerance = result.finding
    if result.failure:
        return {"holds": False, "failure": result.failure[:200], "seconds": result.seconds}
    return {
        "holds": result.holds,
        "expected": number(round(expected, 9)),
        "found": number(round(found, 9)),
        "tolerance": roughly(tolerance),
        "seconds": result.seconds,
    }


def roughly(tolerance: float) -> str:
    """A tolerance in two digits, a small one as a power of ten."""
    power = math.floor(math.log10(tolerance))
    return f"10{str(power).translate(SUPERSCRIPTS)}" if power < -4 else f"{tolerance:.2g}"
