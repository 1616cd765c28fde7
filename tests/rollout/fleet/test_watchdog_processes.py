"""A worker's watchdog process watches one session after the other, and acts on the present one only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.postgres.execution import watchdog_processes
from wish_rollout.postgres.execution.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import NewDatabase


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[watchdog_processes.Process]]:
    """The processes that are kept while the test runs."""
    free: list[watchdog_processes.Process] = []
    monkeypatch.setattr(watchdog_processes, "_free", free)
    monkeypatch.setattr(watchdog_processes, "_is_keeping", True)
    yield free
    monkeypatch.setattr(watchdog_processes, "_is_keeping", False)
    for process in free:
        watchdog_processes.give_back(process, is_free=True)
        assert process.returncode == 0


def test_a_process_watches_the_sessions_of_several_databases(
    new_database18: NewDatabase, kept: list[watchdog_processes.Process]
) -> None:
    with (
        psycopg.connect(new_database18(), autocommit=True) as first,
        psycopg.connect(url := new_database18(), autocommit=True) as second,
    ):
        watched = Watchdog(first, blocked=0, blocked_ms=10)
        watched.begin_attempt()
        assert watched.wait_until_watching()
        watched.stop()
        (process,) = kept
        watched = Watchdog(second, blocked=0, blocked_ms=50)
        watched.begin_attempt()
        assert watched.wait_until_watching()
        assert kept == []

        second.execute("create table t (id int)")
        second.execute("begin")
        second.execute("lock table t")
        other = threading.Thread(target=wait_for_table, args=(url,))
        other.start()
        other.join(20)

        assert not other.is_alive()  # the watchdog has ended the session that it waited for
        watched.stop()
        assert watched.attempts[0].limit_exceeded
        assert kept == [process]
        assert first.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            second.execute("select 1")


def wait_for_table(url: str) -> None:
    """Read a table that another session has locked."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select from t")


def test_a_process_whose_session_has_ended_is_kept(
    database18: str, kept: list[watchdog_processes.Process]
) -> None:
    session = psycopg.connect(database18, autocommit=True)
    watched = Watchdog(session, blocked=0, blocked_ms=10)
    assert watched.wait_until_watching()
    session.close()

    watched.stop()

    assert len(kept) == 1
