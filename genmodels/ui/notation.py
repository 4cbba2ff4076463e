"""Equations with the numbers of the moment, and the unit in which people want their information."""

import math
import re
from collections.abc import Iterable
from html import escape

from genmodels.models.base import Choice
from genmodels.ui.drawing import number
from genmodels.ui.formula import formula

UNIT = Choice(("bits", "nats"), "unit of information")


def in_unit(nats: float, unit: str) -> float:
    """Nats in the unit chosen; differences of equal logarithms leave dust, which goes."""
    value = nats / math.log(2) if unit == "bits" else nats
    return round(value, 12) + 0.0 if math.isfinite(value) else value


def log_of(unit: str) -> str:
    """The logarithm of that unit, as TeX."""
    return r"\log_2" if unit == "bits" else r"\ln"


def mark_of(unit: str) -> str:
    """The unit behind a number, as TeX."""
    return rf"\ \mathrm{{{unit[:-1]}}}"


def short(p: float) -> str:
    """A probability in three decimals at most."""
    return f"{p:.3f}".rstrip("0").rstrip(".")


def equation(*parts: str | float) -> str:
    """TeX and numbers in a line. Numbers are set digit by digit: setting TeX anew takes longer than a slider may."""
    pieces = "".join(formula(part) if isinstance(part, str) else _digits(part) for part in parts)
    words = " ".join(part if isinstance(part, str) else number(part) for part in parts)
    return f'<span class="equation" role="img" aria-label="{escape(words)}">{pieces}</span>'


def equations(lines: Iterable[str]) -> str:
    """Equations under one another."""
    return f'<ul class="formulas">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'


def _digits(value: float) -> str:
    if math.isinf(value):
        return formula(r"\infty" if value > 0 else r"-\infty")
    mantissa, _, exponent = number(value).replace("\N{MINUS SIGN}", "-").replace(",", "").partition("e")
    power = formula(rf"\cdot 10^{{{int(exponent)}}}") if exponent else ""
    # A point alone would get the space that a comma has in a list.
    return "".join(formula(piece) for piece in re.findall(r"\d\.\d|.", mantissa)) + power
