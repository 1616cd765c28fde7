"""The identity of a database, whatever its address is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.facts.database_state import read_cluster

if TYPE_CHECKING:
    import psycopg

INSTANCE_COLUMN = "pg_catalog.concat(extract(epoch from pg_catalog.pg_postmaster_start_time()), ' ', d.oid)"
"""A number and not a text of the time, which would depend on the session's time zone."""
OF_DATABASE = (
    "from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database()"
)
INSTANCE = f"select {INSTANCE_COLUMN}, d.oid::text {OF_DATABASE}"


def read_instance(connection: psycopg.Connection[Any]) -> str:
    """Return ``instance`` as ``ServerFacts`` has it."""
    row = connection.execute(INSTANCE.encode()).fetchone()
    return str(row[0]) if row else ""


def read_identity(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """Return ``instance`` and ``permanent_identity`` as ``ServerFacts`` has them."""
    row = connection.execute(INSTANCE.encode()).fetchone()
    instance, oid = row or ("", "")
    return str(instance), f"{oid} of cluster {read_cluster(connection) or 'unknown'}"
