"""Reads how many rows were ever written in a database, from the statistics that the server collects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.facts.database_identity import INSTANCE_COLUMN, OF_DATABASE

if TYPE_CHECKING:
    import psycopg

FIRST_VERSION = 15
"""Before 15, the statistics are files that the server writes and reads, which takes longer than reading the catalog."""
COUNTED = ("inserted", "updated", "deleted")
SHARED = (1260, 1213, 6100)
"""OIDs of pg_authid, pg_tablespace and pg_subscription: the catalogs of a state token that all databases of a server share."""
COUNTERS = f"""
select {INSTANCE_COLUMN},
       pg_catalog.concat_ws('.', current_user, pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),
           {", ".join(f"pg_catalog.pg_stat_get_db_tuples_{name}(d.oid)" for name in COUNTED)},
           {", ".join(f"pg_catalog.pg_stat_get_tuples_{name}({oid})" for oid in SHARED for name in COUNTED)}),
       pg_catalog.current_setting('track_counts') operator(pg_catalog.=) 'on' and not pg_catalog.pg_is_in_recovery()
{OF_DATABASE}
"""


def read_write_counters(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """Return ``instance`` as ServerFacts has it, and counters of the rows that were written, by the role that reads.

    Equal counters mean that nothing was written between the two readings, except what the server has not counted yet: a session
    adds its counts up to a minute after its transaction. The catalogs are counted too. "" if the server does not count:
    without track_counts, on a standby, and before 15. Manual, "The Cumulative Statistics System". Raises psycopg's errors.
    """
    if connection.info.server_version // 10000 < FIRST_VERSION:
        return "", ""
    row = connection.execute(COUNTERS.encode()).fetchone()
    return (str(row[0]), str(row[1])) if row and row[2] else ("", "")
