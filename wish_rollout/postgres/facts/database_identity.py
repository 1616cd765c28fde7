"""The identity of a database, whatever its address is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.facts.database_state import read_cluster

if TYPE_CHECKING:
    import psycopg

INSTANCE = """
select extract(epoch from pg_postmaster_start_time()) || ' ' || oid, oid::text
from pg_database where datname = current_database()
"""
"""A number and not a text of the time, which would depend on the session's time zone."""


def read_instance(connection: psycopg.Connection[Any]) -> str:
    """Return ``instance`` as ``ServerFacts`` has it."""
    row = connection.execute(INSTANCE).fetchone()
    return str(row[0]) if row else ""


def read_identity(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """Return ``instance`` and ``permanent_identity`` as ``ServerFacts`` has them."""
    row = connection.execute(INSTANCE).fetchone()
    instance, oid = row or ("", "")
    return str(instance), f"{oid} of cluster {read_cluster(connection) or 'unknown'}"
