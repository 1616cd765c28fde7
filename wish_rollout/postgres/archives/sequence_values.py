"""The last values of sequences: read before a rollback drops them, and set again when rows are restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

OF_TABLES: LiteralString = """
select distinct s.oid::regclass::text from unnest(%s::text[]) as name
join pg_depend d on d.refobjid = to_regclass(name) and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
join pg_class s on s.oid = d.objid and s.relkind = 'S'
union select to_regclass(name)::text from unnest(%s::text[]) as name where to_regclass(name) is not null
"""
BEHIND: LiteralString = """
select s.oid::regclass::text, quote_ident(a.attname), q.seqincrement > 0
from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_sequence q on q.seqrelid = s.oid
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.refobjid = %s::regclass and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
"""
IS_SEQUENCE: LiteralString = """
select seqincrement > 0 from pg_sequence where seqrelid = to_regclass(%s)
"""


def read_sequence_values(
    connection: psycopg.Connection[Any], tables: Iterable[str], sequences: Iterable[str]
) -> dict[str, int]:
    """Return the last value of sequences that were used: those of some tables' columns, and some others."""
    values: dict[str, int] = {}
    for (name,) in connection.execute(OF_TABLES, [sorted(tables), sorted(sequences)]).fetchall():
        row = connection.execute(f"select last_value, is_called from {name}".encode()).fetchone()
        if row and row[1]:
            values[name] = row[0]
    return values


def advance_sequences(connection: psycopg.Connection[Any], values: Mapping[str, int]) -> None:
    """Set each sequence that exists to the value, unless it is behind that value already."""
    for name, value in values.items():
        if row := connection.execute(IS_SEQUENCE, [name]).fetchone():
            _advance(connection, name, f"{value}", upwards=row[0])


def advance_past_rows(connection: psycopg.Connection[Any], table: str) -> None:
    """Set the sequences of a table's identity and serial columns behind the highest value in the column."""
    for name, column, upwards in connection.execute(BEHIND, [table]).fetchall():
        best = "max" if upwards else "min"
        _advance(connection, name, f"(select {best}({column}) from {table})", upwards=upwards)


def _advance(connection: psycopg.Connection[Any], name: str, value: str, *, upwards: bool) -> None:
    """Set a sequence to a value that follows its last one. ``value``: an expression; nothing happens if it is null."""
    sign = ">" if upwards else "<"
    query = (
        f"select setval('{name.replace(chr(39), chr(39) * 2)}'::regclass, v.value) "
        f"from (select {value} as value) as v, {name} as s where v.value {sign} s.last_value or not s.is_called"
    )
    connection.execute(query.encode())
