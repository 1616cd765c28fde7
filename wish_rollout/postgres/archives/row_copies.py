"""Copying rows into the archive schema: of whole tables, and single columns with the keys of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.archives.archive_store import archived, drop_contents, revoke_all
from wish_rollout.postgres.archives.row_checksums import count_and_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.postgres.archives.table_description import TableDescription

AFTER = "wish_rollout_after"
"""The column of changed values that contains each value as the rollback left it."""


def copy_columns(
    connection: psycopg.Connection[Any],
    kept: ArchivedObject,
    description: TableDescription,
    source: str = "",
) -> int:
    """Copy the rows of a table, or one column where it is not null and its key, and return the number of rows.

    ``source``: what contains the rows, as of ``rows_of``; by default the table without its child tables. If there are no
    rows, no archive table is left. Call it in a transaction that holds a lock on the table, with the settings of
    ``plain_text_settings``.
    """
    stored = ", ".join(f"{description.columns[name].stored} as {name}" for name in kept.stored_columns)
    # IS NOT NULL is false for a composite value that contains a null field (manual, 9.2)
    condition = "" if kept.kind == "table" else f" where num_nonnulls({kept.columns[0]}) > 0"
    source = source or (f"only {kept.table}" if description.has_children else kept.table)
    query = f"create table {archived(kept.relation)} as select {stored} from {source}{condition}"
    rows = connection.execute(query.encode()).rowcount
    if not rows:
        drop_contents(connection, [kept.relation])
    else:
        revoke_all(connection, kept.relation)
    return rows


def keep_changed_values(
    connection: psycopg.Connection[Any],
    kept: ArchivedObject,
    key: Sequence[tuple[str, str]],
    new_relation: str,
) -> int:
    """Replace an archive table by one with the rows whose values the rollback has changed; return their number.

    ``key``: the key's columns as archived, and for each the expression in the table after the rollback, ``t``.
    """
    column, (table, value) = kept.columns[0], kept.later
    names = ", ".join(f"a.{name}" for name in kept.stored_columns)
    same = " and ".join(f"{expression} = a.{name}" for name, expression in key)
    query = (
        f"create table {archived(new_relation)} as select {names}, t.{value}::text as {AFTER} "
        f"from {archived(kept.relation)} as a left join {table} as t on {same} "
        f"where t.{value}::text is distinct from a.{column}::text"
    )
    rows = connection.execute(query.encode()).rowcount
    drop_contents(connection, [kept.relation, *([] if rows else [new_relation])])
    if rows:
        revoke_all(connection, new_relation)
    return rows


def archive_checksum(
    connection: psycopg.Connection[Any], relation: str, columns: Sequence[str]
) -> tuple[int, str]:
    """Return the number of rows of an archive table, and their checksum."""
    return count_and_checksum(connection, f"{archived(relation)} as a", columns)
