"""A run whose process was killed does not stay "started" for ever: the next run ends it, and no other one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.defs.instance import open_instance
from wish_rollout.postgres.connect import connect
from wish_rollout.postgres.locks import rollout_lock

if TYPE_CHECKING:
    from tests.fix_project import Road


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
