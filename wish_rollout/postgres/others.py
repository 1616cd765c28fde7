"""What else a database holds that is about to be Dagster's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

HELD = """
select coalesce(array_agg(c.relname::text order by c.relname), '{}'),
       (select pg_postmaster_start_time() || ' ' || oid from pg_database where datname = current_database())
from pg_catalog.pg_class c
where c.relnamespace = to_regnamespace(quote_ident(coalesce(current_schema(), 'public')))
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
DAGSTERS = frozenset({"runs", "event_logs", "secondary_indexes"})
"""Tables that Dagster's storage always has."""


def held(connection: psycopg.Connection[Any]) -> tuple[tuple[str, ...], str]:
    """Name the tables in the schema that Dagster would make its own in, and say which database it is.

    The latter as ``ServerFacts.instance``.
    """
    row = connection.execute(HELD).fetchone()
    assert row is not None
    return tuple(row[0]), row[1]
