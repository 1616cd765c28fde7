"""Reads the state of a database: facts about server and role, Alembic's revisions, and the schema."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from wish_rollout.core.environment.baseline import Baseline
from wish_rollout.core.plan.database_state import DatabaseState, ServerFacts
from wish_rollout.postgres.catalog.snapshot_reader import read_catalog, snapshot_of
from wish_rollout.postgres.facts.received_tables import read_received_records
from wish_rollout.postgres.facts.version_table_checks import refuse_unusable_version_table

if TYPE_CHECKING:
    from wish_rollout.core.schema.scope import Scope

SETTINGS = [
    name
    for line in (
        "session_replication_role row_security event_triggers restrict_nonsystem_relation_kind",
        "standard_conforming_strings backslash_quote transform_null_equals array_nulls xmloption DateStyle",
        "IntervalStyle TimeZone timezone_abbreviations lc_monetary lc_numeric lc_time bytea_output",
        "extra_float_digits default_text_search_config password_encryption default_table_access_method",
        "default_tablespace default_toast_compression check_function_bodies default_transaction_isolation",
        "createrole_self_grant allow_system_table_mods session_preload_libraries local_preload_libraries",
    )
    for name in line.split()
]
"""Settings that change what a statement does (manual, 20.11 Client Connection Defaults, 20.13 Version and Platform
Compatibility), except search_path, which this program sets. ``reset_val``: the value of a new session. Those of PL/pgSQL
are not in pg_settings before its first use in a session, so they are read by themselves."""

FACTS = """
select current_setting('server_version_num')::int,
       current_setting('server_version'),
       current_database(),
       current_user::text,
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only')::bool,
       has_database_privilege(current_database(), 'CREATE')
         or exists (select from pg_roles r where pg_has_role(r.oid, 'MEMBER')
                      and has_database_privilege(r.oid, current_database(), 'CREATE')),
       coalesce((select array_agg(quote_ident(nspname) order by nspname) from pg_namespace
                 where nspname !~ '^pg_' and nspname <> 'information_schema'
                   and (has_schema_privilege(oid, 'CREATE')
                        or exists (select from pg_roles r where pg_has_role(r.oid, 'MEMBER')
                                     and has_schema_privilege(r.oid, pg_namespace.oid, 'CREATE')))), '{}'),
       (select c.relkind::text || (select count(*) from pg_attribute a
                                   where a.attrelid = c.oid and a.attname = 'version_num' and a.attnum > 0)
               || case when row_security_active(c.oid) then 'h'
                       when not has_table_privilege(c.oid, 'SELECT') then 's' else '' end
        from pg_class c where c.oid = v.oid),
       l.oid is not null,
       case when l.oid is not null
            then has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(l.oid, 'SELECT')
                 and has_table_privilege(l.oid, 'INSERT')
            when n.oid is not null then has_schema_privilege(n.oid, 'CREATE')
            else has_database_privilege(current_database(), 'CREATE') end,
       (select extract(epoch from pg_postmaster_start_time()) || ' ' || oid
        from pg_database where datname = current_database()),
       pg_backend_pid(),
       (select jsonb_object_agg(name, reset_val) from pg_settings where name = any(%s)) || jsonb_build_object(
           'plpgsql.variable_conflict',
           coalesce(nullif(current_setting('plpgsql.variable_conflict', true), ''), 'error'),
           'plpgsql.check_asserts', coalesce(nullif(current_setting('plpgsql.check_asserts', true), ''), 'on')),
       (select v.oid is null or has_table_privilege(v.oid, 'INSERT') and has_table_privilege(v.oid, 'UPDATE')
                                and has_table_privilege(v.oid, 'DELETE')),
       coalesce((select atttypmod - 4 from pg_attribute  -- the length plus 4
                 where attrelid = v.oid and attname = 'version_num' and atttypmod > 4
                   and atttypid in ('varchar'::regtype, 'bpchar'::regtype)), 0),
       exists (select from pg_publication),
       exists (select from pg_subscription)
from (select to_regclass(format('%%I.%%I', schema, name)) as oid, schema, name
      from (values (%s::text, %s::text)) as n (schema, name)) as v
left join pg_namespace n on n.nspname = 'wish_rollout'
left join pg_class l on l.relnamespace = n.oid and l.relname = 'ledger'
"""
UNIDENTIFIED = """
select case when exists (select from pg_class where oid = v.oid and relreplident in ('d', 'n')
                         and (relreplident = 'n' or not exists (select from pg_index where indrelid = v.oid and indisprimary)))
            then (select min(quote_ident(p.pubname))
                  from pg_publication p join pg_publication_tables t using (pubname)
                  where (p.pubupdate or p.pubdelete) and (t.schemaname, t.tablename) = (v.schema, v.name)) end
from (select to_regclass(format('%%I.%%I', schema, name)) as oid, schema, name
      from (values (%s::text, %s::text)) as n (schema, name)) as v
"""
"""A query of its own: to plan the view takes longer than all other facts, and few databases have publications."""


def read_database_state(
    connection: psycopg.Connection[Any], scope: Scope, *, to_change: bool = False
) -> DatabaseState:
    """Return facts and schema as of one snapshot: in the current transaction, or else in a new read-only one.

    ``to_change``: keep ``reading``, because the database is about to be changed. Raises psycopg's errors.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return _read_state(connection, scope, to_change)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return _read_state(connection, scope, to_change)


def _read_state(connection: psycopg.Connection[Any], scope: Scope, to_change: bool) -> DatabaseState:
    facts = read_facts(connection, scope.version_table)
    baseline = read_baseline(connection, scope.version_table) if facts.ledger else None
    reading = read_catalog(connection, scope)
    return DatabaseState(facts, snapshot_of(reading), baseline, reading if to_change else None)


BASELINE = """
select detail->'baseline' from wish_rollout.ledger
where detail->'baseline'->>'version_table' = %s order by seq desc limit 1
"""
MAY_READ_LEDGER = """
select has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(l.oid, 'SELECT')
from pg_class l join pg_namespace n on n.oid = l.relnamespace
where n.nspname = 'wish_rollout' and l.relname = 'ledger'
"""


def read_baseline(connection: psycopg.Connection[Any], version_table: str) -> Baseline | None:
    """Return the baseline that the ledger records last; None if there is none or the role may not read the ledger.

    ``version_table``: of the project, because several projects can have objects in one database.
    Raises InvalidSnapshotFile if the row does not contain a baseline.
    """
    allowed = connection.execute(MAY_READ_LEDGER).fetchone()
    row = connection.execute(BASELINE, [version_table]).fetchone() if allowed and allowed[0] else None
    return Baseline.from_dict(row[0]) if row else None


def read_facts(connection: psycopg.Connection[Any], version_table: str) -> ServerFacts:
    """Return facts about the server, the database and the privileges of the role.

    ``version_table``: Alembic's version table as ``schema.table``, from which the revisions are read. Raises
    VersionTableInvalid if this name is not that of a table with the column ``version_num``, VersionRowsHidden if
    row-level security can hide its rows, and VersionTablePrivilegeMissing if the role may not read it.
    """
    names = version_table.split(".")
    row = connection.execute(FACTS, [SETTINGS, *names]).fetchone()
    assert row is not None
    refuse_unusable_version_table(version_table, row[2], row[3], row[8])
    revisions = read_revisions(connection, version_table) if row[8] else ()
    unidentified = connection.execute(UNIDENTIFIED, names).fetchone() if row[16] else None
    return ServerFacts(
        version_num=row[0],
        version=str(row[1]).split(" ", maxsplit=1)[0],
        database=row[2],
        role=row[3],
        in_recovery=row[4],
        read_only=row[5],
        creates_in_database=row[6],
        creates_in_schemas=tuple(row[7]),
        revisions=revisions,
        ledger=row[9],
        writes_ledger=row[10],
        instance=row[11],
        cluster=read_cluster(connection),
        pooled=row[12] != connection.info.backend_pid,
        settings=row[13] or {},
        writes_version_table=row[14],
        version_length=row[15],
        unidentified_in=(unidentified and unidentified[0]) or "",
        received=read_received_records(connection, version_table) if row[17] else None,
    )


def read_cluster(connection: psycopg.Connection[Any]) -> str:
    """Return the system identifier of the cluster (manual, 9.27.9, ``pg_control_system()``); replicas share it.

    Empty if it cannot be read: the privilege can be revoked, and some PostgreSQL-compatible servers have none.
    """
    with suppress(psycopg.Error), connection.transaction():
        row = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
        return str(row[0]) if row else ""
    return ""


def read_revisions(connection: psycopg.Connection[Any], version_table: str) -> tuple[str, ...]:
    """Return the rows of Alembic's version table: one revision for each head; "" for a row that is NULL."""
    table = sql.Identifier(*version_table.split("."))
    query = sql.SQL("select coalesce(version_num, '') from {} order by 1").format(table)
    return tuple(row[0] for row in connection.execute(query))
