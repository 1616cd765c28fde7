"""The waves of a rollout as backfills: runs of some targets each, launched by Dagster's daemon."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
import pytest

from tests.defs.fleet.daemon import SCHEMAS, DaemonFleet, daemon_fleet
from tests.fix_fleet import HEAD
from tests.fix_servers import running_server
from tests.gate.test_daemon import until
from tests.servers import EMBEDDED
from wish_rollout.defs.fleet.backfills import BACKFILL
from wish_rollout.defs.fleet.wave_of_run import OPEN_WAVE
from wish_rollout.postgres.sessions.rollout_lock import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_dagster import DagsterDatabases

CANARY = '\n[[environment.wave]]\nname = "canary"\nmatch = "canary-*"\n'
REST = '\n[[environment.wave]]\nname = "rest"\nrest = true\n'
DRIFT = "create table by_hand (id integer)"
WAITS = (
    "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
    "and query like '%pg_try_advisory_lock%'"
)


@pytest.fixture(scope="module")
def daemon(
    request: pytest.FixtureRequest,
    fleet_template: str,
    dagster_databases: DagsterDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DaemonFleet]:
    """A fleet, a code server and a daemon for all tests here."""
    server, root = running_server(request.config, EMBEDDED), tmp_path_factory.mktemp("project")
    with (
        pytest.MonkeyPatch.context() as patch,
        daemon_fleet(server, fleet_template, dagster_databases, root, patch) as found,
    ):
        yield found


def tenants(document: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """Return the numbers of the fleet in the document of a rollout."""
    (stage,) = [each for each in document["environments"] if each["environment"] == "tenants"]
    return stage


def test_each_wave_is_a_backfill_of_several_runs(daemon: DaemonFleet) -> None:
    """The waves are not adjacent in the list."""
    daemon.configure("a", "canary-1", "b", "c", "canary-2", "d", waves=CANARY + REST)

    document = daemon.apply()

    stage = tenants(document)
    assert (stage["start"], stage["end"], stage["checks"], stage["failed"]) == ("0006", HEAD, 6, 0)
    assert stage["action"] == "upgrade"
    runs = daemon.wave_runs(document["run_id"])
    by_wave = sorted((run.tags["wish_rollout/wave"], run.status.value) for run in runs)
    assert by_wave == [("canary", "SUCCESS"), ("rest", "SUCCESS"), ("rest", "SUCCESS")]
    assert len({run.tags[BACKFILL] for run in runs}) == 2
    ledgers = daemon.runs_in_ledgers()
    assert {run for (run,) in ledgers.values()} == {run.run_id for run in runs}
    who = {daemon.fleet.sql(name, "select who from wish_rollout.ledger")[0][0] for name in ledgers}
    assert who == {runs[0].tags["wish_rollout/requester"]}
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(SCHEMAS) >= ledgers.keys()
        assert len(instance.fetch_materializations(SCHEMAS, limit=100).records) == 6
    done = daemon.fleet.workspace.run_job("rollout", {})
    assert (done.success, daemon.wave_runs(done.run_id)) == (True, [])


def test_a_canary_that_fails_stops_the_other_waves(daemon: DaemonFleet) -> None:
    daemon.configure("canary-3", "canary-4", "e", waves=CANARY + REST)
    daemon.fleet.sql("canary-3", DRIFT)

    document = daemon.apply(1)

    assert "1 of 3 targets of 'tenants' failed, and 2 were not begun" in document["error"]["text"]
    assert set(daemon.fleet.revisions().values()) == {"0006"}
    assert [run.tags["wish_rollout/wave"] for run in daemon.wave_runs(document["run_id"])] == ["canary"]
    daemon.fleet.sql("canary-3", "drop table by_hand")
    daemon.apply()
    assert set(daemon.fleet.revisions().values()) == {HEAD}
    assert {len(runs) for runs in daemon.runs_in_ledgers().values()} == {1}


def test_too_many_failures_in_one_run_stop_the_other_runs_of_the_wave(daemon: DaemonFleet) -> None:
    """Each run has two targets. The first one of the second run is locked until the wave is stopped."""
    daemon.configure("bad", "f", "slow", "g", waves=REST)
    daemon.fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    daemon.fleet.sql("bad", DRIFT)
    with locked(daemon, "slow") as slow, daemon.applying() as process:
        with locked(daemon, "bad"):
            until(lambda: is_waited_for(slow), "slow is waited for", daemon.processes["daemon"])
        until(lambda: is_stopped(daemon), "the wave is stopped", daemon.processes["daemon"])
    result = daemon.fleet.workspace.wait_for(process, 120)

    assert result.code == 1, result
    assert "1 of 4 targets of 'tenants' failed, and 2 were not begun" in result.out
    assert daemon.fleet.revisions() == {"bad": "0006", "f": "0006", "slow": HEAD, "g": "0006"}


@contextmanager
def locked(daemon: DaemonFleet, target: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold the rollout lock of a target."""
    with psycopg.connect(daemon.fleet.url(target), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        yield other


def is_waited_for(other: psycopg.Connection[Any]) -> bool:
    """Return whether a run waits for the rollout lock of this database."""
    return other.execute(WAITS).fetchone() is not None


def is_stopped(daemon: DaemonFleet) -> bool:
    """Return whether the step of the newest rollout lets no run begin targets any more."""
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="rollout"), limit=1)
    return run.tags.get(OPEN_WAVE) == ""


def test_the_targets_of_a_killed_run_are_done_by_the_rollout_itself(daemon: DaemonFleet) -> None:
    daemon.configure("slow-1", "h", "i", "j", waves=REST)
    daemon.fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    with locked(daemon, "slow-1") as slow, daemon.applying() as process:
        until(lambda: daemon.fleet.revisions()["j"] == HEAD, "j is done", daemon.processes["daemon"])
        until(lambda: is_waited_for(slow) and len(daemon.working_runs()) == 1, "the other run has ended")
        os.kill(daemon.working_runs()[0], signal.SIGKILL)
    result = daemon.fleet.workspace.wait_for(process, 120)

    assert result.code == 0, result
    assert "2 targets have no result of a run and are worked on here" in result.err
    assert set(daemon.fleet.revisions().values()) == {HEAD}
    assert {len(runs) for runs in daemon.runs_in_ledgers().values()} == {1}


def test_a_wave_continues_when_the_daemon_was_killed_and_is_started_again(daemon: DaemonFleet) -> None:
    daemon.configure("slow-3", "o", "p", "q", waves=REST)
    daemon.fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    with locked(daemon, "slow-3") as slow, daemon.applying() as process:
        until(lambda: is_waited_for(slow), "slow is waited for", daemon.processes["daemon"])
        daemon.start_daemon()
        slow.execute("select pg_advisory_unlock(%s)", [KEY])
        result = daemon.fleet.workspace.wait_for(process, 120)

    assert result.code == 0, result
    assert set(daemon.fleet.revisions().values()) == {HEAD}
    assert {len(runs) for runs in daemon.runs_in_ledgers().values()} == {1}


def test_runs_of_a_killed_rollout_begin_no_other_target(daemon: DaemonFleet) -> None:
    daemon.configure("slow-2", "k", waves=REST)
    daemon.fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    with locked(daemon, "slow-2") as slow:
        with daemon.applying() as first:
            until(lambda: is_waited_for(slow), "slow is waited for", daemon.processes["daemon"])
            first.kill()
            first.communicate()
        with daemon.applying() as second:
            until(lambda: "of an earlier rollout" in log_of_newest(), "the second rollout waits")
            slow.execute("select pg_advisory_unlock(%s)", [KEY])
            result = daemon.fleet.workspace.wait_for(second, 120)

    assert result.code == 0, result
    ledgers = daemon.runs_in_ledgers()
    assert {len(runs) for runs in ledgers.values()} == {1}
    assert ledgers["slow-2"] != ledgers["k"]


def log_of_newest() -> str:
    """Return the log of the newest rollout."""
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="rollout"), limit=1)
        return "\n".join(entry.user_message for entry in instance.all_logs(run.run_id))


GATED = '\ngated = true\n\n[environment.approval]\nallowed_signers = "approvers"\nfour_eyes = false\n'


def test_a_gated_wave_is_a_backfill_whose_runs_verify_the_approval(daemon: DaemonFleet) -> None:
    daemon.configure("l", "m", "n", environment="targets_per_run = 2\n" + GATED, waves=REST)
    daemon.serve()
    assert daemon.fleet.workspace.cli("apply").code == 3
    assert daemon.fleet.workspace.cli("approve", "tenants", "--reason", "agreed", "--yes").code == 0

    document = daemon.apply()

    runs = daemon.wave_runs(document["run_id"])
    assert [run.status.value for run in runs] == ["SUCCESS"] * 2
    nonces = {daemon.fleet.sql(name, "select nonce from wish_rollout.ledger")[0][0] for name in "lmn"}
    assert len(nonces) == 1
    assert None not in nonces
    assert {run for (run,) in daemon.runs_in_ledgers().values()} == {run.run_id for run in runs}
