"""A rollout to a fleet: waves, failures, and what a second rollout does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_fleet import HEAD
from wish_rollout.postgres.sessions.rollout_lock import KEY
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout, waves_of
from wish_rollout.rollout.fleet.worker_pool import WorkerPool

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet
    from wish_rollout.core.fleet.results import TargetResult

CANARIES = """
[[environment.wave]]
name = "canary"
match = "canary-*"
soak = "1s"

[[environment.wave]]
rest = true
"""
DRIFT = "create table by_hand (id integer)"


def roll_out(fleet: Fleet, lines: list[str] | None = None) -> dict[str, TargetResult]:
    """Roll the release out to the fleet; return the result of each target. ``lines``: gets the progress."""
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    with WorkerPool(project, env.name, who="operator") as pool:
        rollout = WaveRollout(env, targets, pool, report=(lines if lines is not None else []).append)
        list(rollout.run(waves_of(env, targets)))
    return rollout.results


def outcomes(results: dict[str, TargetResult]) -> dict[str, str]:
    """Return the outcome of each target."""
    return {name: result.outcome.value for name, result in results.items()}


def test_a_canary_that_fails_stops_the_rest_and_a_second_rollout_continues(fleet: Fleet) -> None:
    fleet.add("canary-1", "canary-2", "a", "b")
    fleet.configure(CANARIES)
    fleet.sql("canary-2", DRIFT)

    first = roll_out(fleet)

    assert outcomes(first) == {
        "canary-1": "done",
        "canary-2": "failed",
        "a": "not_begun",
        "b": "not_begun",
    }
    assert first["canary-2"].error is not None
    assert (first["canary-2"].error.name, first["canary-2"].error.exit_code) == ("SchemaDrifted", 4)
    assert fleet.revisions() == {"canary-1": HEAD, "canary-2": "0006", "a": "0006", "b": "0006"}

    fleet.sql("canary-2", "drop table by_hand")
    lines: list[str] = []
    second = roll_out(fleet, lines)

    assert outcomes(second) == {"canary-1": "unchanged", "canary-2": "done", "a": "done", "b": "done"}
    assert [fleet.acts(name) for name in fleet.databases] == [
        [("upgrade", f"tenants/{name}")] for name in fleet.databases
    ]
    assert len({result.fingerprint for result in second.values()}) == 1
    assert lines == ["tenants: wave canary has ended; the next begins in 1 s"]


def test_nothing_begins_when_more_targets_have_failed_than_may(fleet: Fleet) -> None:
    fleet.add("a", "b", "c", "d")
    fleet.configure('[[environment.wave]]\nrest = true\nmax_failures = "25%"\n')
    for name in ("a", "c"):
        fleet.sql(name, DRIFT)

    assert outcomes(roll_out(fleet)) == {"a": "failed", "b": "done", "c": "failed", "d": "not_begun"}


def test_the_next_target_is_begun_before_a_result_is_recorded(fleet: Fleet) -> None:
    fleet.add("a", "b")
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    end = time.monotonic() + 60
    with WorkerPool(project, env.name, who="operator") as pool:
        results = WaveRollout(env, targets, pool).run(waves_of(env, targets))
        assert next(results).target == "a"
        while fleet.revisions()["b"] != HEAD:
            assert time.monotonic() < end, "the next target is not begun"
        assert [result.target for result in results] == ["b"]


def test_a_result_is_not_lost_if_the_next_target_cannot_be_begun(fleet: Fleet) -> None:
    fleet.add("a", "b")
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    asked: list[None] = []

    def is_closed() -> bool:
        asked.append(None)
        if len(asked) > 1:
            raise psycopg.OperationalError("Dagster's database does not answer")
        return False

    with WorkerPool(project, env.name, who="operator") as pool:
        rollout = WaveRollout(env, targets, pool, is_closed=is_closed)
        results = rollout.run(waves_of(env, targets))
        assert next(results).target == "a"
        with pytest.raises(psycopg.OperationalError):
            next(results)
    assert list(rollout.results) == ["a"]


def test_a_later_wave_begins_after_failures_if_rollout_toml_says_so(fleet: Fleet) -> None:
    fleet.add("canary-1", "a")
    fleet.configure(CANARIES.replace('soak = "1s"', 'on_failure = "continue"'))
    fleet.sql("canary-1", DRIFT)

    assert outcomes(roll_out(fleet)) == {"canary-1": "failed", "a": "done"}


def test_a_target_of_another_rollout_is_retried_and_then_listed(fleet: Fleet) -> None:
    fleet.add("a", "b")
    fleet.configure("[[environment.wave]]\nrest = true\nmax_failures = 1\n")
    fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 0")
    with psycopg.connect(fleet.url("a"), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])

        found = roll_out(fleet)

    assert outcomes(found) == {"b": "done", "a": "failed"}
    assert found["a"].error is not None
    assert (found["a"].attempts, found["a"].error.name) == (2, "RolloutLockHeld")


def test_a_target_that_is_not_tried_again_has_failed(fleet: Fleet) -> None:
    fleet.add("a", "b", "c")
    fleet.configure("[[environment.wave]]\nrest = true\n")
    fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 1\nlock_wait = 0")
    fleet.sql("b", DRIFT)
    with psycopg.connect(fleet.url("a"), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])

        found = roll_out(fleet)

    assert outcomes(found) == {"b": "failed", "a": "failed", "c": "not_begun"}
    assert found["a"].error is not None
    assert found["a"].error.name == "RolloutLockHeld"


def test_the_target_of_a_killed_worker_is_tried_again(fleet: Fleet) -> None:
    fleet.add("slow", "a", "b")
    fleet.configure("[[environment.wave]]\nrest = true\nparallel = 2\n")
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    results = {}
    with psycopg.connect(fleet.url("slow"), autocommit=True) as other, WorkerPool(project, env.name) as pool:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        for result in WaveRollout(env, targets, pool).run(waves_of(env, targets)):
            results[result.target] = result
            if result.target == "a":
                (worker,) = (each for each in pool.workers if each.target and each.target.name == "slow")
                worker.process.kill()
                other.execute("select pg_advisory_unlock(%s)", [KEY])

    assert outcomes(results) == {"a": "done", "b": "done", "slow": "done"}
    assert (results["slow"].attempts, pool.died) == (2, ["it was ended by SIGKILL"])
    assert fleet.acts("slow") == [("upgrade", "tenants/slow")]
