"""The modules that a Python file imports, read from its text without importing anything."""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATEMENT_LISTS = ("body", "orelse", "handlers", "finalbody", "cases")
"""The fields of syntax nodes that hold statements, or nodes with statements in them (manual of Python, ast)."""


def packages_of_modules(folder: Path) -> dict[str, str]:
    """Return the package of each loaded module in a folder by its file, for relative imports."""
    found, start = {}, str(folder)
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(start):
            found[path] = str(getattr(module, "__package__", "") or "")
    return found


def imported_names(path: Path, package: str = "") -> set[str]:
    """Return the names that a Python file imports, with each name's parents; nothing if it cannot be parsed.

    ``package``: its own, for relative imports; without it, they are left out.
    """
    try:
        return _imports(path.read_bytes(), package)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()


@lru_cache(maxsize=4096)
def _imports(source: bytes, package: str) -> set[str]:
    found: set[str] = set()
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {".".join(name.split(".")[:size]) for name in found for size in range(1, name.count(".") + 2)} - {
        ""
    }


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements of a module: an import is one, so no expression has to be looked into."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for field in STATEMENT_LISTS:
            pending += getattr(node, field, ())
