"""A model's own source, cut down to what one run of it executes: conditions on settings are decided, and what no longer
matters is gone. Comments and layout stay, for the text is edited in place and never printed anew."""

import ast
from types import SimpleNamespace
from typing import Any

from torch import nn

PLAIN = (str, bool, int, float, type(None))
UNKNOWN = object()

Names = dict[str, Any]


def simplify(text: str, names: Names, facts: Names, half: bool) -> str:
    """Source of one function or class with everything decided that `names` (variables) and `facts` (attributes of self)
    decide; `half` says whether networks answer in half precision."""
    while edit := _edit(ast.parse(text), text, names, facts, half):
        start, end, new = edit
        text = (text.encode()[:start] + new.encode() + text.encode()[end:]).decode()
    return text


def _edit(tree: ast.Module, text: str, names: Names, facts: Names, half: bool) -> tuple[int, int, str] | None:
    """The first thing to replace: where it begins and ends in bytes, and what comes in its place."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))

    def span(node: ast.AST) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def part(node: ast.AST) -> str:
        return ast.get_source_segment(text, node)

    def block(body: list[ast.stmt], after: int) -> str:
        """The lines of a body, with the comments above it, one step to the left and without their first indent."""
        first = body[0].lineno
        while first - 1 > after and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        inner = "".join(lines[first - 1 : body[-1].end_lineno]).rstrip("\n")
        return "\n".join(line[4:] if line.strip() else line for line in inner.split("\n"))

    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for place, inner in enumerate(body):
                if isinstance(inner, ast.Return | ast.Raise) and body[place + 1 :]:  # what follows is never reached
                    return span(inner)[1], span(body[-1])[1], ""
                idle = isinstance(inner, ast.For | ast.With) and isinstance(inner.body[0], ast.Pass)
                if idle or (isinstance(inner, ast.Pass) and len(body) > 1):
                    first = inner.lineno
                    while lines[first - 2].lstrip().startswith("#"):
                        first -= 1
                    return (
                        (starts[first - 1], starts[inner.end_lineno], "") if len(body) > 1 else (*span(inner), "pass")
                    )
        if isinstance(node, ast.If) and (known := known_value(node.test, names, facts)) is not UNKNOWN:
            chain = lines[node.lineno - 1].lstrip().startswith("elif")
            if chain:
                continue
            if not known and len(node.orelse) == 1 and lines[node.orelse[0].lineno - 1].lstrip().startswith("elif"):
                return span(node)[0], span(node.orelse[0])[0] + 2, ""
            taken = node.body if known else node.orelse
            if not taken:
                return *span(node), "pass"
            after = node.lineno if known else node.body[-1].end_lineno + 1
            return *span(node), block(taken, after).lstrip(" ")
        if isinstance(node, ast.With) and not half and "torch.autocast" in part(node.items[0].context_expr):
            return *span(node), block(node.body, node.lineno).lstrip(" ")
        if isinstance(node, ast.IfExp) and (known := known_value(node.test, names, facts)) is not UNKNOWN:
            return _bare(text, *span(node), part(node.body if known else node.orelse))
        if isinstance(node, ast.BoolOp):
            values = [known_value(value, names, facts) for value in node.values]
            decisive = isinstance(node.op, ast.Or)
            if any(v is not UNKNOWN and bool(v) is decisive for v in values) and not isinstance(node, ast.Constant):
                return *span(node), str(decisive)
            kept = [part(v) for v, known in zip(node.values, values, strict=True) if known is UNKNOWN]
            if kept and len(kept) < len(values):
                return *span(node), (" or " if decisive else " and ").join(kept)
        if isinstance(node, ast.Call):
            called = part(node.func)
            if called == "precise" and not half:
                return *span(node), part(node.args[0])
            if called == "self.blur" and facts.get("noise") == 0:
                return *span(node), part(node.args[0])
    return None


def _bare(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """Without brackets that held a condition together and that its outcome does not need."""
    raw = text.encode()
    alone = raw[start - 1 : start] == b"(" and raw[end : end + 1] == b")"
    if alone and not raw[start - 2 : start - 1].isalnum() and new.replace(".", "").replace("_", "").isalnum():
        return start - 1, end + 1, new
    return start, end, new


def known_value(node: ast.expr, names: Names, facts: Names) -> Any:
    """The value of an expression of settings alone, else UNKNOWN."""
    for inner in ast.walk(node):
        own = isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self"
        if isinstance(inner, ast.Call | ast.Lambda | ast.comprehension) or (own and inner.attr not in facts):
            return UNKNOWN
        if isinstance(inner, ast.Name) and inner.id not in names and inner.id != "self":
            return UNKNOWN
    try:
        known = {**names, "self": SimpleNamespace(**facts)}
        return eval(compile(ast.Expression(node), "", "eval"), {}, known)
    except (AttributeError, TypeError, IndexError):
        return UNKNOWN


def facts_of(modules: list[nn.Module]) -> Names:
    """Attributes that all modules share and that a condition may be about: plain values, and which parts there are."""

    def of(module: nn.Module) -> Names:
        own = {name: value for name, value in vars(module).items() if name != "training" and not name.startswith("_")}
        own |= {name: None if value is None else True for name, value in module._modules.items()}
        return {name: value for name, value in own.items() if isinstance(value, PLAIN) or name == "shape"}

    first, *rest = [of(module) for module in modules]
    return {name: value for name, value in first.items() if all(other.get(name, UNKNOWN) == value for other in rest)}
