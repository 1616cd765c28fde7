"""The modules that a Python file imports, read from its text without importing anything."""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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


def files_of_modules(name_of: Callable[[str], str | None]) -> dict[str, str]:
    """Return the names of files by the modules that they are in this process. ``name_of``: None for a file that does not count."""
    paths = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    found = {name: name_of(path) for name, path in paths.items() if isinstance(path, str)}
    return {name: file for name, file in found.items() if file}


def imported_names(path: Path, package: str = "", wanted: Wanted | None = None) -> set[str]:
    """Return the names that a Python file imports, with each name's parents; nothing if it cannot be parsed.

    ``package``: its own, for relative imports; without it, they are left out. ``wanted``: return nothing of a file that
    imports none of these.
    """
    try:
        source = path.read_bytes()
        return _imports(source, package) if wanted is None or wanted.may_be_in(source) else set()
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()


class Wanted:
    """Some modules: those with these names, and what is in them."""

    def __init__(self, names: Iterable[str]) -> None:
        tops = sorted({name.partition(".")[0] for name in names})
        self._pattern = re.compile(
            "|".join([r"\bfrom[\s\\]*\.", *(rf"\b{re.escape(top)}\b" for top in tops)]).encode()
        )

    def may_be_in(self, source: bytes) -> bool:
        """Return whether a file may import one of the modules, which is found faster than what it imports.

        In ASCII a name can be written in one way only, unless the file declares an encoding (Python reference, 2.1.4 and 2.3).
        """
        if not source.isascii() or b"coding" in source:
            return True
        return self._pattern.search(source) is not None


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
