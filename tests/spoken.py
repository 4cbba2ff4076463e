"""Every English text that the page can show, collected without a browser."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import gradio as gr

from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.models.base import Choice, Flag, settings_of
from genmodels.ui import attack, classifier, distances, information, latent, page, samples
from genmodels.ui.tool import KNOWN, Tool, checked

PACKAGE = Path(page.__file__).parents[1]
TOOLS = tuple(tool for tab in (latent, samples, distances, information, classifier, attack) for tool in tab.TOOLS)
SILENT_TAGS = ("script", "style", "code", "pre", "textarea")
SILENT_CLASSES = {"formula", "equation", "katex"}
ATTRIBUTES = ("aria-label", "aria-valuetext", "aria-roledescription", "alt", "title", "placeholder", "data-x")
VOID = ("br", "img", "input", "hr", "meta", "link")
# What the page does not show: words of the terminal, and scripts that are written for people to take along.
TERMINAL = ("__main__.py", "commands.py", "rescue.py", "bench.py", "report.py", "prepare.py", "judge.py")
ELSEWHERE = {*TERMINAL, "few_labels.py", "weights.py", "repeat.py", "language.py", "export"}
WORD = re.compile(r"[A-Za-z]{2}")
LOGS = ("exception", "warning", "info", "debug")


class _Reader(HTMLParser):
    """Gathers texts between tags, and words in attributes; what the page leaves alone is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[tuple[str, bool]] = []  # tags with whether they are silent

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        silent = tag in SILENT_TAGS or named.get("translate") == "no"
        silent |= bool(SILENT_CLASSES & set((named.get("class") or "").split()))
        silent |= bool(self.open and self.open[-1][1])
        if not silent:
            self.texts += [named[name] or "" for name in ATTRIBUTES if name in named]
        if tag not in VOID:
            self.open.append((tag, silent))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.texts.append(data)


def spoken(html: str) -> set[str]:
    """The texts that a piece of HTML shows or says, their spaces made one."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return {" ".join(text.split()) for text in reader.texts if WORD.search(text)}


def plain(markdown: str) -> str:
    """The cards' Markdown as HTML, near enough: paragraphs, bold words, links."""
    text = re.sub(r"\$\$.*?\$\$", "", markdown, flags=re.DOTALL)
    text = re.sub(r"^#+ *", "", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*(.*?)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"<a>\1</a>", text)
    return "".join(f"<p>{part}</p>" for part in text.split("\n\n"))


def standing() -> set[str]:
    """What stands on the page before anybody does anything, on all tabs."""
    blocks = page.build().blocks.values()
    texts: set[str] = {title for title, _ in page.TABS.values()}
    for block in blocks:
        if isinstance(block, gr.HTML):
            texts |= spoken(block.value or "")
        elif isinstance(block, gr.Markdown):
            texts |= spoken(plain(block.value))
    for name in MODELS:
        texts |= {curve.label for curve in MODELS[name].curves.values()}
        texts |= {curve.unit for curve in MODELS[name].curves.values()}
    return texts


def requests(tool: Tool) -> Iterator[dict[str, Any]]:
    """What people may ask of a tool: its defaults, its presets, every choice."""
    yield {}
    yield from (preset.values for preset in tool.presets)
    for name, (kind, default) in settings_of(tool.answer).items():
        if name in KNOWN:
            continue
        if isinstance(kind, Choice):
            yield from ({name: option} for option in kind.options if option != default)
        elif isinstance(kind, Flag):
            yield {name: not default}


def answers(tool: Tool) -> set[str]:
    """What a tool says to such requests."""
    return set().union(*(said(tool, values) for values in requests(tool)))


def said(tool: Tool, values: dict[str, Any]) -> set[str]:
    """What a tool says to one request: its slots, or the sentence about what is wrong."""
    try:
        return set().union(*map(spoken, tool.answer(**checked(tool, values)).values()))
    except (UserError, ValueError) as error:
        return {str(error)}


def _words(node: ast.expr, constants: dict[str, str]) -> str | None:
    """A text as written in the source, {} for what is filled in; nothing where it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    return None


def sources() -> list[Path]:
    """The files whose words may come onto the page."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not ELSEWHERE & set(path.relative_to(PACKAGE).parts)]


def raised() -> dict[str, str]:
    """The sentences of errors in the source that a person can cause: sentence -> place."""
    found = {}
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: _words(node.value, {}) or ""
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("UserError", "ValueError") and (words := _words(node.args[0], constants)):
                found[" ".join(words.split())] = f"{path.relative_to(PACKAGE)}:{node.lineno}"
    return found


PHRASE = re.compile(r"[A-Za-z,]{2,} [a-z]{2,}")  # two words at least


def written() -> dict[str, str]:
    """Phrases in the source that no error raises, docstrings and TeX left out: phrase -> place."""
    found = {}
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent = set()  # docstrings, and parts of f-strings
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) or (isinstance(node, ast.Call) and getattr(node.func, "attr", "") in LOGS):
                silent |= {id(part) for part in ast.walk(node)}
            elif isinstance(node, ast.JoinedStr):
                silent |= {id(part) for part in node.values}
        for node in ast.walk(tree):
            words = None if id(node) in silent else _words(node, {})
            for text in spoken(words) if words and "\\" not in words else ():
                if PHRASE.search(text):
                    found.setdefault(text, f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}")
    return found


SELECTORS = re.compile(r'\b(find|every|closest|matches|querySelector(All)?)\("[^"]*"|className: "[^"]*"|"verdict \w+"')
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')


def scripted() -> dict[str, str]:
    """Phrases in the page's scripts, {} for what is filled in: phrase -> place."""
    found = {}
    for path in sorted((PACKAGE / "ui").glob("*.js")):
        source = SELECTORS.sub("", re.sub(r"^ *//.*| // .*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
        for quoted, template in LITERAL.findall(source):
            text = quoted or re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "{}", template)
            if PHRASE.search(text) and not re.search(r"[=<>\[]|--|^\.\w|px[ ,]", text):
                found.setdefault(" ".join(text.split()), path.name)
    return found
