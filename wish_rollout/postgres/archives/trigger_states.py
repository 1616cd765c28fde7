"""Disabling a table's triggers while rows are restored.

``session_replication_role`` would need rights of its own, and disable foreign keys as well. The owner of a table may
disable its triggers one by one, and foreign keys stay in force (manual, ALTER TABLE, DISABLE TRIGGER).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

ENABLED: LiteralString = """
select format('alter table %%s disable trigger %%I', t.tgrelid::regclass, t.tgname),
       format('alter table %%s enable %%s trigger %%I', t.tgrelid::regclass,
              case t.tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, t.tgname)
from pg_trigger t where not t.tgisinternal and t.tgenabled <> 'D' and t.tgrelid in (
    select %(table)s::regclass union select relid from pg_partition_tree(%(table)s::regclass)
) and t.tgparentid = 0
"""


@contextmanager
def triggers_disabled(connection: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Disable the enabled triggers of a table in the current transaction, and give each its state back after the block."""
    statements = connection.execute(ENABLED, {"table": table}).fetchall()
    for disable, _ in statements:
        connection.execute(disable.encode())
    yield
    for _, enable in statements:
        connection.execute(enable.encode())
