"""The version folders of a project: what is left out of them, and what env.py makes of them.

Alembic reads the version folders alone, and their sub-folders only if it is configured to
(https://alembic.sqlalchemy.org/en/latest/branches.html#setting-up-multiple-version-directories).
"""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.util import pyfiles

from wish_rollout.core.errors.layouts import ChangedVersionFolders, UnreadScripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alembic.script import ScriptDirectory

SKIPPED = frozenset({"meta", "node_modules", "site-packages", "__pycache__"})
PARENT = "down_revision"


def refuse_unread_scripts(folder: Path, read: Mapping[str, str]) -> None:
    """Raise UnreadScripts if the script folder has further scripts that follow a revision, or if none was read.

    ``read``: the revisions with the real paths of their scripts. Scripts that follow no revision of the release, such as
    those that were replaced by one, may be kept in a folder below.
    """
    paths = set(read.values())
    unread = {
        path: parents for path in _files_below(folder) if path not in paths for parents in _parents(path)
    }
    following = [path for path, parents in unread.items() if not read or not read.keys().isdisjoint(parents)]
    if following:
        number = len(unread)
        count = f"{number} scripts" if number > 1 else "a script"
        example = Path(min(following)).relative_to(folder.resolve()).as_posix()
        raise UnreadScripts(str(folder), count, example)


def _files_below(folder: Path) -> Iterator[str]:
    """Yield the real paths of the Python files below a script folder, without those of other script folders in it."""
    for place, folders, names in os.walk(folder.resolve()):
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "venv"))
            and name not in SKIPPED
            and not (Path(place) / name / "env.py").is_file()
        ]
        yield from (f"{place}{os.sep}{name}" for name in names if name.endswith(".py"))


def _parents(path: str) -> Iterator[frozenset[str]]:
    """Yield the parents that a file names, if it is a revision script: none for a first one."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        tree = ast.parse(text) if PARENT in text else None
    except (OSError, ValueError, SyntaxError):
        return
    for node in tree.body if tree else ():
        names = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(name, ast.Name) and name.id == PARENT for name in names):
            value = getattr(node, "value", None)
            texts = (
                (each.value for each in ast.walk(value) if isinstance(each, ast.Constant)) if value else ()
            )
            yield frozenset(text for text in texts if isinstance(text, str))
            return


def refuse_changed_folders(directory: ScriptDirectory, env: Path, configured: Iterable[Path]) -> None:
    """Raise ChangedVersionFolders if env.py has set other version folders than the release was read from.

    ``configured``: those from which it was read.

    Alembic computed the folders from an attribute when the release was read; env.py can set it later.
    """
    places = directory.version_locations or [str(Path(directory.dir) / "versions")]
    chosen = [Path(pyfiles.coerce_resource_to_filename(place)) for place in places]
    if {place.resolve() for place in chosen} != {place.resolve() for place in configured}:
        texts = (", ".join(map(str, each)) for each in (configured, chosen))
        raise ChangedVersionFolders(str(env), *texts)
