"""The files of the project that env.py and the revisions import, read or list, found while they run.

Python raises audit events for each file that is opened and each folder that is listed (PEP 578). A module that was
imported before is not opened again; it is found by the import statements of the files that use it.
"""

# ruff: noqa: PTH100, PTH116, PTH118  (Path.resolve() would follow symbolic links)

from __future__ import annotations

import os
import stat
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.revisions.script_folder.calling_frames import (
    INSTALLED,
    compiled_from_source,
    is_called_by_scripts,
    is_installed,
)
from wish_rollout.revisions.script_folder.module_imports import (
    Wanted,
    files_of_modules,
    imported_names,
    packages_of_modules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SKIPPED = frozenset({".git", ".dagster", ".sandbox", "__pycache__", ".venv", "node_modules"})
"""Folders of tools in the project: what is read there is not the project's code; what is imported from there is."""
SKIPPED_FILES = frozenset({".env"})
IN_FILE_SYSTEM = "importlib._bootstrap_external"
RECORD = "meta"
"""The folder of the record itself, beside env.py."""
EVENTS = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect", "subprocess.Popen"})
"""What is raised for files (Python documentation, table of audit events)."""
_ACTIVE: list[CodeTrace] = []
_HOOK_LOCK = threading.Lock()
_hooked = False


@dataclass(frozen=True, slots=True)
class UsedCode:
    """What a trace has found, as another process can take it: the fields are those of ``CodeTrace``."""

    files: frozenset[str]
    loaded: frozenset[str]
    before: tuple[str, ...]
    after: tuple[str, ...]


class CodeTrace:
    """What is found while the scripts of one project run.

    ``root``: the folder of rollout.toml; names are relative to it. ``files``: names of files, and of listed folders
    with a slash at the end. ``loaded``: those that were used while the scripts were loaded, and all that was imported.
    ``before``, ``after``: the statements that env.py itself sent in its last run, before and after the revisions.
    ``check``: called with the name of each file before it is opened.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self.trees = tuple(dict.fromkeys(os.path.join(os.path.abspath(each), "") for each in (root, folder)))
        self.record = os.path.join(os.path.abspath(folder), RECORD, "")
        self.files: set[str] = set()
        self.loaded: set[str] = set()
        self.before: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()
        self.check: Callable[[str], None] | None = None
        self._other_threads: set[int | None] = set()

    @contextmanager
    def recording(self, check: Callable[[str], None] | None = None) -> Iterator[None]:
        """Record meanwhile what the scripts open and list, in this thread and in those that they start.

        Nested use keeps the outer ``check``.
        """
        _install_hook()
        known = set(sys.modules)
        others = self._other_threads
        self._other_threads = {each.ident for each in threading.enumerate()} - {threading.get_ident()}
        previous, self.check = self.check, check or self.check
        _ACTIVE.append(self)
        try:
            with compiled_from_source():
                yield
        finally:
            _ACTIVE.remove(self)
            self.check, self._other_threads = previous, others
            self._add_modules(set(sys.modules) - known)

    def name_of(self, path: str, *, is_module: bool = False) -> str | None:
        """Return the name of a file or folder in the project, or None if it is not the project's."""
        full = os.path.abspath(path)
        if not full.startswith(self.trees) or full.startswith(INSTALLED):
            return None
        name = os.path.relpath(full, self.root).replace(os.sep, "/")
        parts = name.split("/")
        is_other = full.startswith(self.record) or SKIPPED.intersection(parts) or parts[-1] in SKIPPED_FILES
        return None if is_other and not is_module else name

    def note(self, path: str, *, is_folder: bool, is_module: bool) -> None:
        """Note a file that is about to be opened, or a folder that is about to be listed; call ``check``."""
        name = self.name_of(path, is_module=is_module)
        if name is None and is_module and not is_folder and not is_installed(os.path.abspath(path)):
            name = os.path.relpath(os.path.abspath(path), self.root).replace(os.sep, "/")
        if name is None or threading.get_ident() in self._other_threads:
            return
        name = f"{name}/" if is_folder else name
        if self.check:
            self.check(name)
        self.files.add(name)
        if is_module:
            self.loaded.add(name)

    def used(self) -> UsedCode:
        """Return what was found, with the modules that the files import in this process."""
        files = frozenset(self.close_over_imports(self.files))
        return UsedCode(files, frozenset(self.loaded), self.before, self.after)

    def take(self, used: UsedCode) -> None:
        """Add what the scripts have used in another process, after what they have used in this one."""
        self.files |= used.files
        self.loaded |= used.loaded
        self.before, self.after = used.before, used.after

    def _add_modules(self, names: Iterable[str]) -> None:
        """Add the modules that were imported meanwhile, by whatever thread and loader."""
        for name in names:
            path = getattr(sys.modules.get(name), "__file__", None)
            if path and (found := self.name_of(path, is_module=True)):
                self.files.add(found)
                self.loaded.add(found)

    def close_over_imports(self, names: Iterable[str]) -> set[str]:
        """Return the files with the project's modules that they import, also those that were imported long before."""
        visited, pending = set(names), [name for name in names if name.endswith(".py")]
        packages = packages_of_modules(self.root) if pending else {}
        wanted = Wanted(own := files_of_modules(partial(self.name_of, is_module=True)))
        while pending:
            path = self.root / pending.pop()
            for module in imported_names(path, packages.get(str(path), ""), wanted):
                found = own.get(module)
                if found and found not in visited:
                    visited.add(found)
                    pending.append(found)
        return visited


def _install_hook() -> None:
    """Install the audit hook, once in a process: it cannot be removed, and does nothing while no trace is active."""
    global _hooked  # noqa: PLW0603
    with _HOOK_LOCK:
        if not _hooked:
            sys.addaudithook(_on_event)
            _hooked = True


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if not _ACTIVE or event not in EVENTS:
        return
    is_folder = event in ("os.listdir", "os.scandir")
    if event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_TRUNC):
        return
    caller = sys._getframe(1)  # noqa: SLF001
    is_module = caller.f_globals.get("__name__") == IN_FILE_SYSTEM
    if (is_folder and is_module) or not is_called_by_scripts(caller, otherwise=True):
        return
    for path in _paths(event, arguments):
        if _is_regular(path, is_folder=is_folder):
            for trace in _ACTIVE:
                trace.note(path, is_folder=is_folder, is_module=is_module)


def _paths(event: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """Yield the names of files in an event: a program gets them as its arguments."""
    given, folder = arguments[:1], ""
    if event == "subprocess.Popen":
        _, command, folder, _ = arguments
        words = [command] if isinstance(command, (str, bytes, os.PathLike)) else command
        given = tuple(part for word in words for part in {word, *os.fsdecode(word).split()})
    for each in given:
        if isinstance(each, (str, bytes, os.PathLike)):
            yield os.path.join(os.fsdecode(folder or ""), os.fsdecode(each))


def _is_regular(path: str, *, is_folder: bool) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)
