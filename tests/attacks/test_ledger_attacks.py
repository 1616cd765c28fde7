"""Attacks on the ledger: another relation in its place, disabled triggers, other rights, and missing rows."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.fix_servers import running_server
from tests.gate.test_ledger import ACT
from tests.servers import EMBEDDED, databases
from wish_rollout.core.errors.gate.ledger import LedgerChainBroken, LedgerRowsMissing, LedgerTampered
from wish_rollout.core.ledger import KnownRows, LedgerHead
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.records.ledger_integrity import read_ledger_faults, refuse_altered_ledger
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

COPY = "alter table wish_rollout.ledger rename to old; "
RIGHTS = "create role attacker login; "
ATTACKS = {
    "a view": COPY + "create view wish_rollout.ledger as select * from wish_rollout.old where nonce is null",
    "a materialized view": COPY + "create materialized view wish_rollout.ledger as table wish_rollout.old",
    "a foreign table": (
        "create foreign data wrapper w; create server s foreign data wrapper w; "
        + COPY
        + "create foreign table wish_rollout.ledger (seq bigint) server s"
    ),
    "a table without constraints": COPY + "create table wish_rollout.ledger (like wish_rollout.old)",
    "a partitioned table": COPY
    + "create table wish_rollout.ledger (like wish_rollout.old) partition by list (seq)",
    "an unlogged table": "alter table wish_rollout.ledger set unlogged",
    "a child table": "create table wish_rollout.more () inherits (wish_rollout.ledger)",
    "a rule": "create rule r as on insert to wish_rollout.ledger do instead nothing",
    "row security": "alter table wish_rollout.ledger enable row level security",
    "a policy": "create policy p on wish_rollout.ledger using (nonce is null)",
    "a disabled trigger": "alter table wish_rollout.ledger disable trigger append_only",
    "a trigger for replicas only": "alter table wish_rollout.ledger enable replica trigger in_order",
    "no trigger": "drop trigger append_only on wish_rollout.ledger",
    "one trigger more": (
        "create function wish_rollout.hide() returns trigger language plpgsql as $$begin return null; end$$; "
        "create trigger a before insert on wish_rollout.ledger for each row execute function wish_rollout.hide()"
    ),
    "a trigger with a condition": (
        "drop trigger in_order on wish_rollout.ledger; create trigger in_order before insert on wish_rollout.ledger "
        "for each row when (new.nonce is null) execute function wish_rollout.refuse_gap()"
    ),
    "a function of the same name in another schema": (
        "create function public.refuse_change() returns trigger language plpgsql as $$begin return null; end$$; "
        "drop trigger append_only on wish_rollout.ledger; create trigger append_only before update or delete or "
        "truncate on wish_rollout.ledger for each statement execute function public.refuse_change()"
    ),
    "an empty trigger function": (
        "create or replace function wish_rollout.refuse_change() returns trigger language plpgsql "
        "set search_path = pg_catalog as $$begin return null; end$$"
    ),
    "a trigger function with another search_path": (
        "alter function wish_rollout.refuse_gap() set search_path = public"
    ),
    "no unique nonce": "alter table wish_rollout.ledger drop constraint ledger_nonce_key",
    "a deferrable unique nonce": (
        "alter table wish_rollout.ledger drop constraint ledger_nonce_key, "
        "add constraint ledger_nonce_key unique (nonce) deferrable"
    ),
    "a check that refuses rows": "alter table wish_rollout.ledger add check (seq < 5)",
    "a generated nonce": (
        "alter table wish_rollout.ledger drop column nonce, "
        "add column nonce text generated always as (md5(hash)) stored unique"
    ),
    "a default": "alter table wish_rollout.ledger alter detail set default '{}'",
    "one column more": "alter table wish_rollout.ledger add extra text",
    "another owner who can log in": RIGHTS + "alter table wish_rollout.ledger owner to attacker",
    "the owner of a function": RIGHTS + "alter function wish_rollout.refuse_gap() owner to attacker",
    "the right to delete": RIGHTS + "grant delete on wish_rollout.ledger to attacker",
    "the right to change one column": RIGHTS + "grant update (nonce) on wish_rollout.ledger to attacker",
    "rows from everybody": "grant insert on wish_rollout.ledger to public",
    "another owner of its schema": RIGHTS + "alter schema wish_rollout owner to attacker",
    "objects of another role in its schema": RIGHTS + "grant create on schema wish_rollout to attacker",
    "a constraint trigger": (
        "create function public.hide() returns trigger language plpgsql as $$begin return null; end$$; "
        "create constraint trigger a after insert on wish_rollout.ledger deferrable initially deferred "
        "for each row execute function public.hide()"
    ),
    "an exclusion constraint": "alter table wish_rollout.ledger add exclude using btree (hash with =)",
    "a foreign key": (
        "create table public.of as select seq from wish_rollout.ledger; alter table public.of add unique (seq); "
        "alter table wish_rollout.ledger add foreign key (seq) references public.of (seq)"
    ),
    "an identity column": "alter table wish_rollout.ledger alter seq add generated always as identity",
    "a default right to delete": RIGHTS + "grant all on wish_rollout.ledger to attacker with grant option",
    "truncation": RIGHTS + "grant truncate on wish_rollout.ledger to attacker",
    "a trigger of another role": RIGHTS + "grant trigger on wish_rollout.ledger to attacker",
    "references of another role": RIGHTS + "grant references on wish_rollout.ledger to attacker",
    "an invalid index": (
        "update pg_catalog.pg_index set indisvalid = false "
        "where indexrelid = 'wish_rollout.ledger_nonce_key'::regclass"
    ),
    "a function with the rights of its owner": "alter function wish_rollout.refuse_change() security definer",
    "a function in another language": (
        "create or replace function wish_rollout.refuse_change() returns trigger "
        "language internal as 'suppress_redundant_updates_trigger'"
    ),
    "another type of the nonce": "alter table wish_rollout.ledger alter nonce type varchar(8) using left(nonce, 8)",
    "objects of everybody in its schema": "grant create on schema wish_rollout to public",
}


@pytest.fixture(scope="module")
def superuser(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's session in one database with a ledger of three rows, for all tries."""
    server = running_server(request.config, EMBEDDED)
    with databases(server) as new_database:
        name = urlsplit(new_database()).path.removeprefix("/")
        with connect(server.url(name, ADMIN), "the test") as connection:
            with connection.transaction():
                ledger.create_if_missing(connection, "prod")
            for _ in range(3):
                with connection.transaction():
                    ledger.append(connection, "prod", ACT)
            yield connection


@contextmanager
def attempted(connection: psycopg.Connection[Any], statements: str) -> Iterator[None]:
    """Execute statements, and roll them back at the end."""
    connection.autocommit = False
    try:
        for statement in statements.split(";") if "$$" not in statements else [statements]:
            connection.execute(statement.encode())
        yield
    finally:
        connection.rollback()
        connection.autocommit = True


def test_the_ledger_itself_has_no_fault(superuser: psycopg.Connection[Any]) -> None:
    assert read_ledger_faults(superuser) == []
    assert read_ledger_state(superuser, "prod").fault is None


@pytest.mark.parametrize("attack", ATTACKS)
def test_altered_ledger_is_refused_with_a_remedy(superuser: psycopg.Connection[Any], attack: str) -> None:
    with attempted(superuser, ATTACKS[attack]):
        faults = read_ledger_faults(superuser)
        assert faults, attack
        assert all(remedy for _, remedy in faults)
        with pytest.raises(LedgerTampered):
            refuse_altered_ledger(superuser, "prod")
    assert read_ledger_faults(superuser) == []


SCHEMA = f"{RIGHTS}create schema wish_rollout"


@pytest.mark.parametrize(
    "attack",
    [
        f"{SCHEMA} authorization attacker",
        f"{SCHEMA}; grant create on schema wish_rollout to attacker",
        "create schema wish_rollout; grant create on schema wish_rollout to public",
    ],
)
def test_a_new_ledger_is_checked_if_its_schema_existed(
    superuser: psycopg.Connection[Any], attack: str
) -> None:
    """A role that owns the schema, or can create objects there, can replace the ledger."""
    with attempted(superuser, f"alter schema wish_rollout rename to before; {attack}"):
        assert not ledger.create_if_missing(superuser, "prod")
        with pytest.raises(LedgerTampered):
            refuse_altered_ledger(superuser, "prod")


def test_a_new_ledger_in_a_new_schema_needs_no_check(superuser: psycopg.Connection[Any]) -> None:
    with attempted(superuser, "alter schema wish_rollout rename to before"):
        assert ledger.create_if_missing(superuser, "prod")
        refuse_altered_ledger(superuser, "prod")


ROWS = "alter table wish_rollout.ledger disable trigger user; {}; alter table wish_rollout.ledger enable trigger user"
ROW_ATTACKS = {
    "a changed row": "update wish_rollout.ledger set who = 'nobody' where seq = 2",
    "a removed row": "delete from wish_rollout.ledger where seq = 1",
    "the last row removed": "delete from wish_rollout.ledger where seq = 3",
    "all rows removed": "delete from wish_rollout.ledger",
    "two rows exchanged": (
        "update wish_rollout.ledger set seq = 9 where seq = 2; update wish_rollout.ledger set seq = 2 where seq = 3; "
        "update wish_rollout.ledger set seq = 3 where seq = 9"
    ),
    "a row in front": "update wish_rollout.ledger set seq = seq + 10",
    "the last row replaced": (
        "update wish_rollout.ledger set who = 'nobody', hash = repeat('e', 64) where seq = 3"
    ),
}


@pytest.mark.parametrize("attack", ROW_ATTACKS)
def test_changed_or_removed_rows_are_found(superuser: psycopg.Connection[Any], attack: str) -> None:
    """The last row is known from a request and from Dagster's events."""
    head = read_ledger_state(superuser, "prod").head
    known = KnownRows(((head, "Dagster recorded"),), {"n": "recorded"})
    with attempted(superuser, ROWS.format(ROW_ATTACKS[attack])):
        assert read_ledger_faults(superuser) == []
        assert isinstance(
            read_ledger_state(superuser, "prod", known).fault, LedgerChainBroken | LedgerRowsMissing
        )


@pytest.mark.parametrize(
    "attack",
    [
        "drop schema wish_rollout cascade",
        "alter schema wish_rollout rename to hidden",
        "alter table wish_rollout.ledger rename to hidden",
        "alter table wish_rollout.ledger set schema public",
        "truncate wish_rollout.ledger",
    ],
)
def test_missing_ledger_is_found_by_what_dagster_recorded(
    superuser: psycopg.Connection[Any], attack: str
) -> None:
    known = KnownRows(((read_ledger_state(superuser, "prod").head, "Dagster recorded"),), {"n": "recorded"})
    before = "alter table wish_rollout.ledger disable trigger user; " if attack.startswith("truncate") else ""
    after = "; alter table wish_rollout.ledger enable trigger user" if before else ""
    with attempted(superuser, before + attack + after):
        assert isinstance(read_ledger_state(superuser, "prod", known).fault, LedgerRowsMissing)


def test_operators_of_the_search_path_do_not_hide_a_used_nonce(superuser: psycopg.Connection[Any]) -> None:
    operator = (
        "create schema evil; create function evil.never(text, text) returns boolean language sql return false; "
        "create operator evil.= (leftarg = text, rightarg = text, function = evil.never)"
    )
    with attempted(superuser, operator):
        superuser.execute(
            "insert into wish_rollout.ledger select 4, at, act, who, run, release, plan, revision_from,"
            " revision_to, fingerprint_before, fingerprint_after, milliseconds, 'used', detail, hash, 'x'"
            " from wish_rollout.ledger where seq = 3"
        )
        superuser.execute("set local search_path = evil, pg_catalog")
        assert ledger.read_nonce_use(superuser, "used")


def test_forged_event_can_only_close_the_gate(superuser: psycopg.Connection[Any]) -> None:
    known = KnownRows(((LedgerHead(9, "f" * 64), "an event names"),))
    assert isinstance(read_ledger_state(superuser, "prod", known).fault, LedgerRowsMissing)
