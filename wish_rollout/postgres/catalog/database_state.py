"""What a session can do, where Alembic says that the database is, and its schema, all at one moment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from wish_rollout.core.plan.database_state import ServerFacts, DatabaseState
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.schema.scope import Scope

FACTS = """
select current_setting('server_version_num')::int,
       current_setting('server_version'),
       current_database(),
       current_user::text,
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only')::bool,
       has_database_privilege(current_database(), 'CREATE'),
       coalesce((select array_agg(quote_ident(nspname) order by nspname) from pg_namespace
                 where nspname !~ '^pg_' and nspname <> 'information_schema'
                   and has_schema_privilege(oid, 'CREATE')), '{}'),
       to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null,
       l.oid is not null,
       case when l.oid is not null
            then has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(l.oid, 'SELECT')
                 and has_table_privilege(l.oid, 'INSERT')
            when n.oid is not null then has_schema_privilege(n.oid, 'CREATE')
            else has_database_privilege(current_database(), 'CREATE') end,
       (select pg_postmaster_start_time() || ' ' || oid from pg_database where datname = current_database())
from (select) as one
left join pg_namespace n on n.nspname = 'wish_rollout'
left join pg_class l on l.relnamespace = n.oid and l.relname = 'ledger'
"""


def look(connection: psycopg.Connection[Any], scope: Scope) -> DatabaseState:
    """Read facts and schema in one snapshot: the caller's transaction, else a read-only one of our own."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return DatabaseState(read_facts(connection, scope.version_table), read_snapshot(connection, scope))
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return DatabaseState(read_facts(connection, scope.version_table), read_snapshot(connection, scope))


def read_facts(connection: psycopg.Connection[Any], version_table: str) -> ServerFacts:
    """Read what this session's server, role and database allow, and the revisions of ``version_table``."""
    row = connection.execute(FACTS, version_table.split(".")).fetchone()
    assert row is not None
    revisions = read_revisions(connection, version_table) if row[8] else ()
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
    )


def read_cluster(connection: psycopg.Connection[Any]) -> str:
    """Read the system identifier, which initdb made and replicas share (manual, 9.27.9, ``pg_control_system``).

    Empty where it is not told: its right may be revoked, and what only speaks as PostgreSQL does may have none.
    """
    with suppress(psycopg.Error), connection.transaction():
        row = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
        return str(row[0]) if row else ""
    return ""


def read_revisions(connection: psycopg.Connection[Any], version_table: str) -> tuple[str, ...]:
    """Read Alembic's version table, which holds one row a head."""
    table = sql.Identifier(*version_table.split("."))
    query = sql.SQL("select version_num from {} order by 1").format(table)
    return tuple(row[0] for row in connection.execute(query))


MANY_TABLES = 50
"""Up to so many tables are counted row by row; beyond that the planner's estimate serves."""

ESTIMATES = """
select t, case when has_table_privilege(to_regclass(t), 'SELECT') then c.reltuples::bigint end
from unnest(%s::text[]) as t join pg_class c on c.oid = to_regclass(t)
where not c.relispartition
"""


def count_rows(
    connection: psycopg.Connection[Any], tables: Sequence[str], at_most: int = 100_000
) -> dict[str, int | None]:
    """Count the rows of each table, to ``at_most``; names are as a snapshot has them.

    Beyond MANY_TABLES, ``pg_class.reltuples`` is read instead, which costs nothing (-1: never analyzed).
    None: this role may not read the table. A partition's rows are its parent's.
    """
    counts: dict[str, int | None] = {row[0]: row[1] for row in connection.execute(ESTIMATES, [list(tables)])}
    if len(counts) > MANY_TABLES:
        return counts
    for table, estimate in counts.items():
        if estimate is not None:
            counts[table] = count(connection, table, at_most)
    return counts


def count(
    connection: psycopg.Connection[Any], table: str, at_most: int | None = None, column: str = ""
) -> int:
    """Count a table's rows, partitions and children included, to ``at_most``; with ``column``, those not null there.

    Names come from quote_ident() already, so they are SQL.
    """
    # "is not null" is false for a composite value with one null in it (manual, 9.2)
    condition = f" where num_nonnulls({column}) > 0" if column else ""
    bound = f" limit {at_most:d}" if at_most is not None else ""
    query = f"select count(*) from (select from {table}{condition}{bound}) as r"  # noqa: S608
    row = connection.execute(sql.SQL(query)).fetchone()
    return int(row[0]) if row else 0
