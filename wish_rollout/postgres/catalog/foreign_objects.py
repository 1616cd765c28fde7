"""The relations that already exist in a database that is to store Dagster's instance data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

RELATION_NAMES = """
select coalesce(array_agg(c.relname::text order by c.relname), '{}')
from pg_catalog.pg_class c
where c.relnamespace = to_regnamespace(quote_ident(coalesce(current_schema(), 'public')))
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
DAGSTER_STORAGE_TABLES = frozenset({"runs", "event_logs", "secondary_indexes"})
"""Tables that Dagster's PostgreSQL storage always has."""


def read_relation_names(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Return the names of the relations in the schema in which Dagster would create its tables."""
    row = connection.execute(RELATION_NAMES).fetchone()
    assert row is not None
    return tuple(row[0])
