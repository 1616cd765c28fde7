"""Pinned extension versions: the fingerprint covers an extension's version only if a script sets it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import (
    Tokens,
    read_name,
    skip_phrases,
    tokenize_statements,
    unquote_identifier,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION, INSTALLED = "version", "installed version"


def find_pinned_extensions(scripts: Iterable[str]) -> frozenset[str]:
    """Return the extensions whose version the scripts set.

    A version is set by ``CREATE EXTENSION … VERSION`` or ``ALTER EXTENSION … UPDATE TO`` (manual, under these
    commands) in a string of the script. The names are without quotes, and in lower case unless quoted.
    """
    texts = (text for script in scripts if "extension" in script.lower() for text in _strings(script))
    return frozenset(
        name
        for text in texts
        if "extension" in text.lower()
        for tokens in tokenize_statements(text)
        if (name := _pinned_extension(tokens))
    )


def _pinned_extension(tokens: Tokens) -> str:
    """Return the extension whose version a statement sets, or ""."""
    if tokens[1:2] != ("extension",) or tokens[0] not in ("create", "alter"):
        return ""
    name, index = read_name(tokens, skip_phrases(tokens, 2, ("if", "not", "exists")))
    if tokens[0] == "alter":
        return ".".join(name) if tokens[index : index + 2] == ("update", "to") else ""
    rest = iter(tokens[index:])
    for word in rest:
        if word == "schema":
            next(rest, None)
        elif word == "version":
            return ".".join(name)
    return ""


def _strings(script: str) -> Iterator[str]:
    """Yield the strings in a Python script, concatenated where it adds them; nothing if it is not valid Python."""
    try:
        pending: list[ast.AST] = [ast.parse(script)]
    except (SyntaxError, ValueError):  # loading the script reports the error
        return
    while pending:
        node = pending.pop()
        text = _text(node)
        if text is not None:
            yield text
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring
            pending += ast.iter_child_nodes(node)


def _text(node: ast.AST) -> str | None:
    """Return the value of a string expression, with ``_`` for parts that are known only at run time."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "_" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(side) for side in (node.left, node.right)]
        return None if parts == [None, None] else "".join(part or "_" for part in parts)
    return None


def pin_versions(snapshot: Snapshot, names: frozenset[str]) -> Snapshot:
    """Return a snapshot whose fingerprint covers the versions of exactly these extensions."""
    changed = {}
    for name, properties in snapshot.of_kind("extension"):
        is_pinned = unquote_identifier(name) in names
        old_key, new_key = (INSTALLED, VERSION) if is_pinned else (VERSION, INSTALLED)
        if old_key in properties:
            rest = {key: value for key, value in properties.items() if key != old_key}
            changed["extension", name] = {**rest, new_key: properties[old_key]}
    if not changed:
        return snapshot
    return Snapshot({**snapshot.objects, **changed}, snapshot.readable_properties)
