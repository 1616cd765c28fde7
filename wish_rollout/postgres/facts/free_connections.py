"""How many more sessions a server accepts from the role of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

FREE = """
select extract(epoch from pg_postmaster_start_time())::text,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) - used.all_roles + 1,
       case when role.rolconnlimit >= 0 and not role.rolsuper then role.rolconnlimit - used.own_role + 1 end
from pg_roles role,
     (select count(*)::int as all_roles, count(*) filter (where usename = session_user)::int as own_role
      from pg_stat_activity where datid is not null and usesysid is not null) used
where role.rolname = session_user
"""
"""Sessions of others are visible to every role in pg_stat_activity, with the role and without their queries (manual, 27.2).
Processes that are no session of a client have no role or no database. The limits: manual, 19.3.1 max_connections,
superuser_reserved_connections and reserved_connections, which exists since 16; CREATE ROLE, CONNECTION LIMIT, which does
not hold for superusers. The own session counts as free: it is closed before others are opened."""


@dataclass(frozen=True, slots=True)
class FreeConnections:
    """The number of sessions that a server accepts. ``server``: identifies the running server, whatever its address is."""

    server: str
    count: int


def read_free_connections(connection: psycopg.Connection[Any]) -> FreeConnections:
    """Return how many sessions the server accepts from the role of a session, which is not counted. Raises psycopg's errors."""
    row = connection.execute(FREE).fetchone()
    assert row is not None
    return FreeConnections(row[0], max(min(count for count in row[1:] if count is not None), 0))
