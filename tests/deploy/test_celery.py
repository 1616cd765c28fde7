"""A backfill and a rollout of a fleet with dagster-celery and Redis: one of two workers is killed half-way.

Only where dagster-celery and redis-server are installed (``make test-celery``): this project does not need them.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
import pytest

from tests.defs.fleet import daemon as quick
from tests.defs.fleet import test_fleet_backfill as backfills
from tests.fix_fleet import HEAD
from tests.fix_project import REPOSITORY
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE, kill, running, until
from wish_rollout.postgres.sessions.rollout_lock import KEY
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.fix_fleet import Fleet

pytest.importorskip("dagster_celery", reason="dagster-celery is not installed: make test-celery")
REDIS = shutil.which("redis-server")
LOCATION = backfills.LOCATION.replace("TARGETS_IN_RUN = 2", "TARGETS_IN_RUN = 4")
NAMES = list("abcdefgh")
WORKER = ("celery", "-A", "dagster_celery.app", "worker", "-Q", "dagster", "--prefetch-multiplier", "1")
ONE_TASK = ("--concurrency", "1", "--without-mingle", "--without-gossip")
QUICK_MONITORING = "run_monitoring:\n  enabled: true\n  poll_interval_seconds: 1\n"
LONGEST_RUN = "max_runtime_seconds: 40"
WAITS = (
    "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
    "and query like '%pg_try_advisory_lock%'"
)
WAVES = """targets_per_run = 3

[[environment.wave]]
name = "canary"
match = "[ab]"

[[environment.wave]]
rest = true
"""
QUICK_LOCATION = """
from wish_rollout.defs.fleet import wave_of_run
wave_of_run.ALIVE_SECONDS = 5
from wish_rollout.definitions import defs
"""
APPLY = """
from wish_rollout.defs.fleet import launched_wave
launched_wave.SILENT_SECONDS = 40
from wish_rollout.cli.main import main
main()
"""


def works_on_targets(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a worker of Celery has worker processes of a fleet."""
    commands = map(quick.command_of, quick.children_of(process.pid))
    return any(quick.FLEET_WORKER in command for command in commands)


def prepare(fleet: Fleet, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Start Redis, and configure the instance; return the command of the code server."""
    assert REDIS
    root, redis, port = fleet.root, choose_free_port(), choose_free_port()
    for variable, number in (("CELERY_BROKER_URL", 0), ("CELERY_RESULT_BACKEND", 1)):
        monkeypatch.setenv(variable, f"redis://127.0.0.1:{redis}/{number}")
    monkeypatch.setenv("C_FORCE_ROOT", "1")
    (root / "location.py").write_text(LOCATION)
    (root / "grpc.yaml").write_text(WORKSPACE.format(port=port))
    fleet.workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
    fleet.workspace.edit("dagster.yaml", "run_monitoring:\n  enabled: true\n", QUICK_MONITORING)
    fleet.workspace.edit("dagster.yaml", "max_runtime_seconds: 21600", LONGEST_RUN)
    with (root / "dagster.yaml").open("a") as file:
        file.write("\n" + (REPOSITORY / "deploy/celery/run_launcher.yaml").read_text())
    arguments = ("--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(root))
    program = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
    (root / "start_program.py").write_text(program)
    stack.enter_context(running(root, "redis", "start_program", REDIS, *arguments))
    until(lambda: backfills.accepts_connections(redis), "Redis listens")
    return ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "location.py")


def kill_the_one_at_work(
    fleet: Fleet,
    workers: list[subprocess.Popen[bytes]],
    is_waiting: Callable[[], bool],
    left: str,
) -> None:
    """Kill the worker of Celery whose run waits for a target, when the other one has done its own targets.

    ``left``: the names of the targets of the first run that are not done.
    """
    until(lambda: is_waiting() and set(fleet.revisions().values()) == {HEAD, "0006"}, "c is waited for")
    done = {name: "0006" if name in left else HEAD for name in NAMES}
    until(lambda: fleet.revisions() == done, "the others are done", *workers)
    until(lambda: sum(map(works_on_targets, workers)) == 1, "one run has ended", *workers)
    (busy,) = filter(works_on_targets, workers)
    kill(busy)


@pytest.mark.skipif(not REDIS, reason="redis-server is not installed")
@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")  # Dagster itself calls it
def test_a_killed_worker_of_celery_leaves_no_target_out_and_none_is_migrated_twice(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.add(*NAMES)
    fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    fleet.workspace.migrate("local")
    root = fleet.root
    with ExitStack() as stack:
        code = stack.enter_context(running(root, "server", *prepare(fleet, stack, monkeypatch)))
        instance = stack.enter_context(dg.DagsterInstance.get())
        instance.add_dynamic_partitions("tenants_targets", NAMES)
        workers = [
            stack.enter_context(running(root, f"worker{number}", *WORKER, *ONE_TASK, "-n", f"w{number}@%h"))
            for number in range(2)
        ]
        port = int((root / "grpc.yaml").read_text().split("port: ")[1].split(",")[0])
        until(lambda: backfills.accepts_connections(port), "the code server listens", code)
        daemon = stack.enter_context(running(root, "daemon", "dagster._daemon", "run", "-w", "grpc.yaml"))
        other = stack.enter_context(psycopg.connect(fleet.url("c"), autocommit=True))
        other.execute("select pg_advisory_lock(%s)", [KEY])
        backfills.request_backfill(fleet, instance, NAMES)
        kill_the_one_at_work(fleet, workers, lambda: other.execute(WAITS).fetchone() is not None, "cd")
        other.execute("select pg_advisory_unlock(%s)", [KEY])
        until(lambda: backfills.status(instance) in backfills.ENDED, "the backfill ends", code, daemon)

        log = (root / "daemon.log").read_text()[-3000:]
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfills.BACKFILL}))
        assert instance.get_materialized_partitions(backfills.SCHEMAS) == set(NAMES), log
        statuses = sorted(run.status.value for run in runs)
        assert statuses == ["FAILURE", "SUCCESS", "SUCCESS"], log
    assert {name: fleet.acts(name) for name in NAMES} == {
        name: [("upgrade", f"tenants/{name}")] for name in NAMES
    }


@pytest.mark.skipif(not REDIS, reason="redis-server is not installed")
def test_a_rollout_launches_its_waves_with_celery_and_does_what_a_lost_worker_leaves(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody tells Dagster that the whole worker was killed: the rollout notices that its run gives no sign of life."""
    fleet.add(*NAMES)
    fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 300")
    fleet.configure(WAVES)
    fleet.workspace.migrate("local")
    root = fleet.root
    with ExitStack() as stack:
        server = prepare(fleet, stack, monkeypatch)
        (root / "location.py").write_text(QUICK_LOCATION)
        (root / "quick_daemon.py").write_text(quick.DAEMON)
        fleet.workspace.edit("dagster.yaml", LONGEST_RUN, "max_runtime_seconds: 21600")
        code = stack.enter_context(running(root, "server", *server))
        instance = stack.enter_context(dg.DagsterInstance.get())
        workers = [
            stack.enter_context(running(root, f"worker{number}", *WORKER, *ONE_TASK, "-n", f"w{number}@%h"))
            for number in range(2)
        ]
        port = int((root / "grpc.yaml").read_text().split("port: ")[1].split(",")[0])
        until(lambda: backfills.accepts_connections(port), "the code server listens", code)
        daemon = stack.enter_context(running(root, "daemon", "quick_daemon", "run", "-w", "grpc.yaml"))
        until(lambda: quick.is_alive(instance), "the daemon lives", daemon)
        other = stack.enter_context(psycopg.connect(fleet.url("c"), autocommit=True))
        other.execute("select pg_advisory_lock(%s)", [KEY])
        process = fleet.workspace.process([sys.executable, "-c", APPLY, "apply", "--json"])
        kill_the_one_at_work(fleet, workers, lambda: other.execute(WAITS).fetchone() is not None, "cde")
        other.execute("select pg_advisory_unlock(%s)", [KEY])
        result = fleet.workspace.wait_for(process, 200)

        log = (root / "daemon.log").read_text()[-3000:]
        assert result.code == 0, (result, log)
        rollout = json.loads(result.out)["run_id"]
        runs = instance.get_runs(dg.RunsFilter(tags={"wish_rollout/rollout": rollout}))
        by_wave = sorted((run.tags["wish_rollout/wave"], run.status.value) for run in runs)
        assert by_wave == [("2", "STARTED"), ("2", "SUCCESS"), ("canary", "SUCCESS")], log
        assert "its runs have given no sign of life" in result.err
        assert instance.get_materialized_partitions(backfills.SCHEMAS) == set(NAMES)
    assert {name: fleet.acts(name) for name in NAMES} == {
        name: [("upgrade", f"tenants/{name}")] for name in NAMES
    }
