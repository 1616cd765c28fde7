"""Reads and sets the rows of Alembic's version table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

CREATE = (
    "create table if not exists {table} "
    "(version_num varchar({length}) not null, {constraint} primary key (version_num))"
)
NAME_IS_USED = "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null"


def read_position(connection: psycopg.Connection[Any], version_table: str) -> tuple[str, ...]:
    """Return the rows of the version table, sorted; none if there is no table. ``version_table``: ``schema.table``."""
    schema, name = version_table.split(".")
    found = connection.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text))", [schema, name])
    if found.fetchall()[0][0] is None:
        return ()
    query = sql.SQL("select version_num from {} order by 1").format(sql.Identifier(schema, name))
    return tuple(row[0] for row in connection.execute(query))


def set_revisions(connection: psycopg.Connection[Any], version_table: str, revisions: Sequence[str]) -> None:
    """Replace the rows of the version table in the current transaction; create the table as Alembic does.

    ``version_table``: its name as ``schema.table``. ``revisions``: one for each head; none for base.
    """
    schema, name = version_table.split(".")
    table = sql.Identifier(schema, name)
    key = f"{name}_pkc"
    used = connection.execute(NAME_IS_USED, [schema, key]).fetchall()[0][0]  # by a table that was renamed
    constraint = sql.SQL("") if used else sql.SQL("constraint {}").format(sql.Identifier(key))
    length = sql.Literal(max(32, *map(len, revisions), 0))  # 32: Alembic's
    connection.execute(sql.SQL(CREATE).format(table=table, constraint=constraint, length=length))
    connection.execute(sql.SQL("delete from {}").format(table))
    for revision in revisions:
        connection.execute(sql.SQL("insert into {} values (%s)").format(table), [revision])
