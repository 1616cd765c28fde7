"""A run whose process was killed does not stay "started" for ever: the next run ends it, and no other one."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from wish_rollout.defs.runs import interrupted_runs, run_process
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.interrupted_runs import LIFELINE
from wish_rollout.defs.runs.run_process import RunProcess
from wish_rollout.defs.runs.run_tags import BY, COMMAND_LINE, WORKER
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.process_locks import SPACE
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.fix_project import Road


def dagster_database() -> str:
    """Give the address of Dagster's database, as libpq takes it."""
    return os.environ[DAGSTER_VARIABLE].replace("+psycopg2", "", 1)


def statuses(road: Road) -> list[str]:
    with road.here(), open_instance(road.project.config) as instance:
        return [run.status.value for run in reversed(instance.get_runs())]


def await_step(road: Road, step: str) -> None:
    """Wait until the only run is in a step."""
    end = time.monotonic() + 60
    with road.here(), open_instance(road.project.config) as instance:
        while time.monotonic() < end:
            for run in instance.get_runs():
                started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
                if any((event.step_key or "").endswith(step) for event in started):
                    return
            time.sleep(0.05)
    raise AssertionError(f"{step} was never started")


def test_the_run_of_a_killed_process_is_ended_by_the_next_one(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 60")
    with connect(road.urls["local"], "the test") as session, rollout_lock(session, "local", 0):
        process = road.start("apply")
        await_step(road, "migrate_local")
        assert road.cli("verify", "staging").code == 0
        assert statuses(road) == ["STARTED", "SUCCESS"]  # it lives, so nobody ends it
        process.kill()
        process.communicate()

    assert road.cli("apply").code == 3

    assert statuses(road) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert [road.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]


def cut_lifelines(road: Road) -> None:
    """End every session that holds a lifeline, as a firewall would."""
    with psycopg.connect(dagster_database(), autocommit=True) as session:
        query = """select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and classid = %s and objsubid = 2 and pid <> pg_backend_pid()
            and database = (select oid from pg_database where datname = current_database())"""
        assert session.execute(query, [SPACE]).fetchall() == [(True,)]


def test_a_run_whose_lifeline_is_cut_lives_on_and_ends_well(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 60")
    with connect(road.urls["local"], "the test") as session, rollout_lock(session, "local", 0):
        process = road.start("apply")
        await_step(road, "migrate_local")
        cut_lifelines(road)
        assert road.cli("verify", "staging").code == 0
        assert statuses(road) == ["STARTED", "SUCCESS"]
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert statuses(road) == ["SUCCESS", "SUCCESS"]


def test_a_run_on_another_machine_is_ended_once_it_was_silent_for_long(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process cannot be looked at, and its lock goes with any session that is cut."""
    with road.here(), open_instance(road.project.config) as instance:
        run = dg.DagsterRun("verify", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        tags = {BY: COMMAND_LINE, LIFELINE: run.run_id, WORKER: f"{run.run_id} {RunProcess('elsewhere', 1, '2')}"}
        instance.add_run(run.with_tags(tags))
        instance.report_engine_event("begun", run)

    road.cli("verify", "local")
    assert statuses(road)[0] == "STARTED"

    monkeypatch.setattr(interrupted_runs, "SILENT_SECONDS", 0)
    road.cli("verify", "local")
    assert statuses(road)[0] == "FAILURE"


def test_a_process_is_told_from_one_that_was_given_its_number() -> None:
    here = RunProcess.here()
    assert RunProcess.from_text(str(here)) == here
    assert here.has_ended() is False
    assert replace(here, began="1").has_ended() is True
    assert replace(here, machine="elsewhere").has_ended() is None
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert replace(here, pid=child.pid).has_ended() is True  # it has ended, and nobody has collected it
    assert [RunProcess.from_text(text) for text in ("", "a 1", "a b c", "a 1 2 3")] == [None] * 4


def test_a_process_that_cannot_be_seen_is_not_told_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /proc is mounted with hidepid=2, for another user's; and a machine may be known by its name alone."""
    here = RunProcess.here()
    monkeypatch.setattr(run_process, "PROC", tmp_path)
    assert here.has_ended() is None
    monkeypatch.setattr(run_process, "BOOT", tmp_path / "nowhere")
    assert replace(RunProcess.here(), pid=999_999_999).has_ended() is None


def test_a_run_that_ended_well_meanwhile_is_not_told_as_failed(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    with road.here(), open_instance(road.project.config) as instance:
        run = dg.DagsterRun("verify", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
        gone = f"{run.run_id} {replace(RunProcess.here(), began='1')}"
        instance.add_run(run.with_tags({BY: COMMAND_LINE, LIFELINE: run.run_id, WORKER: gone}))

        def is_lock_released(_session: Any, _name: str) -> bool:  # it ends between the list of runs and this look
            instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", "verify"), run.run_id)
            return True

        monkeypatch.setattr(interrupted_runs, "is_gone", is_lock_released)
        road.cli("verify", "local")
    assert statuses(road)[0] == "SUCCESS"


def test_a_run_that_was_given_the_tags_of_another_is_let_be(road: Road) -> None:
    assert road.cli("verify", "local").code != 2
    with road.here(), open_instance(road.project.config) as instance:
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

    road.cli("verify", "local")

    assert statuses(road)[1] == "STARTED"
