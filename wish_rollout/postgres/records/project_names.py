"""The projects of a Dagster instance by their names, in the key-value table of Dagster's storage.

Dagster creates the table ``kvs`` for the cursors of its daemons; keys of other programs are allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

HAS_TABLE = "select to_regclass('kvs') is not null"
READ = "select value from kvs where key = %s"
REGISTER = "insert into kvs (key, value) values (%s, %s) on conflict (key) do nothing"
REPLACE = (
    "insert into kvs (key, value) values (%s, %s) on conflict (key) do update set value = excluded.value"
)


def read_registered_project(connection: psycopg.Connection[Any], name: str) -> str:
    """Return the identity of the project that uses a name, or "" if none does or Dagster has no tables yet."""
    table = connection.execute(HAS_TABLE).fetchone()
    if not (table and table[0]):
        return ""
    row = connection.execute(READ, [_key(name)]).fetchone()
    return str(row[0]) if row else ""


def register_project(
    connection: psycopg.Connection[Any], name: str, identity: str, *, replace: bool = False
) -> None:
    """Register the project that uses a name, unless one is registered. ``replace``: in any case."""
    connection.execute(REPLACE if replace else REGISTER, [_key(name), identity])


def _key(name: str) -> str:
    return f"wish_rollout/project/{name}"
