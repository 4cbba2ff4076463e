"""What is left to do when a model's source has been cut down to a run: what nothing uses goes, functions of one line
stand where they were called, and arguments that are the same in every call are decided."""

import ast
from collections.abc import Iterator

from genmodels.export.source import PLAIN, Names, known_value, simplify

LINE = 120  # characters
SHORT, LONG = 50, 100  # characters of what stands in place of several calls, and of one

Edit = tuple[int, int, str]  # where it begins and ends in characters, and what comes in its place
TORCH = ("torch", "nn", "functional")
ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Dict, ast.Tuple)


def tidy(text: str, outside: str) -> str:
    """A module's text without what neither it nor the text `outside` uses."""
    words = set(map(_word, _named(ast.parse(outside))))
    while edits := next(_edits(Source(text), words), None):
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
    return text.strip("\n")


def _edits(source: "Source", words: set[str]) -> Iterator[list[Edit]]:
    for find in (_unused, _idle, _same_in_all_calls, _one_line, _wrapped, _wordy):
        yield from find(source, words)


def _named(tree: ast.AST) -> list[ast.Name | ast.Attribute]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute) and isinstance(n.ctx, ast.Load)]


def _word(node: ast.Name | ast.Attribute) -> str:
    """A name as it is, an attribute after a point; what is torch's own in full, so that it is none of ours."""
    if isinstance(node, ast.Name):
        return node.id
    theirs = isinstance(node.value, ast.Name) and node.value.id in TORCH
    return f"{node.value.id}.{node.attr}" if theirs else f".{node.attr}"


def _calls_something(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


class Source:
    """A module's text (ASCII) with its tree: who stands where, and in whom."""

    def __init__(self, text: str) -> None:
        self.text, self.tree, self.lines = text, ast.parse(text), text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.named = _named(self.tree)
        self.parents = {inner: node for node in ast.walk(self.tree) for inner in ast.iter_child_nodes(node)}
        self.classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        self.functions = {node: None for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        self.functions |= {f: c for c in self.classes for f in c.body if isinstance(f, ast.FunctionDef)}

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def part(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def without(self, node: ast.stmt, blank: bool) -> list[Edit]:
        """Its lines with comments and decorators above, and with the `blank` ones before."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        while self.lines[first - 2].lstrip().startswith("#") or (blank and first > 1 and not self.lines[first - 2]):
            first -= 1
        return [(self.starts[first - 1], min(self.starts[node.end_lineno], len(self.text)), "")]

    def inside(self, node: ast.AST, kind: type) -> ast.AST | None:
        while node and not isinstance(node, kind):
            node = self.parents.get(node)
        return node

    def calls(self, function: ast.FunctionDef) -> list[ast.Call] | None:
        """The calls of a function or constructor of the module, None if it is used in any other way."""
        holder = self.functions[function]
        if holder and function.name != "__init__":
            return None
        name = holder.name if holder else function.name
        uses = [n for n in self.named if isinstance(n, ast.Name) and n.id == name]
        uses = [n for n in uses if not _annotates(self, n)]
        calls = [self.parents[n] for n in uses]
        plain = all(isinstance(c, ast.Call) and c.func is n for c, n in zip(calls, uses, strict=True))
        return calls if plain and not any(isinstance(a, ast.Starred) for c in calls for a in c.args) else None

    def constants(self, node: ast.AST | None) -> Names:
        """The constants of the class that a node stands in: what a model is set to."""
        while node and not isinstance(node, ast.ClassDef):
            node = self.parents.get(node)
        found = [line for line in node.body if isinstance(line, ast.Assign)] if node else []
        return {line.targets[0].id: known_value(line.value, {}, {}) for line in found}


def _annotates(source: Source, node: ast.AST) -> bool:
    while parent := source.parents.get(node):
        if isinstance(parent, ast.arg) or (isinstance(parent, ast.FunctionDef) and parent.returns is node):
            return True
        node = parent
    return False


def _unused(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """Functions, classes, methods and attributes of classes that nobody names."""

    def used(name: str, node: ast.AST) -> bool:
        name = f".{name}" if node not in source.tree.body else name
        alike = [n for n in source.named if _word(n) == name]
        return name in words or any(not node.lineno <= n.lineno <= node.end_lineno for n in alike)

    for holder in (source.tree, *source.classes):
        for node in holder.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                if not node.name.startswith("__") and node.name != "forward" and not used(node.name, node):
                    yield source.without(node, blank=True)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and not used(target.id, node):
                    yield source.without(node, blank=False)


def _idle(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """Assignments of plain values to what nobody reads."""
    read = {*map(_word, source.named), *words}
    for function in source.functions:
        local = {n.id for n in _named(function) if isinstance(n, ast.Name)}
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign) or len(node.targets) > 1 or _calls_something(node.value):
                continue
            target = node.targets[0]
            if isinstance(target, ast.Name) and source.part(target) == source.part(node.value):  # x = x
                yield source.without(node, blank=False)
            mine = isinstance(target, ast.Attribute) and isinstance(node.value, ast.Constant | ast.Name)
            unread = isinstance(target, ast.Name) and target.id not in local
            if (unread or (mine and f".{target.attr}" not in read)) and len(source.parents[node].body) > 1:
                yield source.without(node, blank=False)


def _same_in_all_calls(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """Arguments that nobody reads go; those with one value everywhere decide conditions."""
    for function, holder in source.functions.items():
        calls, rest = source.calls(function), function.args
        if not calls or rest.vararg or rest.kwonlyargs or (holder.name if holder else function.name) in words:
            continue
        arguments = rest.args[1:] if holder else rest.args
        defaults = dict(zip([a.arg for a in rest.args][::-1], rest.defaults[::-1], strict=False))
        inside = [n.id for line in function.body for n in ast.walk(line) if isinstance(n, ast.Name)]
        known: Names = {}
        for place, argument in enumerate(arguments):
            given = [_given(call, place, argument.arg) for call in calls]
            if argument.arg not in inside:
                if not any(value and _calls_something(value) for value in given):
                    yield [_signature(source, function, argument), *_shorter(source, calls, place, argument.arg)]
                continue
            values = [
                known_value(value or defaults[argument.arg], {}, source.constants(value))
                for value in given
                if value or argument.arg in defaults
            ]
            stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            if argument.arg in [n.id for n in stored] or any(not isinstance(v, PLAIN) for v in values):
                continue
            if values and all(type(v) is type(values[0]) and v == values[0] for v in values):
                known[argument.arg] = values[0]
        start, end = source.span(function)
        begin = source.starts[function.lineno - 1]
        lines = source.text[begin:end].split("\n")
        indent = function.col_offset
        text = "\n".join(line[indent:] for line in lines)
        if known and (new := simplify(text, known, {}, True)) != text:
            new = "\n".join(" " * indent + line if line.strip() else line for line in new.rstrip("\n").split("\n"))
            yield [(begin, end, new)]


def _given(call: ast.Call, place: int, name: str) -> ast.expr | None:
    return call.args[place] if place < len(call.args) else next((k.value for k in call.keywords if k.arg == name), None)


def _signature(source: Source, function: ast.FunctionDef, gone: ast.arg | None) -> Edit:
    """A function's arguments on one line if they fit, without one of them."""
    arguments, defaults = function.args.args, function.args.defaults
    shown = []
    for place, argument in enumerate(arguments):
        default = place - len(arguments) + len(defaults)
        words = source.part(argument)
        if default >= 0:
            words += (" = " if argument.annotation else "=") + source.part(defaults[default])
        shown += [words] if argument is not gone else []
    start = source.text.index("(", source.span(function)[0])
    last = source.span((arguments + defaults)[-1])[1] if not defaults else source.span(defaults[-1])[1]
    end = source.text.index(")", max(last, source.span(arguments[-1])[1])) + 1
    return start, end, _listed(source, start, end, shown)


def _listed(source: Source, start: int, end: int, items: list[str]) -> str:
    """Arguments in brackets: on one line if there is room for it, else on one of their own, else on one each."""
    begin = source.text.rindex("\n", 0, start) + 1
    rest = source.text[end : (source.text + "\n").index("\n", end)]
    line = source.text[begin:start]
    indent = " " * (len(line) - len(line.lstrip(" ")))
    inner = ", ".join(items)
    if len(line) + len(inner) + 2 + len(rest) <= LINE:
        return f"({inner})"
    if len(indent) + 4 + len(inner) <= LINE:
        return f"(\n{indent}    {inner}\n{indent})"
    return "(\n" + "".join(f"{indent}    {item},\n" for item in items) + f"{indent})"


def _shorter(source: Source, calls: list[ast.Call], place: int, name: str) -> list[Edit]:
    edits = []
    for call in calls:
        kept = [source.part(a) for n, a in enumerate(call.args) if n != place]
        kept += [source.part(k) for k in call.keywords if k.arg != name]
        start, end = source.span(call.func)[1], source.span(call)[1]
        edits.append((start, end, _listed(source, start, end, kept)))
    return edits


def _one_line(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """A call of what only returns an expression becomes that expression."""
    for function, holder in source.functions.items():
        body = [n for n in function.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
        only = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
        odd = function.decorator_list or function.args.vararg or function.args.kwonlyargs
        odd = odd or (f".{function.name}" if holder else function.name) in words
        if not only or only.lineno != only.end_lineno or odd or function.name in ("forward", "__init__"):
            continue
        calls = [n for n in ast.walk(source.tree) if isinstance(n, ast.Call) and _is_of(source, n, function, holder)]
        if function in [source.inside(call, ast.FunctionDef) for call in calls]:
            continue
        if len(source.part(only)) > (LONG if len(calls) == 1 else SHORT):
            continue
        for call in calls:
            if new := _expression(source, call, function, only, bool(holder)):
                yield [(*source.span(call), new)]


def _is_of(source: Source, call: ast.Call, function: ast.FunctionDef, holder: ast.ClassDef | None) -> bool:
    if not holder:
        return isinstance(call.func, ast.Name) and call.func.id == function.name
    mine = (
        isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "self"
    )
    return mine and call.func.attr == function.name and source.inside(call, ast.ClassDef) is holder


def _expression(source: Source, call: ast.Call, function: ast.FunctionDef, only: ast.expr, own: bool) -> str | None:
    """What a call comes to, None where it does not fit or would mean something else."""
    caller = source.inside(call, ast.FunctionDef)
    if any(isinstance(a, ast.Starred) for a in call.args) or call.lineno != call.end_lineno or not caller:
        return None
    arguments = function.args.args
    defaults = dict(zip([a.arg for a in arguments][::-1], function.args.defaults[::-1], strict=False))
    given = {a.arg: _given(call, n, a.arg) or defaults.get(a.arg) for n, a in enumerate(arguments[own:])}
    inside = [n for n in ast.walk(only) if isinstance(n, ast.Name)]
    own_names = {n.id for n in inside if isinstance(n.ctx, ast.Store)}
    theirs = {n.id for value in given.values() for n in ast.walk(value) if isinstance(n, ast.Name)}
    locals_ = {n.id for n in ast.walk(caller) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    locals_ |= {a.arg for a in caller.args.args}
    free = {n.id for n in inside} - {*given} - own_names - {"self"}
    if own_names & (theirs | {*given}) or free & locals_ or any(isinstance(n, ast.Lambda) for n in ast.walk(only)):
        return None
    for name, value in given.items():
        times = sum(n.id == name for n in inside)
        plain = isinstance(value, ast.Name | ast.Attribute | ast.Constant)
        if not plain and (times > 1 or own_names or (times == 0 and _calls_something(value))):
            return None
    text, start = source.part(only), source.span(only)[0]
    for node in sorted((n for n in inside if n.id in given), key=lambda n: -n.col_offset):
        value = given[node.id]
        new = source.part(value) if isinstance(value, ATOMS) else f"({source.part(value)})"
        begin, end = source.span(node)
        text = text[: begin - start] + new + text[end - start :]
    free_standing = isinstance(source.parents[call], ast.stmt | ast.keyword | ast.Dict)
    free_standing |= isinstance(source.parents[call], ast.Call) and source.parents[call].func is not call
    if not isinstance(only, ATOMS) and not free_standing:
        text = f"({text})"
    line = source.lines[call.lineno - 1]
    return text if len(line) - len(source.part(call)) + len(text) <= LINE else None


def _wrapped(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """Signatures and statements over several lines that fit on one now."""
    for function in source.functions:
        if function.args.kwonlyargs or function.args.vararg or not function.args.args:
            continue
        start, end, new = _signature(source, function, None)
        if new != source.text[start:end]:
            yield [(start, end, new)]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and node.lineno < node.end_lineno:
            start, end = source.span(node.value)
            new = f"[{', '.join(source.part(item) for item in node.value.elts)}]"
            short = node.col_offset + len(new) + start - source.span(node)[0] <= LINE
            if short and "#" not in source.text[start:end] and "\n" not in new:
                yield [(start, end, new)]


def _wordy(source: Source, words: set[str]) -> Iterator[list[Edit]]:
    """What a docstring says after its first paragraph is often about what is gone."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and "\n\n" in (ast.get_docstring(node) or ""):
            start, end = source.span(node.body[0])
            yield [(source.text.index("\n\n", start), end - 3, "")]
