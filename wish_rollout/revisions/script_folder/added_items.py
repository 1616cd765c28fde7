"""Constraints and indexes that scripts add to the tables of the project's models, of which they are no part.

SQLAlchemy adds a constraint to the table of its columns. So a script that builds one from a column of a model changes the
model in this process, and the table that is created from it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import FrameType

ITEMS = (sa.schema.Constraint, sa.Index)
ADDED: WeakSet[sa.schema.SchemaItem] = WeakSet()
"""What scripts have added to tables in this process, also to their own."""


_PLACES: list[tuple[str, ...]] = []
"""The folders of the blocks that run."""


@contextmanager
def added_items_noted(folders: Iterable[Path]) -> Iterator[None]:
    """Note what scripts in these folders add to tables while the block runs."""
    _listen()
    # scripts are executed under their real paths, and Path has no slash at the end
    places = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)  # noqa: PTH118
    _PLACES.append(places)
    try:
        yield
    finally:
        _PLACES.remove(places)


@cache
def _listen() -> None:
    """Listen to all constraints and indexes, once in a process: SQLAlchemy 2.0.24 cannot remove such a listener."""
    for kind in ITEMS:
        sa.event.listen(kind, "after_parent_attach", _note)


def _note(item: sa.schema.SchemaItem, parent: Any) -> None:
    if not _PLACES or not isinstance(parent, sa.Table):
        return
    caller = _caller(sys._getframe(1))  # noqa: SLF001
    if any(caller.startswith(places) for places in _PLACES):
        ADDED.add(item)


def remove_added_items(metadata: sa.MetaData) -> None:
    """Remove from the tables what scripts have added to them."""
    for table in metadata.tables.values():
        for items in (table.constraints, table.indexes):
            for item in [each for each in items if each in ADDED]:
                items.discard(item)


def _caller(frame: FrameType | None) -> str:
    """Return the file that calls SQLAlchemy."""
    while frame and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "sqlalchemy":
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""
