"""The values of a script's module, which a run may change: Alembic imports a script once in a process.

With ``alembic``, each database is migrated by a process of its own, in which a script runs once. Here, one process
runs it for several databases, and again after a lock timeout.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

STANDARD = ("builtins", "collections")
"""The modules of the containers that are restored; others may have a state of their own."""


@contextmanager
def unchanged_values(module: ModuleType) -> Iterator[None]:
    """Restore the module's names afterwards, and the elements of its lists, dictionaries and sets.

    Containers that it imports are left as they are: they belong to another module.
    """
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    containers = {
        name: value for name, value in names.items() if isinstance(value, list | dict | set | tuple)
    }
    imported = _imported_names(module) if containers else frozenset()
    saved: dict[int, Callable[[], None]] = {}
    for name, value in containers.items():
        if name not in imported:
            _save(value, saved)
    try:
        yield
    finally:
        for name in [name for name in vars(module) if not name.startswith("__") and name not in names]:
            delattr(module, name)
        vars(module).update(names)
        for restore in saved.values():
            restore()


def keeping_values(module: ModuleType, run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the module that leaves the module's values unchanged."""

    @wraps(run)  # Alembic logs the name: "Running upgrade"
    def called(**arguments: Any) -> Any:
        with unchanged_values(module):
            return run(**arguments)

    return called


def _save(value: Any, saved: dict[int, Callable[[], None]]) -> None:
    """Add a function that restores a container, and those of the containers in it. ``saved``: by ``id()``."""
    if id(value) in saved or type(value).__module__ not in STANDARD:
        return
    if isinstance(value, list):
        elements = list(value)
        saved[id(value)] = lambda: value.__setitem__(slice(None), elements)
    elif isinstance(value, dict | set):
        elements = list(value.values()) if isinstance(value, dict) else []
        before = value.copy()
        saved[id(value)] = lambda: (value.clear(), value.update(before))[0]
    elif isinstance(value, tuple):
        elements = list(value)
    else:
        return
    for each in elements:
        _save(each, saved)


def _imported_names(module: ModuleType) -> frozenset[str]:
    """Return the names that the module's source imports; of ``import *``, and without source, no name is known."""
    if not str(module.__file__).endswith(".py"):
        return frozenset()
    tree = ast.parse(Path(str(module.__file__)).read_bytes())
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return frozenset(each.asname or each.name.partition(".")[0] for node in imports for each in node.names)
