"""A rollout to 30 databases that is killed or interrupted: the next one continues, and changes none twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import psycopg

from tests.fix_fleet import HEAD
from wish_rollout.postgres.sessions.rollout_lock import KEY

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.fix_fleet import Fleet

NAMES = [f"t{number:02}" for number in range(30)]
SLOW = NAMES[0]
WORKERS = "select count(*) from pg_stat_activity where application_name like 'wish-rollout%%tenants/%%' and datname like %s"


def until(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until a condition holds; fail after a minute, or if a process ends before."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate() if process else ""
        time.sleep(0.05)


def test_a_killed_rollout_to_a_fleet_is_continued(fleet: Fleet) -> None:
    fleet.add(*NAMES)
    fleet.configure("[[environment.wave]]\nrest = true\nparallel = 2\n")
    with psycopg.connect(fleet.url(SLOW), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        process = fleet.workspace.start("apply")
        until(lambda: bool(fleet.acts(NAMES[3])), process)

        process.kill()
        process.communicate()
        other.execute("select pg_advisory_unlock(%s)", [KEY])
        # what the workers were doing ends well, and nothing new begins
        pattern = [f"{fleet.prefix}%"]
        until(lambda: other.execute(WORKERS, pattern).fetchone() == (0,))

    assert fleet.acts(SLOW) == [("upgrade", f"tenants/{SLOW}")]
    assert fleet.revisions()[NAMES[-1]] == "0006"

    result = fleet.workspace.cli("apply")

    assert result.code == 0, result
    assert set(fleet.revisions().values()) == {HEAD}
    assert {name: len(fleet.acts(name)) for name in NAMES} == dict.fromkeys(NAMES, 1)
    assert "30/30 passed" in result.out


def test_an_interrupted_rollout_to_a_fleet_cancels_what_runs(fleet: Fleet) -> None:
    fleet.add(SLOW, NAMES[1])
    with psycopg.connect(fleet.url(SLOW), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        process = fleet.workspace.start("apply")
        pattern = [f"{fleet.prefix}%"]
        until(lambda: other.execute(WORKERS, pattern).fetchone() != (0,), process)

        process.send_signal(signal.SIGINT)
        result = fleet.workspace.wait_for(process)
        until(lambda: other.execute(WORKERS, pattern).fetchone() == (0,))

    assert result.code != 0, result
    assert (fleet.acts(SLOW), fleet.acts(NAMES[1])) == ([], [])
    assert fleet.workspace.cli("apply").code == 0
    assert set(fleet.revisions().values()) == {HEAD}
