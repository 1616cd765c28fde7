"""Runs whose process was killed are reported as failed by the next run."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg
import psycopg

from wish_rollout.defs.runs import interrupted_runs, run_process
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.run_process import RunProcess
from wish_rollout.defs.runs.run_tags import COMMAND_LINE, EARLIER_NAMES, LAUNCHED_BY, PROCESS, RUN_LOCK
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.process_locks import LOCK_CLASS
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.fix_project import Workspace


def dagster_database() -> str:
    """Return the URL of Dagster's database in the form of libpq."""
    return os.environ[DAGSTER_VARIABLE].replace("+psycopg2", "", 1)


def statuses(workspace: Workspace) -> list[str]:
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        return [run.status.value for run in reversed(instance.get_runs())]


def await_step(workspace: Workspace, step: str) -> None:
    """Wait until a run has started a step."""
    end = time.monotonic() + 120
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        while time.monotonic() < end:
            for run in instance.get_runs():
                started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
                if any((event.step_key or "").endswith(step) for event in started):
                    return
            time.sleep(0.05)
    raise AssertionError(f"{step} was never started")


def test_next_run_reports_the_run_of_a_killed_process_as_failed(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 60")
    with connect(workspace.urls["local"], "the test") as session, rollout_lock(session, "local", 0):
        process = workspace.start("apply")
        await_step(workspace, "migrate_local")
        assert workspace.cli("verify", "staging").code == 0
        assert statuses(workspace) == ["STARTED", "SUCCESS"]  # its process is alive
        process.kill()
        process.communicate()

    assert workspace.cli("apply").code == 3

    assert statuses(workspace) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]


def terminate_lock_sessions(workspace: Workspace) -> None:
    """Terminate every session that holds a run's lock, as a firewall may do."""
    with psycopg.connect(dagster_database(), autocommit=True) as session:
        query = """select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and classid = %s and objsubid = 2 and pid <> pg_backend_pid()
            and database = (select oid from pg_database where datname = current_database())"""
        assert session.execute(query, [LOCK_CLASS]).fetchall() == [(True,)]


def test_run_that_lost_its_lock_session_is_not_reported_as_failed(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 60")
    with connect(workspace.urls["local"], "the test") as session, rollout_lock(session, "local", 0):
        process = workspace.start("apply")
        await_step(workspace, "migrate_local")
        terminate_lock_sessions(workspace)
        assert workspace.cli("verify", "staging").code == 0
        assert statuses(workspace) == ["STARTED", "SUCCESS"]
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, out + err
    assert statuses(workspace) == ["SUCCESS", "SUCCESS"]


def test_run_of_another_machine_is_reported_as_failed_after_a_long_silence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process cannot be checked from here, and a released lock alone proves nothing."""
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        run = dg.DagsterRun("verify", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        earlier = dg.DagsterRun("verify", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        for each, names in ((run, {}), (earlier, EARLIER_NAMES)):
            tags = {RUN_LOCK: each.run_id, PROCESS: f"{each.run_id} {RunProcess('elsewhere', 1, '2')}"}
            named = {names.get(name, name): value for name, value in tags.items()}
            instance.add_run(each.with_tags({LAUNCHED_BY: COMMAND_LINE, **named}))
            instance.report_engine_event("started", each)

    workspace.cli("verify", "local")
    assert statuses(workspace)[:2] == ["STARTED", "STARTED"]

    monkeypatch.setattr(interrupted_runs, "SILENT_SECONDS", 0)
    workspace.cli("verify", "local")
    assert statuses(workspace)[:2] == ["FAILURE", "FAILURE"]


def test_process_differs_from_a_later_process_with_the_same_id() -> None:
    here = RunProcess.here()
    assert RunProcess.from_text(str(here)) == here
    assert here.has_ended() is False
    assert replace(here, start_time="1").has_ended() is True
    assert replace(here, machine="elsewhere").has_ended() is None
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert replace(here, pid=child.pid).has_ended() is True  # a zombie
    assert [RunProcess.from_text(text) for text in ("", "a 1", "a b c", "a 1 2 3")] == [None] * 4


def test_process_that_cannot_be_read_is_not_reported_as_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's process may be hidden (hidepid=2), and the boot ID may be unreadable."""
    here = RunProcess.here()
    monkeypatch.setattr(run_process, "PROC", tmp_path)
    assert here.has_ended() is None
    monkeypatch.setattr(run_process, "BOOT", tmp_path / "nowhere")
    assert replace(RunProcess.here(), pid=999_999_999).has_ended() is None


def test_run_that_succeeds_during_the_check_is_not_reported_as_failed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        run = dg.DagsterRun("verify", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run.with_tags({LAUNCHED_BY: COMMAND_LINE}))

        def process_has_ended(_run: dg.DagsterRun) -> bool:
            # the run ends between the list of runs and this check
            instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", "verify"), run.run_id)
            return True

        monkeypatch.setattr(interrupted_runs, "_process_has_ended", process_has_ended)
        workspace.cli("verify", "local")
    assert statuses(workspace)[0] == "SUCCESS"


def test_run_with_copied_tags_is_not_reported_as_failed(workspace: Workspace) -> None:
    assert workspace.cli("verify", "local").code != 2
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        (ended,) = instance.get_runs()
        again = dg.DagsterRun(
            job_name=ended.job_name,
            run_id=dg.DagsterRun(job_name="any").run_id,
            tags=ended.tags,
            status=dg.DagsterRunStatus.STARTED,
            parent_run_id=ended.run_id,
            root_run_id=ended.run_id,
        )
        instance.add_run(again)

    workspace.cli("verify", "local")

    assert statuses(workspace)[1] == "STARTED"
