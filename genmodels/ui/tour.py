"""The Tour tab: one stop of the text at a time, with its experiment and a question that is checked."""

import re
from html import escape
from itertools import groupby
from pathlib import Path

import gradio as gr

from genmodels import registry
from genmodels.errors import UserError
from genmodels.tour import MINUTES, STOPS, Stop, stops_of
from genmodels.ui.controls import choices
from genmodels.ui.formula import formula
from genmodels.ui.requests import Answer, guarded, text

HERE = Path(__file__).parent
SCRIPTS = ("fields.js", "tour.js")
NAMED = 'data-name="length"'  # as links name it, after the tour
LONGEST = 200  # characters of an answer that are looked at
LEAD = (
    "The text from its beginning to its end. Each stop opens an experiment with its settings and asks a question; the "
    "answer is measured when you press Check."
)


def build() -> None:
    """Places the tab inside the Blocks being built."""
    gr.HTML(
        markup(),
        js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        server_functions=[check, formulas],
        apply_default_css=False,
        elem_classes="page",
    )


def markup() -> str:
    """The whole tab, all stops but their formulas included: they are short."""
    counts = [len(stops_of(minutes)) for minutes in MINUTES]
    names = ("5 minutes: {} stops", "20 minutes: {} stops", "A double lesson: {} stops")
    lengths = {str(minutes): name.format(count) for minutes, name, count in zip(MINUTES, names, counts, strict=True)}
    return (
        '<section class="tour" data-owner="tour" aria-labelledby="tour-title">'
        f'<h2 id="tour-title">The text as a tour</h2><p class="lead">{LEAD}</p>'
        f"{choices('tour-length', 'How long', lengths, str(MINUTES[0]), NAMED)}"
        f'<nav aria-label="Stops of the tour"><p class="count" role="status"></p>{contents()}</nav>'
        f'<div class="stops">{"".join(map(shown, STOPS.values()))}</div></section>'
    )


def contents() -> str:
    """Every stop under the part of the text it belongs to."""
    items = ""
    for part, stops in groupby(STOPS.values(), lambda stop: stop.part):
        items += f'<li class="part">{escape(part)}</li>'
        items += "".join(
            f'<li data-of="{stop.name}"><a href="?tab=tour&amp;tour.stop={stop.name}">{escape(stop.title)}</a></li>'
            for stop in stops
        )
    return f"<ol>{items}</ol>"


def shown(stop: Stop) -> str:
    """One stop, still without its formula."""
    return (
        f'<article class="stop" data-stop="{stop.name}" data-minutes="{stop.minutes}" hidden>'
        f'<p class="place"></p><h3 tabindex="-1">{escape(stop.title)}</h3>'
        f'<p>{escape(stop.text)}</p><p class="formulas"></p>'
        f'<h4>The text</h4><p class="claim">{escape(stop.claim)}</p>'
        f"<h4>The experiment</h4><p>{escape(stop.act)}</p>"
        f'<p><a class="button experiment" href="{escape(stop.address)}" data-question="{escape(stop.question)}">'
        "Open the experiment</a></p>"
        f'<form autocomplete="off"><h4>The question</h4>{asked(stop)}'
        '<button type="submit" class="primary">Check</button><div class="reply" role="status"></div></form>'
        '<p class="row"><button type="button" data-do="back">Back</button>'
        '<button type="button" data-do="next">Next</button></p></article>'
    )


def asked(stop: Stop) -> str:
    """The question with what it takes to answer."""
    name = f"answer-{stop.name}"
    if not stop.options:
        unit = f"<span>{escape(stop.unit)}</span>" if stop.unit else ""
        return (
            f'<label for="{name}">{escape(stop.question)}</label><p class="row">'
            f'<input type="text" id="{name}" name="answer" inputmode="decimal" maxlength="40">{unit}</p>'
        )
    options = "".join(
        f'<label><input type="radio" name="answer" value="{escape(option)}">{escape(option)}</label>'
        for option in stop.options
    )
    return f'<fieldset><legend>{escape(stop.question)}</legend><div class="answers">{options}</div></fieldset>'


def stop_of(request: Answer) -> Stop:
    """The stop that a browser asks about."""
    stop = STOPS.get(text(request.get("stop")))
    if stop is None:
        raise UserError("The page asked for a stop this server does not have: reload the page.")
    return stop


@guarded
def check(request: Answer) -> Answer:
    """Whether an answer is right, what was measured, and why; `run` is the id of the visitor's run or nothing."""
    stop, run = stop_of(request), registry.find(text(request.get("run")))
    return stop.check(text(request.get("answer"), LONGEST), run)._asdict()


@guarded
def formulas(request: Answer) -> Answer:
    """The formula of a stop in pieces that may stand under one another."""
    pieces = re.split(r"\s*\\q?quad\s*", stop_of(request).formula)
    return {"pieces": "".join(f"<span>{formula(piece)}</span>" for piece in pieces)}
