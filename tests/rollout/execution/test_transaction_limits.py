"""The limits of a transaction after its locks were taken, and the error where they end a remedy."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.errors.planning.rollback_remedies import RollbackRemedyTimedOut
from wish_rollout.core.release.measurements import LockSequence
from wish_rollout.core.release.table_locks import LockMode, TableLock
from wish_rollout.postgres.execution import lock_acquisition
from wish_rollout.revisions.statements.run_hooks import Sent
from wish_rollout.rollout.execution.attempts import Execution
from wish_rollout.rollout.execution.transaction_locks import TransactionLocks

if TYPE_CHECKING:
    from tests.fix_project import Workspace

LOCK = TableLock("public", "wishlist_items", LockMode.ACCESS_EXCLUSIVE)
LIMITS = "select current_setting('statement_timeout'), current_setting('lock_timeout')"
QUEUED = "select from pg_locks where not granted and relation = 'wishlist_items'::regclass"


def release_when_requested(holder: psycopg.Connection, observer: psycopg.Connection) -> None:
    for _ in range(100_000):
        if observer.execute(QUEUED).fetchone() is not None:
            break
    holder.rollback()


def test_limits_are_those_of_the_budget_after_a_queued_request(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_acquisition, "FIRST_WAIT_MS", 20_000)
    budgets = "budgets = { longest_wait_ms = 20000, transaction = { lock_ms = 20000, statement_ms = 60000 } }"
    workspace.migrate("local")
    workspace.edit("rollout.toml", 'name = "local"', f'name = "local"\n{budgets}')
    target, url = workspace.project.target("local"), workspace.urls["local"]
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as observer,
        target.connect() as connection,
    ):
        execution = Execution(target, connection)
        with execution.watched():
            execution.watchdog.start()
            locks = TransactionLocks(execution, LockSequence(()), lambda: False, "again")
            holder.execute("select from wishlist_items")
            thread = threading.Thread(target=release_when_requested, args=(holder, observer))
            with connection.transaction():
                connection.execute("select 1")
                thread.start()
                locks.take([LOCK])
                assert connection.execute(LIMITS).fetchone() == ("1min", "20s")
            thread.join()
        assert execution.lock_waits.longest_wait_ms > 0


def test_a_statement_of_a_revision_has_the_limits_of_its_transaction(workspace: Workspace) -> None:
    """What is read before its own limits are set has them too, also after CREATE INDEX CONCURRENTLY."""
    target = workspace.project.target("local")
    with target.connect() as connection:
        execution = Execution(target, connection)
        with execution.watched():
            execution.before_statement("CREATE INDEX CONCURRENTLY a ON b (c)", outside=True)
            assert connection.execute(LIMITS).fetchone() == ("1d", "10min")
            for first in ("select 1", "select 2"):
                with connection.transaction():
                    connection.execute(first)
                    for limits in (("10min", "25ms"), ("10min", "3s"), ("10min", "3s")):
                        execution.before_statement(
                            "CREATE TABLE b (c int)", outside=False, is_in_revision=True
                        )
                        assert connection.execute(LIMITS).fetchone() == limits
                        execution.set_limits(execution.budgets.transaction, lasting=False)
                execution.transaction_limits = None  # as after a rollback


@pytest.mark.parametrize(
    ("statement", "outside", "lock_timeout"),
    [
        ("CREATE TABLE b (c int)", False, "7s"),
        ("SET lock_timeout = '7s'", False, "25ms"),
        ("INSERT INTO b SELECT set_it()", False, "25ms"),
        ("UPDATE b SET c = 1", False, "25ms"),
        ("CREATE TABLE b AS SELECT set_it()", False, "25ms"),
        ("CREATE TABLE b AS TABLE view_that_calls_set_it", False, "25ms"),
        ("SELECT set_config('lock_timeout', '7s', false)", False, "25ms"),
        ("CREATE TABLE b (c int); SET LOCAL lock_timeout = '7s'", False, "25ms"),
        ("CREATE INDEX CONCURRENTLY a ON b (c)", True, "25ms"),
    ],
)
def test_limits_are_set_again_after_a_statement_that_may_have_changed_them(
    workspace: Workspace, statement: str, outside: bool, lock_timeout: str
) -> None:
    """What Alembic sends after a revision's statement has the limits of the transaction."""
    target = workspace.project.target("local")
    with target.connect() as connection:
        execution = Execution(target, connection)
        with execution.watched():
            execution.watchdog.start()
            locks = TransactionLocks(execution, LockSequence(()), lambda: False, "again")
            sent = Sent("a", statement, statement, outside, False, connection.cursor(), lambda: None)
            with connection.transaction():
                connection.execute("select 1")
                locks.begin_statement(sent)
                locks.take_for_statement(sent)
                connection.execute("set lock_timeout = '7s'")
                execution.before_statement("UPDATE versions SET a = b", outside=False, is_in_revision=True)
                assert connection.execute("show lock_timeout").fetchone() == (lock_timeout,)


def test_hint_of_a_remedy_that_took_too_long_names_the_budgets() -> None:
    error = RollbackRemedyTimedOut("local", "(remedy)", "57014", "canceled", "x", "Nothing.", "rollback")
    assert "[environment.budgets]" in str(error)
    assert "correct the rows" not in str(error)
