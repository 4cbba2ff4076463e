"""The classes and functions behind one model, as text that needs torch alone."""

import ast
import inspect
import itertools
import math
import re
import sys
import textwrap
from types import ModuleType
from typing import Any

from torch import nn

from genmodels.export.loop import optimizer, roots
from genmodels.export.source import PLAIN, UNKNOWN, Names, facts_of, known_value, simplify
from genmodels.models import can
from genmodels.models.base import Batch, Model, settings_of

BATCH = 'Batch = namedtuple("Batch", "images labels generator seen", defaults=[0])  # generator: of all its randomness'
SIMPLE = "super().__init__()\n    self.shape, self.classes = shape, classes"
Needs = dict[str, str]  # a name to the line that imports it


def written(model: Model, half: bool) -> tuple[Needs, str]:
    """Imports and source of a model with the settings it has; `half` says that it computes in bfloat16."""
    asked: dict[str, ModuleType] = {}
    texts: dict[str, str] = {}
    constants: dict[str, str] = {}
    needs: Needs = {}
    calls: dict[str, list[list[Any]]] = {}
    kinds: dict[str, list[nn.Module]] = {}
    for module in model.modules():
        kinds.setdefault(type(module).__name__, []).append(module)
    facts = facts_of([model])
    facts |= {name: getattr(model, name) for name in dir(type(model)) if _is_plain(type(model), name)}

    def take(name: str, text: str, homes: dict[str, ModuleType], own: Names) -> None:
        texts[name] = text
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in homes:
                _find(node.id, homes[node.id], asked, constants, needs)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in homes:
                plain = itertools.takewhile(lambda value: not isinstance(value, ast.Starred), node.args)
                calls.setdefault(node.func.id, []).append([known_value(value, own, own) for value in plain])

    text, homes = _flat(model, facts, half)
    take(type(model).__name__, text, homes, facts)
    while pending := [name for name in asked if name not in texts]:
        # Callers first: what all of them pass decides conditions in what they call.
        raw = {name: inspect.getsource(getattr(asked[name], name)) for name in pending}
        free = [n for n in pending if not any(re.search(rf"\b{n}\b", raw[m]) for m in pending if m != n)]
        name = (free or pending)[0]
        thing = getattr(asked[name], name)
        function = thing if inspect.isfunction(thing) else vars(thing).get("__init__")
        known = _constant(function, calls.get(name, []), skip=inspect.isclass(thing)) if free else {}
        own = facts_of(kinds[name]) if name in kinds else {}
        text = textwrap.dedent(raw[name])
        if inspect.isclass(thing) and issubclass(thing, nn.Module):
            text = _class(thing, text, known, own, half)
        else:
            text = simplify(text, known, own, half)
        take(name, text.rstrip("\n"), vars_of(asked[name]), known)
    body = [texts[name] for name in reversed(texts)]
    needs |= {optimizer(player)[0]: "from torch.optim import" for player in model.players()}
    needs["namedtuple"] = "from collections import"
    head = "\n".join([*constants.values(), BATCH])
    return needs, "\n\n\n".join(([head] if head else []) + body)


def vars_of(module: ModuleType) -> dict[str, ModuleType]:
    return dict.fromkeys(vars(module), module)


def _is_plain(kind: type, name: str) -> bool:
    return not name.startswith("_") and isinstance(getattr(kind, name, math), PLAIN) and name not in ("training",)


def _find(name: str, module: ModuleType, asked: dict[str, ModuleType], constants: dict[str, str], needs: Needs) -> None:
    """Where a name comes from: an import, a constant, or something of ours to be written too."""
    value = vars(module)[name]
    if value is Batch:
        return
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            if name not in constants:
                for inner in ast.walk(node.value):
                    if isinstance(inner, ast.Name) and inner.id in vars(module):
                        _find(inner.id, module, asked, constants, needs)
                constants[name] = _with_comment(inspect.getsource(module), node)
            return
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            if node.module.startswith("genmodels"):
                _find(name, sys.modules[node.module], asked, constants, needs)
            else:
                needs[name] = f"from {node.module} import"
            return
        if isinstance(node, ast.Import) and any((alias.asname or alias.name) == name for alias in node.names):
            needs[name] = "import"
            return
    if inspect.isclass(value) or inspect.isfunction(value):
        asked.setdefault(name, module)


def _with_comment(source: str, node: ast.stmt) -> str:
    return "\n".join(source.split("\n")[node.lineno - 1 : node.end_lineno])


def _constant(function: Any, calls: list[list[Any]], skip: bool) -> Names:
    """Arguments that are the same plain value in every call."""
    if function is None or not calls:
        return {}
    names = [*inspect.signature(function).parameters][skip:]
    known = {}
    for place, name in enumerate(names):
        values = [call[place] if place < len(call) else UNKNOWN for call in calls]
        if isinstance(values[0], str) and all(value == values[0] for value in values):
            known[name] = values[0]
    return known


def _methods(text: str) -> dict[str, tuple[ast.FunctionDef, str]]:
    lines = text.split("\n")
    found = {}
    for node in ast.parse(text).body[0].body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found[node.name] = node, textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))
    return found


def _class(kind: type, text: str, known: Names, own: Names, half: bool) -> str:
    """A layer: its head and those methods that are reached."""
    methods = _methods(text)
    first = min(min([n.lineno, *(d.lineno for d in n.decorator_list)]) for n, _ in methods.values())
    head = "\n".join(text.split("\n")[: first - 1]).rstrip()
    done = {
        n: simplify(m, known if n == "__init__" else {}, {} if n == "__init__" else own, half)
        for n, (_, m) in methods.items()
    }
    reached = _reached(done, [n for n in done if n in ("__init__", "forward") or n in _used_outside(kind)])
    return head + "\n\n" + "\n\n".join(textwrap.indent(done[n].rstrip(), "    ") for n in done if n in reached)


def _used_outside(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("__") and callable(getattr(kind, name))}


def _reached(methods: dict[str, str], roots: list[str]) -> set[str]:
    reached, pending = set(), [*roots]
    while pending:
        name = pending.pop()
        if name in methods and name not in reached:
            reached.add(name)
            pending += re.findall(r"self\.(\w+)", methods[name])
    return reached


def _flat(model: Model, facts: Names, half: bool) -> tuple[str, dict[str, ModuleType]]:
    """The model and its ancestors as one class, its settings as constants in front."""
    kind = type(model)
    methods: dict[str, str] = {}
    homes: dict[str, ModuleType] = {}
    for parent in kind.__mro__[: kind.__mro__.index(Model) + 1]:
        home = sys.modules[parent.__module__]
        for name, (_, text) in _methods(inspect.getsource(parent)).items():
            if name == "__init__" and (name in methods or parent is Model):
                continue
            place = name if name not in methods else f"plain_{name}"
            if place in methods:
                continue
            names = facts if name == "__init__" else {}
            text = re.sub(
                r"(super\([^()]*\)\.__init__\(|Model\.__init__\(self, )shape, classes, locals\(\)\)", SIMPLE, text
            )
            text = re.sub(r"super\(\)\.(\w+)\((?=\w)", r"self.plain_\1(", text)
            text = simplify(text, names, facts, half)
            if name == "__init__":
                text = _without_settings(text, [*settings_of(kind)])
            methods[place] = text.replace(f"def {name}(", f"def {place}(", 1)
            homes = vars_of(home) | homes
    called = ["sample", "latents"] if can(model, "sample") else ["decode"]
    reached = _reached(methods, ["__init__", *roots(model), *called])
    used = "\n".join(methods[name] for name in reached)
    wanted = {name: value for name, value in facts.items() if re.search(rf"self\.{name}\b", used)}
    settings = settings_of(kind)
    lines = [f"{name} = {getattr(model, name)!r}" for name in ("low", "conditional") if name in wanted]
    for name, (label, _) in settings.items():
        if name in wanted:
            value = f'"{wanted[name]}"' if isinstance(wanted[name], str) else repr(wanted[name])
            lines.append(f"{name} = {value}  # {label.label}")
    order = ["__init__", *[name for name in methods if name in reached and name != "__init__"]]
    body = [textwrap.indent(methods[name].rstrip(), "    ") for name in order]
    constants = textwrap.indent("\n".join(lines), "    ")
    return f"class {kind.__name__}(nn.Module):\n{constants}\n\n" + "\n\n".join(body), homes


def _without_settings(text: str, settings: list[str]) -> str:
    """A constructor that takes shape and classes; settings are attributes of the class."""
    tree = ast.parse(text).body[0]
    places = [
        (node.lineno, node.col_offset)
        for part in tree.body
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and node.id in settings
    ]
    lines = text.split("\n")
    for line, column in sorted(places, reverse=True):
        lines[line - 1] = lines[line - 1][:column] + "self." + lines[line - 1][column:]
    head = "def __init__(self, shape: tuple[int, int, int], classes: int) -> None:"
    return "\n".join([head, *lines[tree.body[0].lineno - 1 :]])
