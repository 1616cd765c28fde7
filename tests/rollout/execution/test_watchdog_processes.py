"""A worker keeps the process of a watchdog for the next session that it watches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from select import PIPE_BUF
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.postgres.execution.watchdog import BACKEND_START, Watchdog
from wish_rollout.postgres.execution.watchdog_process import Orders, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROCESS = "select client_port from pg_stat_activity where application_name like '%watchdog' and datname = current_database()"
SHORT, LONG = 100.0, 60_000.0
"""Milliseconds that others may wait."""


@pytest.fixture
def session(database18: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database18, autocommit=True) as connection:
        connection.execute("create table items (id int)")
        yield connection


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def watched(session: psycopg.Connection[Any], blocked_ms: float = LONG) -> Watchdog:
    watchdog = Watchdog(session, 10, blocked_ms)
    watchdog.begin_attempt()
    assert watchdog.wait_until_watching(), watchdog.reason
    return watchdog


def process_of(watchdog: Watchdog) -> int:
    assert watchdog.process_id
    return watchdog.process_id


def test_a_report_that_is_read_after_the_error_is_waited_for(session: psycopg.Connection[Any]) -> None:
    """The server's error and the report of the process reach this process in different threads."""
    watchdog = watched(session)
    process = watchdog._process
    assert process
    assert not watchdog.has_exceeded_limit(seconds=0)
    with ThreadPoolExecutor() as pool:
        found = pool.submit(watchdog.has_exceeded_limit, 60)
        watchdog._receive(process, {"exceeded": True})
        assert found.result()
    watchdog.stop()


def test_process_watches_the_next_session_too(session: psycopg.Connection[Any], database18: str) -> None:
    first = watched(session)
    first.stop()
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(database18) as other,
        psycopg.connect(database18, autocommit=True) as blocked,
    ):
        waiting = blocked.info.backend_pid
        second = watched(other, SHORT)

        other.execute("lock table items")
        blocked.execute("select from items")  # returns, because the watchdog terminates the other session

        until(lambda: second.attempts[-1].limit_exceeded)
        second.stop()
    assert process_of(second) == process_of(first)
    assert not first.attempts[-1].pids
    assert second.attempts[-1].pids == {waiting}


def test_process_whose_session_has_ended_is_kept(session: psycopg.Connection[Any], database18: str) -> None:
    with psycopg.connect(database18) as other:
        first = watched(other)
    until(lambda: not session.execute(PROCESS).fetchall())
    first.stop()

    second = watched(session)

    assert process_of(second) == process_of(first)
    second.stop()


def test_two_sessions_at_once_have_two_processes(session: psycopg.Connection[Any], database18: str) -> None:
    with psycopg.connect(database18) as other:
        first, second = watched(session), watched(other)

        assert process_of(first) != process_of(second)
        first.stop()
        second.stop()


def test_killed_process_is_replaced(session: psycopg.Connection[Any]) -> None:
    first = watched(session)
    first.stop()
    os.kill(process_of(first), signal.SIGKILL)
    status = Path(f"/proc/{process_of(first)}/stat")
    until(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z")

    second = watched(session)

    assert process_of(second) != process_of(first)
    second.stop()


def test_process_takes_the_environment_of_the_next_session(
    session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """libpq reads from them what the connection parameters do not name."""
    first = watched(session)
    first.stop()
    with monkeypatch.context() as patched:
        patched.setenv("PGSSLMODE", "require")
        patched.chdir(tmp_path)
        refused = Watchdog(session, 10, LONG)
        refused.begin_attempt()
        assert not refused.wait_until_watching()
        refused.stop()
        working_directory = Path(f"/proc/{process_of(refused)}/cwd").resolve()

    again = watched(session)

    assert "SSL was required" in refused.reason
    assert working_directory == tmp_path.resolve()
    assert process_of(first) == process_of(refused) == process_of(again)
    again.stop()


def test_process_that_does_not_confirm_is_killed(
    session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wish_rollout.postgres.execution.watchdog_processes.STOP_SECONDS", 0.2)
    first = watched(session)
    os.kill(process_of(first), signal.SIGSTOP)

    first.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(process_of(first), 0)


def test_report_of_many_blockers_fits_into_a_pipe(
    session: psycopg.Connection[Any], database18: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        for number in range(30):
            name = f"{'b' * 50}{number}"
            other = stack.enter_context(psycopg.connect(database18, application_name=name))
            other.execute("select from items")
        pid = session.info.backend_pid
        (started,) = session.execute(BACKEND_START).fetchone() or ("",)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(session.execute, "truncate items")
            with psycopg.connect(database18, autocommit=True) as watching:
                waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
                until(lambda: (watching.execute(waits, [pid]).fetchone() or [False])[0])
                watch = Watch(Orders({}, pid, started, 10, LONG))
                watch.check(watching)
                watching.execute("select pg_cancel_backend(%s)", [pid])
    assert PIPE_BUF // 8 < len(capfd.readouterr().out.encode()) < PIPE_BUF // 2


EXIT = """
import atexit, os
kept = []
atexit.register(lambda: print(kept[0], os.path.exists(f"/proc/{kept[0]}")))
from wish_rollout.postgres.execution.watchdog_processes import acquire_process
process = acquire_process()
process.finish()
assert process.runs
kept.append(process.process_id)
"""


def test_kept_processes_have_ended_when_their_worker_exits() -> None:
    command = [sys.executable, "-c", EXIT]

    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    assert output.split()[1] == "False"
