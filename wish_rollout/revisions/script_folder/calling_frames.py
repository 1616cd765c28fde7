"""How Python runs the scripts: compiled from their source, and distinguished from this program's own frames."""

# ruff: noqa: PTH100, PTH117, PTH118  (Path.resolve() would follow symbolic links)

from __future__ import annotations

import os
import site
import sys
import sysconfig
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import wish_rollout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERNAL = frozenset({"wish_rollout", "dagster", "dagster_postgres", "dagster_shared"})
FOR_SCRIPTS = "wish_rollout.revisions."
"""What scripts call: the helpers of ``wish_rollout.safe``, and the connections that env.py gets."""
LOADERS = frozenset(
    f"{FOR_SCRIPTS}script_folder.{name}" for name in ("flask_application", "configuration_function")
)
"""The modules that call the project's application, which may be an installed package."""


def _installed_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(wish_rollout.__file__).parent)}
    return tuple(os.path.join(os.path.abspath(each), "") for each in folders if each)


INSTALLED = _installed_folders()
"""The folders of Python, of installed packages and of this program."""


def is_installed(path: str) -> bool:
    """Return whether a file belongs to Python, to an installed package or to this program, and not to a project."""
    return path.startswith(INSTALLED) or "/site-packages/" in path or "/dist-packages/" in path


def is_project_code(frame: FrameType) -> bool:
    """Return whether a frame executes a file that is not installed: env.py, a revision, or a module that they use."""
    name = frame.f_code.co_filename
    return not name.startswith("<") and _is_project_file(
        name if os.path.isabs(name) else os.path.abspath(name)
    )


@lru_cache(maxsize=4096)
def _is_project_file(name: str) -> bool:
    return not is_installed(os.path.abspath(name))


def is_module_of(frame: FrameType, name: str) -> bool:
    """Return whether a frame executes a function of the module ``name``, and not code that only claims its name."""
    return getattr(sys.modules.get(name), "__dict__", None) is frame.f_globals


def internal_module(frame: FrameType) -> str:
    """Return the module of this program or of Dagster that a frame executes, or "" for other code."""
    name = str(frame.f_globals.get("__name__", ""))
    return name if name.partition(".")[0] in INTERNAL and is_module_of(frame, name) else ""


def is_called_by_scripts(frame: FrameType | None, *, otherwise: bool = False) -> bool:
    """Return whether a frame was called by env.py or a revision, and not by this program or Dagster.

    The nearest frame of either kind decides. Alembic calls env.py; it calls revisions through this program. A
    function of this program that a script calls directly acts for the script, except in ``wish_rollout.revisions``.
    What the project's application executes while it is loaded or returns its configuration is a script's, too.
    ``otherwise``: the result if there is neither, as in a thread that a script has started.
    """
    inner = ""
    while frame:
        if module := internal_module(frame):
            if module in LOADERS and not inner:
                return True
            inner = module
        elif is_project_code(frame):
            return not inner or (not inner.startswith(FOR_SCRIPTS) and _is_run_by_alembic(frame))
        elif str(frame.f_globals.get("__name__", "")).partition(".")[0] == "alembic":
            return not inner
        elif inner and not _is_transparent(frame):
            return False
        frame = frame.f_back
    return otherwise and not inner


def _is_transparent(frame: FrameType) -> bool:
    """Return whether a frame only passes a call on: a context manager, or code that was compiled from a text."""
    return frame.f_code.co_filename.startswith("<") or frame.f_globals.get("__name__") == "contextlib"


def _is_run_by_alembic(frame: FrameType | None) -> bool:
    while frame and not str(frame.f_globals.get("__name__", "")).startswith("alembic."):
        frame = frame.f_back
    return frame is not None


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
