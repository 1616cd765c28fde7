"""Which extensions' versions a release pins: those count, and all others are the environment's own business."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import Tokens, bare, name_at, skip, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION, INSTALLED = "version", "installed version"


def pinned_in(scripts: Iterable[str]) -> frozenset[str]:
    """Name the extensions that scripts give a version: ``CREATE EXTENSION … VERSION``, ``ALTER … UPDATE TO``.

    What the scripts say in strings is read as SQL (manual, CREATE EXTENSION and ALTER EXTENSION); names are
    without quotes, and in lower case where they were written without.
    """
    said = (text for script in scripts if "extension" in script.lower() for text in _strings(script))
    return frozenset(
        name
        for text in said
        if "extension" in text.lower()
        for words in statements(text)
        if (name := _pinned(words))
    )


def _pinned(words: Tokens) -> str:
    """Name the extension that a statement gives a version; nothing where it gives none."""
    if words[1:2] != ("extension",) or words[0] not in ("create", "alter"):
        return ""
    name, place = name_at(words, skip(words, 2, ("if", "not", "exists")))
    if words[0] == "alter":
        return ".".join(name) if words[place : place + 2] == ("update", "to") else ""
    rest = iter(words[place:])
    for word in rest:
        if word == "schema":
            next(rest, None)
        elif word == "version":
            return ".".join(name)
    return ""


def _strings(script: str) -> Iterator[str]:
    """Give the strings of a Python text, put together where they are added; none where it is no Python."""
    try:
        waiting: list[ast.AST] = [ast.parse(script)]
    except (SyntaxError, ValueError):  # whoever loads the script says so
        return
    while waiting:
        node = waiting.pop()
        text = _text(node)
        if text is not None:
            yield text
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring
            waiting += ast.iter_child_nodes(node)


def _text(node: ast.AST) -> str | None:
    """Give what an expression of strings says; what is known at run time only is ``_``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "_" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(side) for side in (node.left, node.right)]
        return None if parts == [None, None] else "".join(part or "_" for part in parts)
    return None


def pin(snapshot: Snapshot, names: frozenset[str]) -> Snapshot:
    """Give a snapshot in which the versions of just these extensions count, whatever it was read with."""
    changed = {}
    for name, properties in snapshot.of_kind("extension"):
        counts = bare(name) in names
        was, now = (INSTALLED, VERSION) if counts else (VERSION, INSTALLED)
        if was in properties:
            rest = {key: value for key, value in properties.items() if key != was}
            changed["extension", name] = {**rest, now: properties[was]}
    return Snapshot({**snapshot.objects, **changed}, snapshot.readable_properties) if changed else snapshot
