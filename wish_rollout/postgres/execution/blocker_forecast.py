"""Finds the transactions that a migration would have to wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.core.schema.names import relation_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

SESSIONS = """
select a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'a session'), a.backend_type, a.state,
       extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.state_change))::float,
       a.query ~ '^autovacuum: .*to prevent wraparound',
       (select string_agg(distinct l.relation::regclass::text, ', ') from pg_locks l
         where l.pid = a.pid and l.granted and l.relation = any (%(tables)s::regclass[]::oid[])
           and l.database = a.datid)
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.datname = current_database()
  and (%(concurrent)s and a.backend_xmin is not null and a.backend_type is distinct from 'autovacuum worker'
         and not exists (select from pg_stat_progress_vacuum v where v.pid = a.pid)
       or exists (select from pg_locks l where l.pid = a.pid and l.granted and l.database = a.datid
                     and l.relation = any (%(tables)s::regclass[]::oid[])))
order by coalesce(a.xact_start, a.state_change)
"""
PREPARED = """
select p.gid, extract(epoch from clock_timestamp() - p.prepared)::float, held.tables
from pg_prepared_xacts p
join lateral (
    select string_agg(distinct l.relation::regclass::text, ', ') as tables
      from pg_locks own join pg_locks l using (virtualtransaction)
     where own.pid is null and own.locktype = 'transactionid' and own.transactionid = p.transaction
       and l.pid is null and l.relation = any (%(tables)s::regclass[]::oid[])) as held on true
where p.database = current_database() and held.tables is not null
order by p.prepared
"""
EXISTING = "select coalesce(array_agg(t), '{}') from unnest(%s::text[]) as t where to_regclass(t) is not null"


@dataclass(frozen=True, slots=True)
class BlockingTransaction:
    """A transaction that a migration would wait for.

    ``kind``: for example "a dump". ``owner``: its application name and pid, or the identifier of a prepared
    transaction. ``seconds``: how long it has been open. ``tables``: the tables that it has locked; empty if only its
    snapshot blocks. ``seconds`` is None for a session of another role without the privileges of pg_read_all_stats.
    """

    kind: str
    owner: str
    seconds: float | None
    tables: str

    def __str__(self) -> str:
        holds = f"holds {self.tables}" if self.tables else "holds an old snapshot"
        since = "" if self.seconds is None else f", for {self.seconds:.0f} s"
        return f"{self.kind} of {self.owner}{since} ({holds})"


def find_blocking_transactions(
    connection: psycopg.Connection[Any], tables: Sequence[str], older_ms: int, *, concurrent: bool
) -> list[BlockingTransaction]:
    """Return the transactions that hold locks of these tables and are not expected to end soon.

    These are transactions that have been open for longer than ``older_ms``, dumps, prepared transactions, and vacuums
    against wraparound, which are not interrupted by a lock request (manual, 25.1.6). ``tables``: SQL names; tables that
    do not exist are ignored. ``concurrent``: a concurrent index build follows, which also waits for sessions with an
    old snapshot. Replication slots, standbys and vacuums of other tables are not waited for.
    """
    row = connection.execute(EXISTING, [relation_names(tables)]).fetchone()
    existing = row[0] if row else []
    if not existing and not concurrent:
        return []
    values: dict[str, Any] = {"tables": existing, "concurrent": concurrent}
    found = []
    for pid, name, backend, state, seconds, wraparound, held in connection.execute(SESSIONS, values):
        is_dump = name == "pg_dump"
        if backend == "autovacuum worker" and not wraparound:
            continue  # it is cancelled as soon as another session waits for it
        is_old = older_ms == 0 if seconds is None else seconds * 1000 > older_ms
        if wraparound or is_dump or is_old:
            kind = (
                f"a transaction ({state or 'of another role'})" if backend != "walsender" else "a walsender"
            )
            kind = "a dump" if is_dump else "a vacuum against wraparound" if wraparound else kind
            found.append(BlockingTransaction(kind, f"{name}, pid {pid}", seconds, held or ""))
    for identifier, seconds, held in connection.execute(PREPARED, values):
        found.append(BlockingTransaction("a prepared transaction", repr(identifier), seconds, held or ""))
    return found


def describe_lock_holders(connection: psycopg.Connection[Any], tables: Iterable[tuple[str, str]]) -> str:
    """Return a sentence that names the transactions that hold locks of tables, given as (schema, name)."""
    names = [sql.Identifier(schema, name).as_string() for schema, name in tables]
    found = find_blocking_transactions(connection, names, 0, concurrent=False)
    return f"They are held by {'; '.join(map(str, found))}." if found else "No session holds them now."
