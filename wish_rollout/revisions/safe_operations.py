"""Changes of tables in use. No lock is held for long, and each function can run again after a crash.

Most of them leave the revision's transaction, which commits what the revision did before. So put no other statements into
the same revision, unless they may be visible on their own.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.internal_statements import CATALOG_QUERY, REPEATABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INDEX = sa.text(
    "SELECT i.indisvalid FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname = :name AND c.relnamespace = coalesce("
    "   to_regnamespace(:schema), (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)))"
)
_CONSTRAINT = sa.text(
    "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)"
)
_PAGES = (
    "SELECT max(pg_catalog.pg_relation_size(relid)) / current_setting('block_size')::int + 1 FROM"
    " (SELECT relid FROM pg_partition_tree('{place}') UNION SELECT '{place}'::regclass) AS tree"
)
LOG = logging.getLogger("alembic.runtime.migration")


def create_index_concurrently(
    name: str, table: str, columns: Sequence[Any], *, schema: str | None = None, **options: Any
) -> None:
    """Build an index while other sessions write (manual, CREATE INDEX, Building Indexes Concurrently).

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
    """Add a CHECK: NOT VALID under a short lock, then VALIDATE while other sessions read and write."""
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


class NotFilled(RuntimeError):
    """A backfill cannot come to an end."""


def backfill(  # noqa: PLR0913
    table: str,
    values: Mapping[str, str],
    *,
    where: str,
    schema: str | None = None,
    pages: int = 64,
    pause: float = 0.01,
    patience: float = 60,
) -> int:
    """Update the rows that meet ``where``, in batches that commit; give how many were updated.

    ``values``: column → SQL expression. ``where`` must be false for a row once it is updated, so that a second
    call continues where the first was interrupted. ``pages``: how many pages of the table a batch takes. ``pause``:
    seconds between batches, for vacuum and replicas to keep up. Rows that others hold locked are come back to;
    after ``patience`` seconds without any progress, and where ``where`` stays true, NotFilled is raised.
    """
    place = _quoted(table, schema)
    sets = ", ".join(f"{_quoted(column)} = {expression}" for column, expression in values.items())
    context = op.get_context()
    done, moved = 0, time.monotonic()
    with context.autocommit_block():
        if context.as_sql:
            op.execute(f"UPDATE {place} SET {sets} WHERE {where}")  # noqa: S608
            return 0
        while True:
            size = int(_scalar(_PAGES.format(place=place.replace("'", "''"))) or 1)
            for start in range(0, size, pages):
                updated = _batch(place, sets, where, (start, start + pages))
                done += updated
                if updated:
                    moved = time.monotonic()
                    LOG.info("backfill of %s: %d rows, page %d of %d", table, done, start, size)
                    time.sleep(pause)
            if not _scalar(f"SELECT EXISTS (SELECT FROM {place} WHERE {where})"):  # noqa: S608
                break
            if time.monotonic() - moved > patience:
                raise NotFilled(f"rows of {table} that still meet {where} stay locked by others")
            time.sleep(max(pause, 0.05))
    return done


def _batch(place: str, sets: str, where: str, pages: tuple[int, int]) -> int:
    """Update the rows of some pages, but for those that others hold locked; give how many."""
    chosen = (
        f"SELECT ctid FROM {place} WHERE ctid >= '({pages[0]},0)' AND ctid < '({pages[1]},0)'"  # noqa: S608
        f" AND ({where}) FOR NO KEY UPDATE SKIP LOCKED"
    )
    update = f"UPDATE {place} SET {sets} WHERE ctid = ANY (ARRAY({chosen})) AND ({where}) RETURNING ({where})"  # noqa: S608
    rows = op.get_bind().execute(_text(update), execution_options=REPEATABLE).fetchall()
    if any(row[0] for row in rows):
        raise NotFilled(f"rows of {place} still meet {where} after the update, so it would never end")
    return len(rows)


def _scalar(query: str) -> Any:
    return op.get_bind().execute(_text(query), execution_options=CATALOG_QUERY).scalar()


def _text(query: str) -> sa.TextClause:
    """Take SQL as it is: no colon in it begins a parameter."""
    return sa.text(query.replace(":", r"\:"))


def _validated(name: str, table: str, schema: str | None, add: Callable[[], None]) -> None:
    """Add the constraint where it is not there yet, and validate it in a transaction of its own."""
    valid = _look(_CONSTRAINT, name, table, schema)
    if valid is None:
        add()
    if not valid:
        with op.get_context().autocommit_block():
            op.execute(f"ALTER TABLE {_quoted(table, schema)} VALIDATE CONSTRAINT {_quoted(name)}")


def _look(query: sa.TextClause, name: str, table: str, schema: str | None) -> bool | None:
    """Ask the catalog whether the object is valid; None where it is not there (or nobody can be asked)."""
    if op.get_context().as_sql:
        return None
    values = {"name": name, "table": _quoted(table, schema)}
    if ":schema" in query.text:
        values["schema"] = _quoted(schema) if schema else None  # type: ignore[assignment]
    found: bool | None = op.get_bind().execute(query, values, execution_options=CATALOG_QUERY).scalar()
    return found


def _quoted(name: str, schema: str | None = None) -> str:
    """Write a name as SQL."""
    prepare = sa.dialects.postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
    return f"{prepare(schema)}.{prepare(name)}" if schema else str(prepare(name))
