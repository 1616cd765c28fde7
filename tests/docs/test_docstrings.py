"""Docstrings name classes, such as the errors that a function raises, as they are called in the code."""

from __future__ import annotations

import ast
import builtins
import re
from functools import cache

from tests.docs.files import name, tracked

CLASS = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
OF_OTHER_SOFTWARE = {
    "AccessExclusiveLock",  # pg_locks.mode
    "CommonMark",
    "GitHub",
    "GitLab",
    "CheckViolation",  # psycopg.errors
    "ConnectionEvents",  # sqlalchemy.events
    "DialectEvents",
    "StringSource",  # Dagster's configuration types
}


@cache
def trees() -> dict[str, ast.Module]:
    return {name(path): ast.parse(path.read_text(encoding="utf-8")) for path in tracked("wish_rollout/*.py")}


def names_in(node: ast.AST) -> set[str]:
    """Return the names that a node of the code defines, imports or uses."""
    if isinstance(node, ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return {node.attr} if isinstance(node, ast.Attribute) else set()


def test_docstrings_name_existing_classes() -> None:
    known = {*dir(builtins), *OF_OTHER_SOFTWARE}
    for tree in trees().values():
        known.update(*(names_in(node) for node in ast.walk(tree)))

    unknown = [
        f"{file}:{getattr(node, 'lineno', 1)}: {found}"
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for found in CLASS.findall(ast.get_docstring(node) or "")
        if found not in known
    ]
    assert unknown == []
