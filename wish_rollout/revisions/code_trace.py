"""The files of the project that env.py and the revisions import, read or list, found while they run.

Python raises audit events for each file that is opened and each folder that is listed (PEP 578). A module that was
imported before is not opened again; it is found by the import statements of the files that use it.
"""

# ruff: noqa: PTH100, PTH116, PTH118  (Path.resolve() would follow symbolic links)

from __future__ import annotations

import ast
import os
import stat
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.revisions.scripts_environment import (
    compiled_from_source,
    is_called_by_scripts,
    is_installed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SKIPPED = frozenset({".git", ".dagster", ".sandbox", "__pycache__", ".venv", "node_modules", "meta"})
"""Folders in the project whose files are not its code: their names are those of tools, and of the record itself."""
SKIPPED_FILES = frozenset({".env"})
IN_FILE_SYSTEM = "importlib._bootstrap_external"
_ACTIVE: list[CodeTrace] = []
_HOOK_LOCK = threading.Lock()
_hooked = False


class CodeTrace:
    """What is found while the scripts of one project run.

    ``root``: the folder of rollout.toml; names are relative to it. ``files``: names of files, and of listed folders
    with a slash at the end. ``before``, ``after``: the statements that env.py itself sent in its last run, before and
    after the revisions. ``check``: called with the name of each file before it is opened.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self.trees = tuple(dict.fromkeys(os.path.join(os.path.abspath(each), "") for each in (root, folder)))
        self.files: set[str] = set()
        self.before: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()
        self.check: Callable[[str], None] | None = None
        self._thread = 0

    @contextmanager
    def recording(self, check: Callable[[str], None] | None = None) -> Iterator[None]:
        """Record meanwhile what this thread opens and lists for the scripts; nested use keeps the outer ``check``."""
        _install_hook()
        known = set(sys.modules)
        thread, self._thread = self._thread, threading.get_ident()
        previous, self.check = self.check, check or self.check
        _ACTIVE.append(self)
        try:
            with compiled_from_source():
                yield
        finally:
            _ACTIVE.remove(self)
            self.check, self._thread = previous, thread
            self._add_modules(set(sys.modules) - known)

    def name_of(self, path: str) -> str | None:
        """Return the name of a file or folder in the project, or None if it is not the project's."""
        full = os.path.abspath(path)
        if is_installed(full) or not full.startswith(self.trees):
            return None
        name = os.path.relpath(full, self.root).replace(os.sep, "/")
        parts = name.split("/")
        return None if SKIPPED.intersection(parts) or parts[-1] in SKIPPED_FILES else name

    def note(self, path: str, *, is_folder: bool, is_module: bool) -> None:
        """Note a file that is about to be opened, or a folder that is about to be listed; call ``check``."""
        name = self.name_of(path)
        if name is None and is_module and not is_folder and not is_installed(os.path.abspath(path)):
            name = os.path.relpath(os.path.abspath(path), self.root).replace(os.sep, "/")
        if name is None or threading.get_ident() != self._thread:
            return
        name = f"{name}/" if is_folder else name
        if self.check:
            self.check(name)
        self.files.add(name)

    def _add_modules(self, names: Iterable[str]) -> None:
        """Add the modules that were imported meanwhile, by whatever thread and loader."""
        for name in names:
            path = getattr(sys.modules.get(name), "__file__", None)
            if path and (found := self.name_of(path)):
                self.files.add(found)

    def close_over_imports(self) -> None:
        """Add the project's modules that the found files import, also those that were imported long before."""
        pending = [name for name in self.files if name.endswith(".py")]
        packages = {
            str(getattr(module, "__file__", "")): str(getattr(module, "__package__", "") or "")
            for module in list(sys.modules.values())
        }
        visited: set[str] = set()
        while pending:
            name = pending.pop()
            if name in visited:
                continue
            visited.add(name)
            path = self.root / name
            for module in imported_names(path, packages.get(str(path), "")):
                place = getattr(sys.modules.get(module), "__file__", None)
                if place and (found := self.name_of(place)) and found not in visited:
                    self.files.add(found)
                    pending.append(found)


def imported_names(path: Path, package: str = "") -> set[str]:
    """Return the names that a Python file imports, with each name's parents; nothing if it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {".".join(name.split(".")[:size]) for name in found for size in range(1, name.count(".") + 2)} - {
        ""
    }


def _install_hook() -> None:
    """Install the audit hook, once in a process: it cannot be removed, and does nothing while no trace is active."""
    global _hooked  # noqa: PLW0603
    with _HOOK_LOCK:
        if not _hooked:
            sys.addaudithook(_on_event)
            _hooked = True


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if not _ACTIVE or event not in ("open", "os.listdir", "os.scandir"):
        return
    path = arguments[0]
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, (str, os.PathLike)):
        return
    is_folder = event != "open"
    if not is_folder and (arguments[2] or 0) & (os.O_WRONLY | os.O_TRUNC):
        return
    caller = sys._getframe(1)  # noqa: SLF001
    is_module = caller.f_globals.get("__name__") == IN_FILE_SYSTEM
    if (
        (is_folder and is_module)
        or not is_called_by_scripts(caller)
        or not _is_regular(path, is_folder=is_folder)
    ):
        return
    for trace in _ACTIVE:
        trace.note(os.fspath(path), is_folder=is_folder, is_module=is_module)


def _is_regular(path: str | os.PathLike[str], *, is_folder: bool) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)
