"""Reading and writing all rows of tables whose row security is forced for the owner as well."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

FORCED: LiteralString = """
select name from unnest(%s::text[]) as name join pg_class c on c.oid = to_regclass(name) where c.relforcerowsecurity
"""


@contextmanager
def row_security_not_forced(connection: psycopg.Connection[Any], tables: Iterable[str]) -> Iterator[None]:
    """Do not force row security in the current transaction while the block runs, which the owner of a table may do.

    The tables that have these names after the block get it again (manual, ALTER TABLE, FORCE ROW LEVEL SECURITY).
    """
    forced = [row[0] for row in connection.execute(FORCED, [sorted(set(tables))])]
    for table in forced:
        connection.execute(f"alter table {table} no force row level security".encode())
    yield
    for table in forced:
        connection.execute(f"alter table {table} force row level security".encode())
