"""Reads a token that changes whenever anything in a database changes on which the verdict on it depends."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.postgres.changes.change_token import change_token
from wish_rollout.postgres.facts.database_identity import read_instance
from wish_rollout.postgres.sessions.read_transaction import lock_timeout_transaction

if TYPE_CHECKING:
    import psycopg

READABLE = """
select current_user::text, n.nspname, c.relname, a.attname
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid
where (n.nspname, c.relname, a.attname) in ((%s, %s, 'version_num'), ('wish_rollout', 'ledger', 'seq'))
  and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT')
order by 1, 2
"""
"""The columns that say which revision a database has, and which acts its ledger contains, of those that exist."""
VALUES = "select pg_catalog.string_agg({column}::text, ',' order by {column} desc) from {table}"
LAST_VALUE = "select pg_catalog.max({column})::text from {table}"


def read_state_token(connection: psycopg.Connection[Any], version_table: str) -> tuple[str, str]:
    """Return a token of the state of a database, and ``instance`` as ServerFacts has it.

    Two equal tokens mean that it is the same database of a server that was not restarted since, read by the same role, and
    that its schema, its revisions and the acts in its ledger are the same. A restarted server may be a restored copy, in
    which other changes have the same transaction IDs. ``version_table``: as ``schema.table``. The session must be in
    autocommit mode. Raises psycopg's errors.
    """
    with lock_timeout_transaction(connection):
        columns = connection.execute(READABLE, version_table.split(".")).fetchall()
        values = [_value(connection, *column[1:]) for column in columns]
        instance = read_instance(connection)
        parts = [instance, change_token(connection), str(columns), *values]
        return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32], instance


def _value(connection: psycopg.Connection[Any], schema: str, table: str, column: str) -> str:
    template = LAST_VALUE if schema == "wish_rollout" else VALUES
    names = {"column": sql.Identifier(column), "table": sql.Identifier(schema, table)}
    row = connection.execute(sql.SQL(template).format(**names)).fetchone()
    return str(row[0] or "") if row else ""
