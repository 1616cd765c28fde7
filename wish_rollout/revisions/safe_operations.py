"""Changes of tables in use, each in a line: no lock is held for long, and each can be run again after a crash.

Each leaves the revision's transaction where it must: what the revision did before is committed then. So in one
revision put nothing beside them that must not be seen by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.internal_statements import LOOKS
from wish_rollout.revisions.operation_sql import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INDEX = sa.text(
    "SELECT i.indisvalid FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname = :name AND c.relnamespace = coalesce("
    "   to_regnamespace(:schema), (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)))"
)
_CONSTRAINT = sa.text(
    "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)"
)


def create_index_concurrently(
    name: str, table: str, columns: Sequence[Any], *, schema: str | None = None, **options: Any
) -> None:
    """Build an index while writers go on (manual, CREATE INDEX, Building Indexes Concurrently).

    ``options`` are those of ``op.create_index``. An invalid index of that name, which a build that was cut off
    left behind, is dropped first; a valid one is the work of an earlier attempt, and stays.
    """
    with op.get_context().autocommit_block():
        valid = _look(_INDEX, name, table, schema)
        if valid is False:
            op.drop_index(name, table, schema=schema, postgresql_concurrently=True, if_exists=True)
        if not valid:
            op.create_index(name, table, columns, schema=schema, postgresql_concurrently=True, **options)


def drop_index_concurrently(name: str, *, schema: str | None = None) -> None:
    """Drop an index without waiting for queries under a lock (manual, DROP INDEX); a missing one is dropped."""
    with op.get_context().autocommit_block():
        op.drop_index(name, schema=schema, postgresql_concurrently=True, if_exists=True)


def add_check(name: str, table: str, condition: Any, *, schema: str | None = None) -> None:
    """Add a CHECK: NOT VALID under a short lock, then VALIDATE while readers and writers go on."""
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
    """Add a foreign key in the same two steps; ``options`` are those of ``op.create_foreign_key``."""
    options = {"source_schema": schema, **options, "postgresql_not_valid": True}
    keys = list(columns), list(referenced)
    _validated(name, table, schema, lambda: op.create_foreign_key(name, table, references, *keys, **options))


def set_not_null(table: str, column: str, *, schema: str | None = None) -> None:
    """Set NOT NULL without a scan under lock: a valid CHECK proves it first (manual, ALTER TABLE, SET NOT NULL)."""
    name = f"{table}_{column}_proof"[:63]
    add_check(name, table, sa.column(column).is_not(None), schema=schema)
    op.alter_column(table, column, nullable=False, schema=schema)
    op.drop_constraint(name, table, schema=schema)


def _validated(name: str, table: str, schema: str | None, add: Callable[[], None]) -> None:
    """Add the constraint where it is not there yet, and validate it in a transaction of its own."""
    valid = _look(_CONSTRAINT, name, table, schema)
    if valid is None:
        add()
    if not valid:
        with op.get_context().autocommit_block():
            op.execute(f"ALTER TABLE {quoted(table, schema)} VALIDATE CONSTRAINT {quoted(name)}")


def _look(query: sa.TextClause, name: str, table: str, schema: str | None) -> bool | None:
    """Ask the catalog whether the object is valid; None where it is not there (or nobody can be asked)."""
    if op.get_context().as_sql:
        return None
    values = {"name": name, "table": quoted(table, schema)}
    if ":schema" in query.text:
        values["schema"] = quoted(schema) if schema else None  # type: ignore[assignment]
    found: bool | None = op.get_bind().execute(query, values, execution_options=LOOKS).scalar()
    return found
