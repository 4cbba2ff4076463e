"""Formulas as pictures that stand in a line of text: TeX set by matplotlib, drawn as SVG in the text's colour."""

from functools import cache, lru_cache
from html import escape
from typing import Any

from genmodels.ui.one_thread import in_one_thread

SIZE = 10  # points in which matplotlib sets them; the page scales by em


@cache
def _parser() -> tuple[Any, Any]:
    from matplotlib.font_manager import FontProperties  # most of a second that the page need not wait for
    from matplotlib.textpath import TextToPath

    return TextToPath(), FontProperties(math_fontfamily="stix", size=SIZE)


@in_one_thread
def _set(tex: str) -> tuple[Any, Any, tuple[float, float, float]]:
    """Points and codes of the outlines; width, height and depth."""
    to_path, font = _parser()
    size = to_path.get_text_width_height_descent(f"${tex}$", font, ismath=True)
    vertices, codes = to_path.get_text_path(font, f"${tex}$", ismath=True)
    scale = SIZE / to_path.FONT_SCALE
    return [(x * scale, y * scale) for x, y in vertices], codes, size


@lru_cache(maxsize=4096)
def formula(tex: str, words: str = "") -> str:
    """TeX without its dollar signs as an inline SVG. `words` say it to those who do not see it; else the TeX does.

    Understood is what matplotlib's mathtext understands; ValueError for anything else.
    """
    vertices, codes, (width, height, depth) = _set(tex)
    d, at = [], 0
    letters = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    length = {1: 1, 2: 1, 3: 2, 4: 3, 79: 1}
    while at < len(codes):
        code = codes[at]
        points = vertices[at : at + length[code]]
        at += length[code]
        d.append(letters[code])
        if code != 79:
            d.append(" ".join(f"{x:.2f} {(height - depth) - y:.2f}" for x, y in points))
    em = 1.25 / SIZE  # larger than the text: its letters are narrow, its indices small
    style = f"width:{width * em:.3f}em;height:{height * em:.3f}em;vertical-align:{-depth * em:.3f}em"
    return (
        f'<svg class="formula" role="img" aria-label="{escape(words or tex)}" style="{style}" '
        f'viewBox="0 0 {width:.2f} {height:.2f}"><path d="{"".join(d)}"/></svg>'
    )


def equations(*pairs: tuple[str, str]) -> str:
    """Formulas under one another, each with its value of the moment as words: setting TeX takes too long to do it
    afresh whenever a number moves."""
    lines = "".join(f"<li>{formula(tex)} <span>{escape(value)}</span></li>" for tex, value in pairs)
    return f'<ul class="formulas">{lines}</ul>'
