"""Who would stand in a migration's way, seen before its first statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import relation_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

SESSIONS = """
select a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), a.backend_type, a.state,
       extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.state_change))::float,
       a.query ~ '^autovacuum: .*to prevent wraparound',
       (select string_agg(distinct l.relation::regclass::text, ', ') from pg_locks l
         where l.pid = a.pid and l.granted and l.relation = any (%(tables)s::regclass[]::oid[])
           and l.database = a.datid)
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.datname = current_database()
  and (%(concurrent)s and a.backend_xmin is not null and a.backend_type <> 'autovacuum worker'
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
THERE = "select coalesce(array_agg(t), '{}') from unnest(%s::text[]) as t where to_regclass(t) is not null"


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A transaction that would be waited for. ``tables``: those it holds; empty where only its snapshot counts."""

    kind: str
    who: str
    seconds: float
    tables: str

    def __str__(self) -> str:
        holds = f"holds {self.tables}" if self.tables else "holds an old snapshot"
        return f"{self.kind} of {self.who}, for {self.seconds:.0f} s ({holds})"


def forecast(
    connection: psycopg.Connection[Any], tables: Sequence[str], older_ms: int, *, concurrent: bool
) -> list[InTheWay]:
    """Name who holds these tables, or for a concurrent build any snapshot, and will not be gone in a moment.

    That is: a transaction that has been open for longer than ``older_ms``, a dump, a prepared transaction, and
    a vacuum against wraparound, which gives way to nobody (manual, 25.1.5). Tables that are not there are left
    out. What holds back vacuum alone is not waited for, and not named: replication slots, standbys, vacuums of
    other tables, prepared transactions on other tables. The session must be in autocommit.
    """
    row = connection.execute(THERE, [relation_names(tables)]).fetchone()
    given: dict[str, Any] = {"tables": row[0] if row else [], "concurrent": concurrent}
    found = []
    for pid, name, backend, state, seconds, wraparound, held in connection.execute(SESSIONS, given):
        dump = name == "pg_dump"
        if backend == "autovacuum worker" and not wraparound:
            continue  # it ends itself as soon as somebody waits for it
        if wraparound or dump or seconds * 1000 > older_ms:
            kind = f"a transaction ({state})" if backend != "walsender" else "a walsender"
            kind = "a dump" if dump else "a vacuum against wraparound" if wraparound else kind
            found.append(InTheWay(kind, f"{name}, pid {pid}", seconds, held or ""))
    for gid, seconds, held in connection.execute(PREPARED, given):
        found.append(InTheWay("a prepared transaction", repr(gid), seconds, held or ""))
    return found
