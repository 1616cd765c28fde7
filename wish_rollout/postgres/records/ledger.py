"""Reads and appends to ``wish_rollout.ledger``: append-only by triggers, hash-chained, one row for each act.

A row is inserted in the transaction of the change that it records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from wish_rollout.core.errors.gate.ledger import LedgerWriteFailed
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.ledger import Act, LedgerEntry, next_entry
from wish_rollout.postgres.sessions.read_transaction import lock_timeout_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: LiteralString = "create schema if not exists wish_rollout"
TABLE: LiteralString = """
create table wish_rollout.ledger (
    seq bigint primary key,
    at timestamptz not null,
    act text not null,
    who text not null,
    run text not null,
    release text not null,
    plan text not null,
    revision_from text not null,
    revision_to text not null,
    fingerprint_before text not null,
    fingerprint_after text not null,
    milliseconds bigint not null,
    nonce text unique,
    detail jsonb not null,
    previous text not null unique,
    hash text not null unique
);
create function wish_rollout.refuse_change() returns trigger language plpgsql
    set search_path = pg_catalog as $$
begin
    raise exception 'wish_rollout.ledger is append-only: % is refused', tg_op
        using errcode = 'insufficient_privilege';
end $$;
create function wish_rollout.refuse_gap() returns trigger language plpgsql
    set search_path = pg_catalog as $$
declare
    last record;
begin
    select seq, hash into last from wish_rollout.ledger order by seq desc limit 1;
    if new.seq <> coalesce(last.seq, 0) + 1 or new.previous <> coalesce(last.hash, '') then
        raise exception 'row % does not follow on row %', new.seq, coalesce(last.seq, 0)
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger append_only before update or delete or truncate on wish_rollout.ledger
    for each statement execute function wish_rollout.refuse_change();
create trigger in_order before insert on wish_rollout.ledger
    for each row execute function wish_rollout.refuse_gap();
comment on table wish_rollout.ledger is
    'Acts of Wish Rollout in this database. Append-only; each row contains the hash of the previous one.';
"""
EXISTS: LiteralString = """
select exists (select from pg_catalog.pg_class c
               join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
               where n.nspname operator(pg_catalog.=) 'wish_rollout' and c.relname operator(pg_catalog.=) 'ledger')
"""
BEFORE_CREATION: LiteralString = """
select pg_catalog.to_regnamespace('wish_rollout') is null, exists (select from pg_catalog.pg_event_trigger)
"""
LAST: LiteralString = "select seq, hash from wish_rollout.ledger order by seq desc limit 1"
NOW: LiteralString = """
select pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
"""
INSERT: LiteralString = """
insert into wish_rollout.ledger values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
READ: LiteralString = """
select seq, pg_catalog.to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), act, who, run, release, plan,
       revision_from, revision_to, fingerprint_before, fingerprint_after, milliseconds, nonce, detail,
       previous, hash
from wish_rollout.ledger order by seq
"""
SECONDS_SINCE: LiteralString = """
select extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.max(at))
from wish_rollout.ledger where release operator(pg_catalog.=) %s
"""
NONCE_USE: LiteralString = (
    "select act, at::text, run from wish_rollout.ledger where nonce operator(pg_catalog.=) %s"
)

DEFAULT_PRIVILEGES: LiteralString = """
select pg_catalog.format('revoke all on %%s from %%s', o.what,
                         case acl.grantee when 0 then 'public' else pg_catalog.quote_ident(g.rolname) end)
from (select 'table wish_rollout.ledger' as what, c.relowner as owner, c.relacl as acl
      from pg_catalog.pg_class c where c.oid = 'wish_rollout.ledger'::regclass
      union all select 'schema wish_rollout', n.nspowner, n.nspacl
      from pg_catalog.pg_namespace n where %s and n.nspname = 'wish_rollout') as o,
     pg_catalog.aclexplode(o.acl) as acl
left join pg_catalog.pg_roles g on g.oid = acl.grantee
where acl.grantee <> o.owner
group by o.what, acl.grantee, g.rolname
"""
"""Statements that revoke what default privileges grant on a new ledger (manual, ALTER DEFAULT PRIVILEGES)."""

Connection = psycopg.Connection[Any]


def seconds_since(connection: Connection, release: str) -> float | None:
    """Return the seconds since the last act of a release, by the server's clock; None if there is none."""
    if not exists(connection):
        return None
    row = connection.execute(SECONDS_SINCE, [release]).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def exists(connection: Connection) -> bool:
    """Return whether the ledger exists, even if the role has no privilege to read it."""
    row = connection.execute(EXISTS).fetchone()
    return bool(row and row[0])


def create_if_missing(connection: Connection, environment: str) -> bool:
    """Create the ledger if it does not exist, in the current transaction, without default privileges of other roles.

    Return whether it was created and no other role can alter it: its schema is new too, and there are no event triggers.
    The caller must hold the rollout lock. ``environment``: its name, for errors. Raises LedgerWriteFailed.
    """
    if exists(connection):
        return False
    try:
        row = connection.execute(BEFORE_CREATION).fetchone()
        is_new_schema, has_event_triggers = row or (False, True)
        if is_new_schema:
            connection.execute(SCHEMA)
        connection.execute(TABLE)
        for (revoke,) in connection.execute(DEFAULT_PRIVILEGES, [is_new_schema]).fetchall():
            connection.execute(revoke.encode())
    except psycopg.Error as error:
        raise LedgerWriteFailed(environment, _reason(error)) from None
    return bool(is_new_schema and not has_event_triggers)


def append(connection: Connection, environment: str, act: Act) -> LedgerEntry:
    """Append one act in the current transaction; return the ledger entry.

    ``environment``: its name, for errors. Raises ApprovalUsed if the ledger already contains the nonce of the act,
    and LedgerWriteFailed if the row cannot be inserted, as when another session has appended a row meanwhile.
    """
    if act.nonce and (used := read_nonce_use(connection, act.nonce)):
        raise ApprovalUsed(environment, act.nonce, used)
    try:
        now = connection.execute(NOW).fetchone()
        last = connection.execute(LAST).fetchone()
        assert now is not None
        entry = next_entry(act, now[0], last)
        row = (entry.seq, entry.at, act.act, act.who, act.run, act.release, act.plan, act.start, act.end)
        rest = (act.before, act.after, act.milliseconds, act.nonce, Jsonb(dict(act.detail)))
        connection.execute(INSERT, [*row, *rest, entry.previous, entry.hash])
    except psycopg.errors.UniqueViolation as error:
        if act.nonce and "nonce" in (error.diag.constraint_name or ""):
            raise ApprovalUsed(environment, act.nonce, "by another rollout at the same time") from None
        raise LedgerWriteFailed(environment, _reason(error)) from None
    except psycopg.Error as error:
        raise LedgerWriteFailed(environment, _reason(error)) from None
    return entry


def has_entry(connection: Connection, seq: int) -> bool:
    """Return whether the ledger contains a row with that sequence number."""
    if not exists(connection):
        return False
    row = connection.execute(
        "select exists (select from wish_rollout.ledger where seq operator(pg_catalog.=) %s)", [seq]
    ).fetchone()
    return bool(row and row[0])


def read_nonce_use(connection: Connection, nonce: str) -> str:
    """Return which act used a nonce, as text for an error; empty if it is unused or the ledger does not exist."""
    if not exists(connection):
        return ""
    with lock_timeout_transaction(connection):
        row = connection.execute(NONCE_USE, [nonce]).fetchone()
    return f"{row[0]} at {row[1]}, run {row[2] or 'unknown'}" if row else ""


def read(connection: Connection) -> Iterator[LedgerEntry]:
    """Yield all rows in order; none if the ledger does not exist. Raises psycopg's errors."""
    if not exists(connection):
        return
    with lock_timeout_transaction(connection):
        rows = connection.execute(READ).fetchall()
    for seq, at, *fields, previous, digest in rows:
        yield LedgerEntry(seq, at, Act(*fields), previous, digest)


def _reason(error: psycopg.Error) -> str:
    return (error.diag.message_primary or type(error).__name__).strip()
