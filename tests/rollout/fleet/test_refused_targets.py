"""Targets that are refused, and what a worker process refuses or keeps from scripts."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rollout.fleet.test_wave_rollout import outcomes, roll_out
from wish_rollout.core.errors.configuration import UnencryptedConnection
from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.core.fleet.results import Outcome
from wish_rollout.rollout.fleet.taken_databases import TakenDatabases
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout, waves_of
from wish_rollout.rollout.fleet.worker_pool import WorkerPool

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet

LATER = """
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade():
    op.execute("create table later (id integer)")


def downgrade():
    op.execute("drop table later")
"""


def test_a_second_name_of_a_database_fails(fleet: Fleet) -> None:
    fleet.add("a")
    other = {"name": "alias", "url": fleet.url("a").replace("127.0.0.1", "localhost")}
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write(json.dumps(other) + "\n")
    fleet.configure("[[environment.wave]]\nrest = true\n")

    found = roll_out(fleet)

    assert outcomes(found) == {"a": "done", "alias": "failed"}
    assert found["alias"].error is not None
    assert found["alias"].error.name == "TargetsShareDatabase"


def test_the_database_of_an_environment_is_no_target(fleet: Fleet) -> None:
    """The URL has another address and another time zone."""
    local = fleet.workspace.database_urls["local"].replace("127.0.0.1", "localhost")
    local += "?options=-ctimezone%3DAsia/Tokyo"
    (fleet.root / "tenants.txt").write_text(json.dumps({"name": "a", "url": local}) + "\n")

    found = roll_out(fleet)

    assert found["a"].error is not None
    assert found["a"].error.name == "EnvironmentsShareDatabase"
    assert fleet.workspace.revision("local") is None


def test_the_database_of_an_environment_is_no_target_after_a_restart(fleet: Fleet) -> None:
    """The start time of the server was another one when the environment was read."""
    project, local = fleet.workspace.project, fleet.workspace.project.target("local")
    found = TakenDatabases.read(project)
    before = replace(found, by_instance=dict.fromkeys(["1.5 1"], "local"))

    with pytest.raises(EnvironmentsShareDatabase):
        before.refuse(local)


def test_no_target_gets_a_release_that_was_written_after_the_beginning(fleet: Fleet) -> None:
    fleet.add("a")
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    with WorkerPool(project, env.name) as pool:
        (fleet.root / "migrations" / "versions" / "0008_later.py").write_text(LATER)

        with pytest.raises(
            FleetWorkerFailed, match="the scripts were changed after the rollout to 'tenants'"
        ):
            list(WaveRollout(env, targets, pool).run(waves_of(env, targets)))

    assert fleet.revisions() == {"a": "0006"}


def test_a_script_reads_no_orders_from_its_standard_input(fleet: Fleet) -> None:
    fleet.add("a")
    read = (
        'op.execute("create table later (id integer)")\n    __import__("subprocess").run(["cat"], check=True)'
    )
    script = fleet.root / "migrations" / "versions" / "0008_later.py"
    script.write_text(LATER.replace('op.execute("create table later (id integer)")', read))
    project, env, targets = fleet.workspace.project, fleet.environment, fleet.targets
    with WorkerPool(project, env.name) as pool:

        def end_workers() -> None:
            for worker in pool.workers:
                worker.process.kill()

        timer = threading.Timer(30, end_workers)
        timer.start()
        results = list(WaveRollout(env, targets, pool).run(waves_of(env, targets)))
        timer.cancel()

    assert [(result.outcome, result.attempts) for result in results] == [(Outcome.DONE, 1)]
    assert fleet.revisions() == {"a": "0008"}


def test_targets_have_the_protection_of_gated_environments(fleet: Fleet) -> None:
    (fleet.root / "tenants.txt").write_text('{"name": "a", "url": "postgresql://app@db.example.org/a"}\n')
    (target,) = fleet.targets
    project = fleet.workspace.project

    with (
        pytest.raises(UnencryptedConnection, match=r"db\.example\.org"),
        project.target_at(target.environment, target.url).connect(),
    ):
        pass
    assert not target.environment.runs_revision_checks
    assert fleet.workspace.project.target("local").environment.runs_revision_checks


def test_a_missing_database_fails_by_itself(fleet: Fleet) -> None:
    fleet.add("a")
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write("gone\n")
    fleet.configure("[[environment.wave]]\nrest = true\nmax_failures = 1\n")

    found = roll_out(fleet)

    assert found["a"].outcome is Outcome.DONE
    assert found["gone"].error is not None
    assert (found["gone"].error.name, found["gone"].attempts) == ("DatabaseMissing", 1)
