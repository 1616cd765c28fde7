"""How Python runs the scripts: compiled from their source, and distinguished from this program's own frames."""

# ruff: noqa: PTH100, PTH118  (Path.resolve() would follow symbolic links)

from __future__ import annotations

import os
import site
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERNAL = frozenset({"wish_rollout", "dagster", "dagster_postgres", "dagster_shared"})


def _installed_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])}
    return tuple(os.path.join(os.path.abspath(each), "") for each in folders if each)


INSTALLED = _installed_folders()
"""The folders of Python, of installed packages and of this program."""


def is_installed(path: str) -> bool:
    """Return whether a file belongs to Python, to an installed package or to this program, and not to a project."""
    return path.startswith(INSTALLED) or "/site-packages/" in path or "/dist-packages/" in path


def is_project_code(frame: FrameType) -> bool:
    """Return whether a frame executes a file that is not installed: env.py, a revision, or a module that they use."""
    name = frame.f_code.co_filename
    return not name.startswith("<") and not is_installed(os.path.abspath(name))


def is_called_by_scripts(frame: FrameType | None) -> bool:
    """Return whether a frame was called by env.py or a revision, and not by this program or Dagster.

    The nearest frame of either kind decides. Alembic calls env.py; it calls revisions through this program.
    """
    while frame:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package == "alembic" or is_project_code(frame):
            return True
        if package in INTERNAL:
            return False
        frame = frame.f_back
    return False


@contextmanager
def compiled_from_source() -> Iterator[None]:
    """Let what is imported be compiled from its source, whatever is in ``__pycache__``.

    Python uses a cached file if the source's size and second of change are the same, so what ran could be
    another text than the one that was hashed and approved.
    """
    before = sys.pycache_prefix, sys.dont_write_bytecode
    sys.pycache_prefix, sys.dont_write_bytecode = str(Path(os.devnull) / "none"), True
    try:
        yield
    finally:
        sys.pycache_prefix, sys.dont_write_bytecode = before
