"""The environment that a database's ledger names."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from wish_rollout.postgres.records import ledger

if TYPE_CHECKING:
    from wish_rollout.postgres.records.ledger import Connection

LAST_PLACE: LiteralString = """
select detail operator(pg_catalog.->>) 'environment', detail operator(pg_catalog.->>) 'database' from wish_rollout.ledger
where coalesce(detail operator(pg_catalog.->>) 'version_table', %s) operator(pg_catalog.=) %s order by seq desc limit 1
"""


def last_place(connection: Connection, version_table: str) -> tuple[str, str]:
    """Return the environment and the permanent identity of the database in a project's last row; empty without one."""
    if not ledger.exists(connection):
        return "", ""
    row = connection.execute(LAST_PLACE, [version_table, version_table]).fetchone()
    return (str(row[0] or ""), str(row[1] or "")) if row else ("", "")
