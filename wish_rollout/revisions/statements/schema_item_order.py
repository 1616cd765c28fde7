"""The order of the statements that SQLAlchemy and Alembic write for the indexes and constraints of one table.

``Table.indexes``, ``constraints`` and ``foreign_keys`` are sets of objects that are hashed by their addresses: one script
would create its indexes, or drop what it has reflected, in another order in each process, and so would not send the
statements that were approved.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.util import OrderedSet

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = ("after_parent_attach", "before_create")
"""When a table is described, and before it is created: the models of a project were described long before."""


@contextmanager
def ordered_schema_items() -> Iterator[None]:
    """Let indexes be created in the order of their names meanwhile, and constraints in that of the script."""
    for event in EVENTS:
        sa.event.listen(sa.Table, event, _order)
    try:
        yield
    finally:
        for event in EVENTS:
            sa.event.remove(sa.Table, event, _order)


def _order(table: sa.Table, *_arguments: Any, **_options: Any) -> None:
    table.indexes = OrderedSet(sorted(table.indexes, key=_name_of))
    table.constraints = OrderedSet(table._sorted_constraints)  # noqa: SLF001  (no other attribute has the order)
    for holder in (table, *table.columns):
        holder.foreign_keys = OrderedSet(sorted(holder.foreign_keys, key=_key_of))


def _key_of(key: sa.ForeignKey) -> tuple[str, str, str]:
    name = key.constraint.name if key.constraint is not None else key.name
    return str(name or ""), str(key.parent.key), key.target_fullname


def _name_of(index: sa.Index) -> tuple[str, list[str]]:
    return str(index.name or ""), [str(column.key) for column in index.columns]
