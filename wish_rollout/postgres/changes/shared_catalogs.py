"""Reads which cluster-wide catalogs the current transaction has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

CHANGED: LiteralString = """
select distinct c.relname::text
from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid() and l.database = 0 and l.granted
  and c.relisshared and c.relkind = 'r' and c.relname not in ('pg_shdepend', 'pg_subscription')
  and l.mode not in ('AccessShareLock', 'RowShareLock')
order by 1
"""
SUBJECTS = {
    "pg_authid": "roles",
    "pg_auth_members": "role memberships",
    "pg_database": "databases",
    "pg_db_role_setting": "settings of roles or databases",
    "pg_parameter_acl": "privileges on settings",
    "pg_replication_origin": "replication origins",
    "pg_shdescription": "comments on roles, databases or tablespaces",
    "pg_shseclabel": "security labels of roles, databases or tablespaces",
    "pg_tablespace": "tablespaces",
}


def changed_shared_catalogs(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what the current transaction has changed in the cluster-wide catalogs, in words.

    A command that changes one of them keeps its lock on the catalog until the transaction ends, also where the role
    may not read the catalog (PostgreSQL manual, 53.12, ``pg_locks``; the sources of ALTER ROLE and GRANT).
    """
    return [SUBJECTS.get(row[0], row[0]) for row in connection.execute(CHANGED)]
