"""The record of the code that a release runs: its files with their hashes, and env.py's own statements.

It is kept in ``meta/_code.json``, beside the statements of the revisions.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import InvalidReleaseRecord
from wish_rollout.core.text.secret_masking import mask_recorded
from wish_rollout.core.text.toml_text import parse_toml
from wish_rollout.revisions.records.file_replacement import replace_file
from wish_rollout.revisions.script_folder.module_imports import imported_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wish_rollout.revisions.script_folder.scripts import Scripts

FORMAT = 1
FILE = "_code.json"
SECTION = " [tool.alembic]"
"""The end of a name that stands for Alembic's section of pyproject.toml, and not for the whole file."""
MISSING, UNREADABLE = "missing", "unreadable"
ALWAYS = ("alembic", "psycopg", "sqlalchemy")
"""Packages that every release runs with."""


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """The code of a release.

    ``files``: name, relative to rollout.toml → SHA-256; a name with a slash at the end is a folder that is listed.
    ``before``, ``after``: the statements that env.py itself sends. ``packages``: names of installed packages that
    the files import.
    """

    files: Mapping[str, str]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the text of the file: one line for each code file, so that a review can read it."""
        content = {
            "format": FORMAT,
            "files": dict(sorted(self.files.items())),
            "before": self.before,
            "after": self.after,
            "packages": self.packages,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> CodeRecord | None:
        """Return the record in a folder, or None if there is none; raise InvalidReleaseRecord."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise InvalidReleaseRecord(
                    str(path), f"its format is {content['format']}, this version reads {FORMAT}"
                )
            files = {str(name): str(digest) for name, digest in content["files"].items()}
            before, after, packages = (
                tuple(map(str, content[name])) for name in ("before", "after", "packages")
            )
            before, after = (tuple(map(mask_recorded, texts)) for texts in (before, after))
            return cls(files, before, after, packages)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidReleaseRecord(str(path), f"{type(error).__name__}: {error}") from None

    def write(self, folder: Path) -> None:
        """Write the record into a folder, at once: a reader sees the old file or the new one."""
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / FILE, self.to_json())


def capture(scripts: Scripts) -> CodeRecord:
    """Return the record of what the scripts have used since they were loaded; the whole release must have run."""
    trace = scripts.trace
    names = _code_names(scripts, trace.files)
    configuration = configuration_names(scripts)
    names -= {name.removesuffix(SECTION) for name in configuration}
    names |= configuration
    python = [scripts.root / name for name in names if name.endswith(".py")]
    return CodeRecord(
        hash_names(scripts.root, names),
        trace.before,
        trace.after,
        _packages(scripts.root, python, trace.files),
    )


def loaded_names(scripts: Scripts, recorded: Iterable[str]) -> set[str]:
    """Return the names of the files that were imported, or used while the scripts were loaded, in this process.

    ``recorded``: the names that are known; what these files import counts as well. All of them are to be recorded.
    """
    return _code_names(scripts, {*recorded, *scripts.trace.loaded})


def _code_names(scripts: Scripts, names: Iterable[str]) -> set[str]:
    """Return these names with env.py and with the modules that the files and the revisions import."""
    revisions = revision_names(scripts)
    start = {*names, *revisions, os.path.relpath(scripts.folder / "env.py", scripts.root)}
    return scripts.trace.close_over_imports(start) - revisions


def configuration_names(scripts: Scripts) -> set[str]:
    """Return the names of alembic.ini and of Alembic's section of pyproject.toml, as far as they exist."""
    ini, toml = scripts.configuration_files()
    names = {os.path.relpath(ini, scripts.root)} if ini else set()
    return names | ({os.path.relpath(toml, scripts.root) + SECTION} if toml else set())


def revision_names(scripts: Scripts) -> set[str]:
    """Return the names of the revisions' scripts and folders, which the release's own digest covers."""
    paths = [scripts.root / revision.path for revision in scripts.release.revisions]
    names = {os.path.relpath(path, scripts.root) for path in paths}
    return names | {os.path.relpath(place, scripts.root) + "/" for place in scripts.version_folders()}


def _packages(root: Path, python: Iterable[Path], own: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the installed packages that the files import."""
    tops = {name.partition(".")[0] for path in python for name in imported_names(path)}
    ours = {name.partition("/")[0].removesuffix(".py") for name in own} | {root.name, "wish_rollout"}
    return tuple(sorted({*ALWAYS, *(tops - ours - sys.stdlib_module_names)}))


def hash_names(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the current hash of each file, folder or section; ``missing`` or ``unreadable`` if there is none."""
    return {name: _hash(root, name) for name in sorted(names)}


def _hash(root: Path, name: str) -> str:
    try:
        if name.endswith(SECTION):
            tool = parse_toml((root / name.removesuffix(SECTION)).read_text(encoding="utf-8")).get("tool", {})
            text = json.dumps(tool.get("alembic", {}), sort_keys=True, default=str)
            return hashlib.sha256(text.encode()).hexdigest()
        if name.endswith("/"):
            listed = sorted(each.name for each in (root / name).iterdir() if each.name != "__pycache__")
            return hashlib.sha256("\0".join(listed).encode("utf-8", "surrogateescape")).hexdigest()
        if not (root / name).is_file():  # a pipe or a device might never end
            return UNREADABLE if (root / name).exists() else MISSING
        with (root / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError):
        return UNREADABLE


def changes(recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Return what differs between two sets of hashes, each as a clause: "migrations/env.py changed".

    A recorded file that cannot be read now is named also if it could not be read then: its content is unknown.
    """
    found = []
    for name in sorted({*recorded, *current}):
        before, now = recorded.get(name, MISSING), current.get(name, MISSING)
        if now == UNREADABLE or (now == MISSING and name in recorded):
            found.append(f"{name} is {now}")
        elif before != now:
            found.append(f"{name} {'is new' if before == MISSING else 'changed'}")
    return found
