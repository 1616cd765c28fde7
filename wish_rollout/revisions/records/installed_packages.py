"""The versions of the installed packages that the scripts import."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed packages, given by their import names; those that are not installed are left out.

    The result does not depend on what this process has imported: two environments are compared by it in one process.
    """
    return dict(_read_versions(tuple(filter(None, names)), _import_folders()))


@lru_cache(maxsize=16)
def _read_versions(names: tuple[str, ...], folders: tuple[tuple[str, int], ...]) -> Mapping[str, str]:
    """Read the versions, once until something is installed: a fleet asks for each target. ``folders``: of the import path."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not _is_importable(name):
                continue
            for distribution in _distributions_by_import(folders).get(name, ())[:1]:
                found[name] = metadata.version(distribution)
    return found


def _is_importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # a loaded module without a specification
        return name in sys.modules


def _import_folders() -> tuple[tuple[str, int], ...]:
    """Return the folders of the import path that exist, each with the time of its last change, in nanoseconds."""
    folders = []
    for place in dict.fromkeys(sys.path):
        with suppress(OSError):
            folders.append((place, Path(place).stat().st_mtime_ns))
    return tuple(folders)


@lru_cache(maxsize=1)
def _distributions_by_import(_folders: tuple[tuple[str, int], ...]) -> Mapping[str, list[str]]:
    """Return the installed packages by import name. Finding them takes a third of a second, so they are kept.

    ``_folders``: what is installed in them changes their time.
    """
    return metadata.packages_distributions()
