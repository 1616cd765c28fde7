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


def version_table_statements(version_table: str, revisions: Sequence[str]) -> list[str]:
    """Return the statements that create the version table in a new database, with these rows.

    ``version_table``: its name as ``schema.table``. ``revisions``: one for each head.
    """
    schema, name = version_table.split(".")
    table = sql.Identifier(schema, name)
    constraint = sql.SQL("constraint {}").format(sql.Identifier(f"{name}_pkc"))
    insert = sql.SQL("insert into {table} values ({row})")
    return [
        sql.SQL(CREATE).format(table=table, constraint=constraint, length=_length(revisions)).as_string(None),
        *(insert.format(table=table, row=sql.Literal(each)).as_string(None) for each in revisions),
    ]


def _length(revisions: Sequence[str]) -> sql.Literal:
    return sql.Literal(max(32, *map(len, revisions), 0))  # 32: Alembic's


def set_revisions(connection: psycopg.Connection[Any], version_table: str, revisions: Sequence[str]) -> None:
    """Replace the rows of the version table in the current transaction; create the table as Alembic does.

    ``version_table``: its name as ``schema.table``. ``revisions``: one for each head; none for base.
    """
    schema, name = version_table.split(".")
    table = sql.Identifier(schema, name)
    key = f"{name}_pkc"
    used = connection.execute(NAME_IS_USED, [schema, key]).fetchall()[0][0]  # by a table that was renamed
    constraint = sql.SQL("") if used else sql.SQL("constraint {}").format(sql.Identifier(key))
    created = sql.SQL(CREATE).format(table=table, constraint=constraint, length=_length(revisions))
    connection.execute(created)
    connection.execute(sql.SQL("delete from {}").format(table))
    for revision in revisions:
        connection.execute(sql.SQL("insert into {} values (%s)").format(table), [revision])
