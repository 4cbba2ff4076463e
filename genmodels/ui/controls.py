"""Controls made from a signature, as HTML."""

import math
from html import escape
from typing import Any

from genmodels.models import MODELS
from genmodels.models.base import Choice, Flag, Kind, Whole, settings_of

MOST_BUTTONS = 4  # options side by side; more go into a list
FRONT = 6  # settings in front at most


def settings_form(model: str) -> tuple[str, str]:
    """The controls of a model: those in front, and the rest."""
    front, rest = [], []
    for name, (kind, default) in settings_of(MODELS[model]).items():
        control = field(f"{model}-{name}", name, kind, default)
        (front if kind.front and len(front) < FRONT else rest).append(control)
    return "".join(front), "".join(rest)


def field(identity: str, name: str, kind: Kind, default: Any) -> str:
    """One labelled control. `data-live` marks those that may be changed while a run goes on."""
    live = " data-live" if kind.live else ""
    code = f'<span translate="no">{escape(name)}</span>{", live" if kind.live else ""}'
    label = f"{escape(kind.label)} <em>{code}</em>"
    if isinstance(kind, Flag):
        checked = " checked" if default else ""
        return (
            f'<div class="field" data-name="{name}"{live}><label for="{identity}">{label}</label>'
            f'<input type="checkbox" id="{identity}" data-default="{str(default).lower()}"{checked}></div>'
        )
    if isinstance(kind, Choice):
        if len(kind.options) <= MOST_BUTTONS:
            return choices(identity, label, kind.options, default, f'data-name="{name}"{live}')
        return (
            f'<div class="field" data-name="{name}"{live}><label for="{identity}">{label}</label>'
            f'<select id="{identity}" data-default="{escape(default)}">{options(kind.options, default)}</select></div>'
        )
    whole = isinstance(kind, Whole)
    log = not whole and kind.log or whole and kind.high >= 1000 * max(1, kind.low)
    least = max(kind.low, 1 if whole else 1e-9)  # a logarithmic slider has no 0; the number beside it may
    low, high = (math.log10(least), math.log10(kind.high)) if log else (kind.low, kind.high)
    start = math.log10(max(default, least)) if log else default
    step = 1 if whole and not log else (high - low) / 200
    return (
        f'<div class="field" data-name="{name}"{live}><label for="{identity}">{label}</label>'
        f'<input type="number" id="{identity}" value="{default:g}" data-default="{default:g}" min="{kind.low}" '
        f'max="{kind.high}" step="{1 if whole else "any"}" inputmode="{"numeric" if whole else "decimal"}">'
        f'<input type="range" min="{low}" max="{high}" step="{step}" value="{start}" '
        f'aria-label="{escape(kind.label)}"{" data-log" if log else ""}{" data-whole" if whole else ""}></div>'
    )


def choices(identity: str, label: str, names: tuple[str, ...] | dict[str, str], default: str, more: str = "") -> str:
    """Options side by side, as radio buttons. A dict maps values to the words shown."""
    shown = names if isinstance(names, dict) else {name: name for name in names}
    buttons = "".join(
        f'<label><input type="radio" name="{identity}" value="{escape(value)}" data-default="{escape(default)}"'
        f"{' checked' if value == default else ''}>{escape(words)}</label>"
        for value, words in shown.items()
    )
    return f'<fieldset class="field" {more}><legend>{label}</legend><div class="choices">{buttons}</div></fieldset>'


def options(names: tuple[str, ...] | dict[str, str], default: str) -> str:
    """The options of a select element."""
    shown = names if isinstance(names, dict) else {name: name for name in names}
    return "".join(
        f'<option value="{escape(str(value))}"{" selected" if value == default else ""}>{escape(words)}</option>'
        for value, words in shown.items()
    )
