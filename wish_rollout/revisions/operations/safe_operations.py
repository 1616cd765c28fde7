"""Functions that change tables in use: each holds its locks for a short time, and can be run again after a crash.

Some leave the revision's transaction, which commits what the revision did before. So a revision that calls them should
contain nothing else that must not be visible alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.operations.catalog_lookups import fetch_all
from wish_rollout.revisions.operations.operation_sql import quoted
from wish_rollout.revisions.statements.helper_statements import (
    CONSTRAINT_LOOKUP,
    INDEX_LOOKUP,
    LEAF_PARTITIONS,
)
from wish_rollout.revisions.statements.internal_statements import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INDEX, _CONSTRAINT = sa.text(INDEX_LOOKUP), sa.text(CONSTRAINT_LOOKUP)


def create_index_concurrently(
    name: str, table: str, columns: Sequence[Any], *, schema: str | None = None, **options: Any
) -> None:
    """Build an index without blocking writes (manual, CREATE INDEX, Building Indexes Concurrently).

    ``options`` are those of ``op.create_index``. An invalid index of that name, which an interrupted build has left,
    is dropped first; a valid one was built by an earlier attempt, and is kept.
    """
    with op.get_context().autocommit_block():
        valid = _look(_INDEX, name, table, schema)
        if valid is False:
            op.drop_index(name, table, schema=schema, postgresql_concurrently=True, if_exists=True)
        if not valid:
            op.create_index(name, table, columns, schema=schema, postgresql_concurrently=True, **options)


def drop_index_concurrently(name: str, *, schema: str | None = None) -> None:
    """Drop an index, if it exists, without blocking queries (manual, DROP INDEX)."""
    with op.get_context().autocommit_block():
        op.drop_index(name, schema=schema, postgresql_concurrently=True, if_exists=True)


def add_check(name: str, table: str, condition: Any, *, schema: str | None = None) -> None:
    """Add a CHECK: NOT VALID under a short lock, then VALIDATE without blocking reads and writes."""
    options: dict[str, Any] = {"schema": schema, "postgresql_not_valid": True}
    _validated(name, table, schema, lambda: op.create_check_constraint(name, table, condition, **options))


def add_foreign_key(  # noqa: PLR0913  (they are those of op.create_foreign_key)
    name: str,
    table: str,
    columns: Sequence[str],
    references: str,
    referenced: Sequence[str],
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Add a foreign key in the same two steps; ``options`` are those of ``op.create_foreign_key``.

    A partitioned table gets it in each partition first, in two steps; the one of the whole table then includes these
    without a scan. Before version 18, a partitioned table cannot have it NOT VALID (manual, ALTER TABLE, Notes).
    """
    keys = list(columns), list(referenced)

    def add(place: str, its_schema: str | None, **more: Any) -> None:
        op.create_foreign_key(
            name, place, references, *keys, **{**options, "source_schema": its_schema, **more}
        )

    partitions = _partitions(table, schema)
    places: list[tuple[str | None, str]] = [*partitions] or [(schema, table)]
    for its_schema, place in places:
        _validated(name, place, its_schema, partial(add, place, its_schema, postgresql_not_valid=True))
    if partitions and _look(_CONSTRAINT, name, table, schema) is None:
        add(table, schema)


def set_not_null(table: str, column: str, *, schema: str | None = None) -> None:
    """Set NOT NULL without a scan under a strong lock: a valid CHECK proves it (manual, ALTER TABLE, SET NOT NULL)."""
    name = f"{table}_{column}_proof"[:63]
    add_check(name, table, sa.column(column).is_not(None), schema=schema)
    op.alter_column(table, column, nullable=False, schema=schema)
    op.drop_constraint(name, table, schema=schema)


def _validated(name: str, table: str, schema: str | None, add: Callable[[], None]) -> None:
    """Add the constraint if it does not exist, and validate it in a separate transaction."""
    valid = _look(_CONSTRAINT, name, table, schema)
    if valid is None:
        add()
    if not valid:
        with op.get_context().autocommit_block():
            op.execute(f"ALTER TABLE {quoted(table, schema)} VALIDATE CONSTRAINT {quoted(name)}")


def _partitions(table: str, schema: str | None) -> list[tuple[str, str]]:
    """Return schema and name of the partitions of a partitioned table that have rows; [] for another table."""
    if op.get_context().as_sql:
        return []
    rows = fetch_all(LEAF_PARTITIONS, table=quoted(table, schema))
    if not rows or rows[0][2]:
        return []
    return [(str(its_schema), str(name)) for its_schema, name, is_leaf in rows if is_leaf]


def _look(query: sa.TextClause, name: str, table: str, schema: str | None) -> bool | None:
    """Return whether the object is valid; None if it does not exist, or in Alembic's offline mode."""
    if op.get_context().as_sql:
        return None
    values = {"name": name, "table": quoted(table, schema)}
    if ":schema" in query.text:
        values["schema"] = quoted(schema) if schema else None  # type: ignore[assignment]
    found: bool | None = op.get_bind().execute(query, values, execution_options=LOOKS).scalar()
    return found
