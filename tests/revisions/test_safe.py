"""The helpers for revisions: what they do is no hazard, and each can run again after a crash."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from tests.cases.hazards import ROWS, TABLES
from tests.hazard_exam import AlembicContext
from wish_rollout import safe
from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.rows.table_statistics import LiveQuestions, read_live_facts
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.operations.backfill import NotFilled
from wish_rollout.revisions.runs.statement_hooks import listen
from wish_rollout.revisions.sessions.shared_connection import Phase, SharedConnection
from wish_rollout.revisions.sessions.shared_session import share_session
from wish_rollout.revisions.statements.applied_revisions import Applied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.core.hazards.hazard import Hazard

INVALID = "select count(*) from pg_index where not indisvalid"
STEPS: dict[str, Callable[[], Any]] = {
    "index": lambda: safe.create_index_concurrently("items_code", "items", ["code"], unique=True),
    "drop": lambda: safe.drop_index_concurrently("items_name"),
    "check": lambda: safe.add_check("paid", "items", "price > 0"),
    "key": lambda: safe.add_foreign_key("shop", "items", ["shop_id"], "shops", ["id"], ondelete="CASCADE"),
    "not-null": lambda: safe.set_not_null("items", "name"),
    "backfill": lambda: safe.backfill("items", {"price": "price::int + 1000"}, where="price < 1000"),
    "schema": lambda: safe.create_index_concurrently("items_code", "items", ["code"], schema="public"),
}


@pytest.fixture
def tables(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLES)
        connection.execute(ROWS.encode())
    return database


@contextmanager
def revision(url: str) -> Iterator[Applied]:
    """Run what is in the block as a revision's upgrade; give its statements."""
    applied = Applied(revisions=["r"])
    with (
        connect(url, "the test") as connection,
        share_session(connection) as session,
        session.connect() as ours,
    ):
        context = MigrationContext.configure(ours)
        assert isinstance(ours, SharedConnection)
        session.phase, session.migrating = Phase.RUNNING, ours
        listen(session, applied, AlembicContext(context))
        with context.begin_transaction(), Operations.context(context):
            yield applied


def run(url: str, step: Callable[[], Any]) -> tuple[list[Hazard], Any]:
    with connect(url, "the test") as connection:
        before = read_database_state(connection, Scope()).snapshot
        names = [name for kind, name in before.objects if kind == "table"]
        live = read_live_facts(connection, LiveQuestions(names))
        with revision(url) as applied:
            result = step()
        after = read_database_state(connection, Scope()).snapshot
    pending = PendingRevision("r", before, after, tuple(applied.statements.get("r", ())))
    return list(judge_hazards([pending], live, {})), result


@pytest.mark.parametrize("name", STEPS)
def test_a_helper_is_no_hazard_and_does_nothing_twice(name: str, tables: str) -> None:
    with connect(tables, "the test") as connection:
        before = read_database_state(connection, Scope()).snapshot
        hazards, _ = run(tables, STEPS[name])
        once = read_database_state(connection, Scope()).snapshot
        assert (hazards, once != before) == ([], name != "backfill")

        run(tables, STEPS[name])

        assert read_database_state(connection, Scope()).snapshot == once


def test_invalid_index_of_an_interrupted_build_is_built_again(tables: str) -> None:
    with psycopg.connect(tables, autocommit=True) as connection:
        connection.execute("update items set code = 'same' where id < 3")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently items_code on items (code)")
        assert connection.execute(INVALID).fetchone() == (1,)
        connection.execute("update items set code = id::text where id < 3")

        run(tables, STEPS["index"])

        assert connection.execute(INVALID).fetchone() == (0,)


def test_a_constraint_that_was_not_validated_yet_is(tables: str) -> None:
    with psycopg.connect(tables, autocommit=True) as connection:
        connection.execute("alter table items add constraint paid check (price > 0) not valid")

        run(tables, STEPS["check"])

        assert connection.execute(
            "select convalidated from pg_constraint where conname = 'paid'"
        ).fetchone() == (True,)


def test_a_backfill_takes_every_row_once_and_none_that_it_must_not(tables: str) -> None:
    with psycopg.connect(tables, autocommit=True) as connection:
        connection.execute("insert into items (id, price) select i, 1 from generate_series(21, 5000) as i")
        connection.execute("insert into items (id, price) values (6000, 2000)")

        def step() -> int:
            return safe.backfill(
                "items", {"price": "price + 1000", "name": "':x %'"}, where="price < 1000", pages=3
            )

        assert run(tables, step)[1] == 5000
        row = connection.execute(
            "select count(*), min(price)::int, max(price)::int from items where name = ':x %'"
        )
        assert row.fetchone() == (5000, 1001, 1020)
        assert run(tables, step)[1] == 0


def test_a_backfill_comes_back_to_rows_that_others_hold(tables: str) -> None:
    with psycopg.connect(tables) as other:
        other.execute("select from items where id = 7 for update")
        timer = threading.Timer(0.3, other.rollback)
        timer.start()

        assert run(tables, STEPS["backfill"])[1] == 20
        timer.join()


def test_a_backfill_that_would_never_end_says_so(tables: str) -> None:
    with pytest.raises(NotFilled, match="still meet"):
        run(tables, lambda: safe.backfill("items", {"name": "'x'"}, where="price > 0"))
    with psycopg.connect(tables) as other:
        other.execute("select from items where id = 7 for update")
        with pytest.raises(NotFilled, match="locked by other sessions"):
            run(tables, lambda: safe.backfill("items", {"price": "0"}, where="price > 0", patience=0.2))
