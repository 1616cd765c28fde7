"""What else a database holds that is about to be Dagster's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

HELD = """
select coalesce(array_agg(c.relname::text order by c.relname), '{}')
from pg_catalog.pg_class c
where c.relnamespace = to_regnamespace(quote_ident(coalesce(current_schema(), 'public')))
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
DAGSTER_STORAGE_TABLES = frozenset({"runs", "event_logs", "secondary_indexes"})
"""Tables that Dagster's storage always has."""


def held(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Name the tables in the schema that Dagster would make its own in."""
    row = connection.execute(HELD).fetchone()
    assert row is not None
    return tuple(row[0])
