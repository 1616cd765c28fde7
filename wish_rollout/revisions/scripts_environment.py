"""How Python runs the scripts: compiled from their source, and told apart from this program's own frames."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERNAL = frozenset({"wish_rollout", "dagster", "dagster_postgres", "dagster_shared"})


def is_called_by_scripts(frame: FrameType | None) -> bool:
    """Return whether a frame was called by env.py or a revision, and not by this program or Dagster.

    The nearest frame of either kind decides: Alembic has called env.py and the revisions.
    """
    while frame:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package == "alembic":
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
