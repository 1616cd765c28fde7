"""The relations that already exist in a database that is to store Dagster's instance data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

RELATION_NAMES = """
select coalesce(array_agg(c.relname::text order by c.relname), '{}')
from pg_catalog.pg_class c
where c.relnamespace = to_regnamespace(quote_ident(coalesce(current_schema(), 'public')))
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
DAGSTER_STORAGE_TABLES = frozenset({"runs", "event_logs", "secondary_indexes"})
"""Tables that Dagster's PostgreSQL storage always has."""
DAGSTER_RUN_TABLES = frozenset({"kvs", "run_tags", "runs", "snapshots"})
"""Tables that Dagster's PostgreSQL storage creates first, in one transaction."""
DAGSTER_TABLES = DAGSTER_RUN_TABLES | {
    "alembic_version",
    "asset_check_executions",
    "asset_daemon_asset_evaluations",
    "asset_event_tags",
    "asset_keys",
    "backfill_tags",
    "bulk_actions",
    "concurrency_limits",
    "concurrency_slots",
    "daemon_heartbeats",
    "dynamic_partitions",
    "event_logs",
    "instance_info",
    "instigators",
    "job_ticks",
    "jobs",
    "pending_steps",
    "secondary_indexes",
}
"""All tables that Dagster's PostgreSQL storage creates."""


def has_all_dagster_tables(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a database contains all tables of Dagster's storage."""
    return set(read_relation_names(connection)) >= DAGSTER_TABLES


def are_dagster_tables(names: Iterable[str]) -> bool:
    """Return whether relations are Dagster's: all of its tables and others, or those that it has created until now.

    While Dagster creates its tables, another process can read a part of them.
    """
    found = set(names)
    return found >= DAGSTER_STORAGE_TABLES or (found >= DAGSTER_RUN_TABLES and found <= DAGSTER_TABLES)


def read_relation_names(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Return the names of the relations in the schema in which Dagster would create its tables."""
    row = connection.execute(RELATION_NAMES).fetchone()
    assert row is not None
    return tuple(row[0])
