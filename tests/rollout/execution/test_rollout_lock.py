"""The rollout lock is released when its session ends for any reason."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_project import REPOSITORY
from wish_rollout.core.errors.databases import RolloutLockHeld
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLD = """
import sys
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
with connect(sys.argv[1], "the test", application_name="wish-rollout run 4711") as session:
    with rollout_lock(session, "prod", 0):
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def holder(database: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, database], stdin=pipe, stdout=pipe, text=True, cwd=REPOSITORY
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_error_names_the_holder(database: str, holder: subprocess.Popen[str]) -> None:
    with connect(database, "the test") as session, pytest.raises(RolloutLockHeld) as held:  # noqa: SIM117
        with rollout_lock(session, "prod", 0.1):
            pass

    assert (held.value.environment, held.value.exit_code) == ("prod", 6)
    assert held.value.holder.startswith("wish-rollout run 4711 (127.0.0.1, since 20")
    assert 0.1 <= held.value.waited < 10


def test_lock_of_a_killed_process_is_released(database: str, holder: subprocess.Popen[str]) -> None:
    holder.kill()

    with connect(database, "the test") as session, rollout_lock(session, "prod", 20):
        pass


def test_lock_of_a_terminated_session_is_released(database: str, holder: subprocess.Popen[str]) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
        assert other.execute(query, ["wish-rollout run 4711"]).fetchall() == [(True,)]

    with connect(database, "the test") as session, rollout_lock(session, "prod", 20):
        pass


def test_waiting_for_the_lock_holds_no_snapshot(database: str, holder: subprocess.Popen[str]) -> None:
    def wait() -> None:
        with connect(database, "the test") as session, rollout_lock(session, "prod", 60):
            pass

    waiting = threading.Thread(target=wait, daemon=True)
    with psycopg.connect(database, autocommit=True) as builder:
        builder.execute("create table items (id int)")
        waiting.start()
        builder.execute("set statement_timeout = '20s'")
        for number in range(3):
            builder.execute(f"create index concurrently items_{number} on items (id)".encode())
        assert waiting.is_alive()
        holder.kill()
        waiting.join(20)
        assert not waiting.is_alive()
