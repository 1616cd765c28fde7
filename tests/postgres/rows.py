"""A row in every table, and whether its values are still there."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from wish_rollout.core.remedy.statements import Remedy

Rows = dict[str, dict[str, tuple[str, list[str | None]]]]
"""Table → column → type and values as text."""

_VALUES = {
    "integer": ("1", "2", "5", "15", "150"),
    "bigint": ("1", "2", "5"),
    "smallint": ("1", "2"),
    "numeric": ("1.25", "2"),
    "text": ("x", "a", "1", "2020-01-02"),
    "boolean": ("true", "false"),
    "date": ("2020-01-02",),
    "jsonb": ('{"a": 1}',),
    "json": ('{"a": 1}',),
    "uuid": ("00000000-0000-0000-0000-000000000001",),
    "bytea": ("\\x01",),
    "double precision": ("1.5",),
    "real": ("1.5",),
    "inet": ("10.0.0.1",),
    "tsvector": ("a b",),
    "point": ("(1,2)",),
    "xml": ("<a/>",),
    "money": ("1.50",),
}
_OTHERS = ("1", "x", "2020-01-02", "a", "[1,2)", "{1}", "{x}", "(1)", "(1,x)", "(1,1)", "{}", "(,)")


def fill(connection: psycopg.Connection) -> None:
    """Put a row into every table that takes one, without triggers and foreign keys."""
    connection.execute("SET LOCAL session_replication_role = replica")
    tables = connection.execute(
        "SELECT c.oid, c.oid::regclass::text FROM pg_class c"
        " WHERE c.relkind IN ('r') AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_'"
        " OR nspname = 'information_schema') AND c.oid >= 16384 ORDER BY c.oid::regclass::text"
    ).fetchall()
    for oid, name in tables:
        columns = connection.execute(
            "SELECT quote_ident(attname), format_type(atttypid, NULL), format_type(atttypid, atttypmod)"
            " FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
            " ORDER BY attnum",
            [oid],
        ).fetchall()
        _insert(connection, name, columns)
    connection.execute("SET LOCAL session_replication_role = origin")


def _insert(connection: psycopg.Connection, table: str, columns: list[tuple[str, str, str]]) -> None:
    names = ", ".join(name for name, _, _ in columns)
    choices = [[(value, full) for value in _fitting(connection, plain, full)] for _, plain, full in columns]
    for values in itertools.islice(itertools.product(*choices), 24):
        texts = ", ".join("NULL" if value is None else f"'{value}'::{kind}" for value, kind in values)
        connection.execute("SAVEPOINT fill")
        try:
            connection.execute(
                f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({texts})".encode()
                if columns
                else f"INSERT INTO {table} DEFAULT VALUES".encode()
            )
        except psycopg.Error:
            connection.execute("ROLLBACK TO fill")
        else:
            connection.execute("RELEASE fill")
            return
        connection.execute("RELEASE fill")


def _fitting(connection: psycopg.Connection, plain: str, full: str) -> list[str | None]:
    """Give the values that a type takes; NULL for one that takes none of them."""
    if plain in _VALUES:
        return list(_VALUES[plain])
    labels = connection.execute(
        "SELECT enumlabel FROM pg_enum WHERE enumtypid = to_regtype(%s) ORDER BY enumsortorder LIMIT 2",
        [plain],
    ).fetchall()
    found: list[str | None] = [label for (label,) in labels]
    for value in _OTHERS if not found else ():
        connection.execute("SAVEPOINT fitting")
        try:
            connection.execute(f"SELECT '{value}'::{full}".encode())
            found.append(value)
        except psycopg.Error:
            connection.execute("ROLLBACK TO fitting")
        connection.execute("RELEASE fitting")
        if len(found) > 1:
            break
    return found or [None]


def read_rows(connection: psycopg.Connection) -> Rows:
    """Read all values of all tables, as text."""
    found: Rows = {}
    columns = connection.execute(
        "SELECT c.oid::regclass::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind = 'r' AND a.attgenerated = '' AND c.oid >= 16384"
        " AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_')"
    ).fetchall()
    for table, column, kind in columns:
        values = connection.execute(
            f"SELECT {column}::text FROM ONLY {table} ORDER BY ctid".encode()
        ).fetchall()
        full_name = table if "." in table else f"public.{table}"
        found.setdefault(full_name, {})[column] = (kind, [value for (value,) in values])
    return found


_RENAMED = re.compile(r"ALTER \w+ (\S+) RENAME (?:COLUMN|ATTRIBUTE) (\S+) TO (\S+)")


def _loosely(value: str | None) -> str | None:
    """Return a value as text, without the zeros of a fraction and without empty attributes at the end of a row."""
    if value is None:
        return None
    return re.sub(r"(\.\d*?)0+$", r"\1", value).rstrip('.,)}"')


def lost_values(before: Rows, after: Rows, found: Remedy) -> list[str]:
    """Name the values that are gone although no statement is marked as losing them."""
    marked = "\n".join(f"{each.name} {each.sql} {each.also}" for each in found.statements if each.loses_data)
    renamed = {match[2]: match[3] for each in found.statements if (match := _RENAMED.match(each.sql))}
    lost = []
    for table, columns in before.items():
        for column, (kind, values) in columns.items():
            columns_now = after.get(table, {})
            now = columns_now.get(column, columns_now.get(renamed.get(column, column)))
            if now is None:
                gone = any(value is not None for value in values)
            elif now[0] == kind:
                gone = [_loosely(value) for value in now[1]] != [_loosely(value) for value in values]
            else:
                gone = [value is None for value in values] != [value is None for value in now[1]]
            if gone and not (table in marked or kind.removesuffix("[]") in marked):
                lost.append(f"{table}.{column} ({kind}): {values} → {now}")
    return lost
