"""Reads our own source for sentences and for the keys of texts, as test_texts.py judges them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Arguments that end up before a person's eyes, whoever is called.
SHOWN = {"label", "placeholder", "info", "title", "description", "help", "epilog", "alt", "caption", "headers", "desc"}
# Calls whose first argument, or `value`, does.
SPEAKERS = {
    *("print", "error", "exit", "SystemExit", "write", "Error", "Info", "Warning"),
    *("Accordion", "Button", "DownloadButton", "HTML", "Label", "Markdown", "Tab", "Textbox"),
}
# Calls that take a key, and where.
KEY_PLACE = {"say_with_terms": 0, "text": 0, "Message": 0, "AppError": 0, "RefusedError": 1}
# Where `say` comes from here, it takes a key too.
SAYS_KEYS = "resnet_demo.ui.visitor_context"

TAG = re.compile(r"<[^<>]*>")
GAP = "\0"


@dataclass(frozen=True)
class Keys:
    """The keys that one call may mean: a regular expression, and the fields given with it (None: not to be seen)."""

    line: int
    pattern: str
    fields: frozenset[str] | None


def bypasses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and wording of every sentence that does not come from the texts."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        shown = [keyword.value for keyword in call.keywords if keyword.arg in SHOWN]
        if _name(call) in SPEAKERS:
            shown += call.args[:1] + [keyword.value for keyword in call.keywords if keyword.arg == "value"]
        for expression in shown:
            yield from ((call.lineno, said) for said in _literals(expression) if _has_words(said))
    for line, said in _strings(tree):
        markup = TAG.search(said) and _has_words(said)
        if markup or any("\u4e00" <= letter <= "\u9fff" for letter in said):
            yield line, said


def key_calls(tree: ast.Module) -> Iterator[Keys]:
    """Every key that is written out in the source, wherever a text is asked for."""
    places = KEY_PLACE | ({"say": 0} if _imports(tree, SAYS_KEYS, "say") else {})
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = _name(call)
        if name in places and len(call.args) > places[name]:
            fields = None if name == "Message" else _fields(call)
            yield from (Keys(call.lineno, key, fields) for key in _patterns(call.args[places[name]]))
        elif name == "create" and len(call.args) > 1 and isinstance(call.args[1], ast.Dict):
            for value in call.args[1].values:
                yield from (Keys(call.lineno, key, frozenset()) for key in _patterns(value))


def _imports(tree: ast.Module, module: str, name: str) -> bool:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == module)
    return any(alias.name == name for node in imports for alias in node.names)


def constants(tree: ast.Module) -> set[str]:
    """Every string in the source but the docstrings."""
    return {said for _, said in _strings(tree)}


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Strings with their lines; one in pieces (f-string) is put together, its gaps marked. No docstrings."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside and (said := _join(node)):
            yield node.lineno, said


def _literals(node: ast.expr) -> Iterator[str]:
    """The strings that an expression may yield without asking any other function for them."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield _join(node)
        case ast.BinOp(left=left, right=right):
            yield from (*_literals(left), *_literals(right))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_literals(body), *_literals(orelse))
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            for part in parts:
                yield from _literals(part)
        case ast.Lambda(body=body):
            yield from _literals(body)
        case ast.Call(func=ast.Attribute(value=ast.Constant() as constant)):  # "...".format(), "...".join()
            yield from _literals(constant)


def _patterns(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_patterns(body), *_patterns(orelse))
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield re.escape(_join(node)).replace(re.escape(GAP), r"[\w+]+")


def _fields(call: ast.Call) -> frozenset[str] | None:
    names = {keyword.arg for keyword in call.keywords} - {"language"}
    return None if None in names else frozenset(name for name in names if name)


def _join(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_join(part) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _has_words(said: str) -> bool:
    return bool(re.search(r"[^\W\d_]", re.sub(r"&\w+;", "", TAG.sub("", said))))


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
