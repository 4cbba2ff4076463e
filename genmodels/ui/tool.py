"""Tools of a tab: controls on one side, figures on the other, and one function that answers every change.

The function's signature is the control panel, as a model's is: every keyword is annotated with its kind.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from genmodels.errors import UserError
from genmodels.models.base import Kind, Whole, _number, settings_of
from genmodels.ui.controls import field
from genmodels.ui.requests import Answer, guarded, table, text
from genmodels.ui.sketch import Drawing
from genmodels.ui.sources import MINE

HERE = Path(__file__).parent
WIDTH = Whole(200, 2000, "pixels")  # of the figures
KNOWN = ("width", "run")  # keywords that the page fills in and nobody sets
# Answers computed at the same time, each on one core: one is left for a training, and none is in another's way.
_computing = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) - 1))
# A class that opens a tab asks forty times for the same: the latest answers, by tool and values. Those of a run change.
_answers: OrderedDict[str, dict[str, str]] = OrderedDict()
_answering = threading.Lock()
KEPT, LONGEST_KEY = 200, 1000  # answers of about 60 kB; what somebody drew is not asked for twice


class Name:
    """A short text that nobody sees: the id of the visitor's run."""

    live = False

    def check(self, name: str, value: Any) -> str:
        return text(value)


RUN = Name()


@dataclass(frozen=True)
class Numbers:
    """A list of `least` to `most` finite numbers from low to high: something edited in a figure."""

    low: float
    high: float
    least: int
    most: int
    label: str
    live: bool = False

    def check(self, name: str, value: Any) -> list[float]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            many = f"{self.least} to {self.most}" if self.least < self.most else str(self.most)
            raise UserError(f"{self.label} takes {many} numbers.")
        numbers = [_number(self.label, item) for item in value]
        if any(not self.low <= number <= self.high for number in numbers):
            raise UserError(f"{self.label} takes numbers from {self.low:g} to {self.high:g}.")
        return numbers


@dataclass(frozen=True)
class Preset:
    """One click to try: what it shows, the claim beside it, and the values it sets; the rest goes to defaults."""

    title: str
    claim: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A function of typed keywords that returns the HTML of each slot.

    `lead` says what one is looking at and what to try first. A keyword `width` gets the width in pixels that figures
    may have, `run` the id of the visitor's run or nothing. UserError and ValueError become the sentence the page
    shows.
    """

    name: str
    title: str
    lead: str
    answer: Callable[..., dict[str, str]]
    slots: Sequence[str]
    presets: Sequence[Preset] = ()
    folded: Sequence[str] = ()  # controls under "More settings"


def place(tab: str, tools: Sequence[Tool], scripts: Sequence[str] = ()) -> None:
    """The tools under one another, inside the Blocks being built; `scripts` are files with gestures of its own."""
    by_name = {tool.name: tool for tool in tools}

    @guarded
    def answer(request: Answer) -> Answer:
        """The slots of one tool."""
        tool = by_name.get(text(request.get("tool")))
        if tool is None:
            raise UserError("The page asked for something this server does not have: reload the page.")
        try:
            return {"slots": answered(tool, table(request.get("values")))}
        except ValueError as error:  # the theory's word for what a person set
            raise UserError(str(error)) from error

    gr.HTML(
        f'<div class="tools" data-tab="{tab}">{"".join(markup(tool) for tool in tools)}</div>',
        js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("fields.js", "tool.js", *scripts)),
        server_functions=[answer],
        apply_default_css=False,
        elem_classes="page",
    )


def answered(tool: Tool, sent: dict[str, Any]) -> dict[str, str]:
    """The slots of a tool for the values that a page sent, computed once for all who ask the same."""
    values = checked(tool, sent)
    key = json.dumps([tool.name, sent | {"run": ""}], sort_keys=True)
    keep = len(key) < LONGEST_KEY and MINE not in sent.values()
    if keep and (found := _answers.get(key)):
        return found
    with _computing:
        if keep and (found := _answers.get(key)):  # computed while this one waited
            return found
        torch.set_num_threads(1)  # of this thread
        slots = tool.answer(**values)
    if keep:
        with _answering:
            _answers[key] = slots
            if len(_answers) > KEPT:
                _answers.popitem(last=False)
    return slots


def checked(tool: Tool, values: dict[str, Any]) -> dict[str, Any]:
    """Every keyword of the tool with the value sent or its default; UserError where a value is off."""
    kinds = settings_of(tool.answer)
    unknown = [name for name in values if name not in kinds and name not in KNOWN]
    if unknown:
        raise UserError(f"{tool.title} has no setting {unknown[0][:40]!r}.")
    return {name: kind.check(name, values.get(name, default)) for name, (kind, default) in kinds.items()}


def markup(tool: Tool) -> str:
    """A tool as HTML: title and lead, controls with presets, and the empty slots."""
    kinds = {name: pair for name, pair in settings_of(tool.answer).items() if name not in KNOWN}
    controls = {name: control(f"{tool.name}-{name}", name, kind, default) for name, (kind, default) in kinds.items()}
    front = "".join(html for name, html in controls.items() if name not in tool.folded)
    rest = "".join(html for name, html in controls.items() if name in tool.folded)
    more = f'<details class="more"><summary>More settings</summary><div class="settings">{rest}</div></details>'
    slots = "".join(f'<div class="slot" data-slot="{name}"></div>' for name in tool.slots)
    return (
        f'<section class="tool" data-tool="{tool.name}" aria-labelledby="{tool.name}-title">'
        f'<h2 id="{tool.name}-title">{escape(tool.title)}</h2><p class="lead">{escape(tool.lead)}</p>'
        f'<div class="panel"><form autocomplete="off" class="settings">{front}{more if rest else ""}'
        f'<p class="fault" role="alert"></p></form>{tries(tool.presets)}</div>'
        f'<div class="view">{slots}</div></section>'
    )


def control(identity: str, name: str, kind: Kind | Numbers | Drawing, default: Any) -> str:
    """One labelled control; a list of numbers is hidden, for it is edited in a figure."""
    if isinstance(kind, Numbers):
        value = escape(json.dumps(default))
        bounds = f'data-low="{kind.low}" data-high="{kind.high}" data-least="{kind.least}" data-most="{kind.most}"'
        hidden = f'<input type="hidden" data-default="{value}" value="{value}" {bounds}>'
        return f'<div class="field" data-name="{name}" hidden>{hidden}</div>'
    if isinstance(kind, Drawing):
        return kind.control(identity, name)
    return field(identity, name, kind, default)


def tries(presets: Sequence[Preset]) -> str:
    """The presets, each a button and its claim."""
    items = "".join(
        f'<li><button type="button" class="plain" data-preset="{escape(json.dumps(preset.values))}">'
        f"{escape(preset.title)}</button><p>{escape(preset.claim)}</p></li>"
        for preset in presets
    )
    return f'<div class="tries"><h3>Try this</h3><ul>{items}</ul></div>' if presets else ""
