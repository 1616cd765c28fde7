"""What somebody who reaches Dagster's UI can try with a run's configuration: none of it gets round the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from wish_rollout.config import load_config
from wish_rollout.defs.launch import open_instance
from wish_rollout.defs.location import build
from wish_rollout.defs.pipeline import ROAD

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def job_of() -> dg.JobDefinition:
    """Give the job that is executed, as a program that loads the code location would."""
    return build(load_config()).resolve_job_def("rollout")


def resource(name: str, **config: Any) -> dict[str, Any]:
    """Write a run's configuration of one resource, as the launchpad takes it."""
    return {"resources": {name: {"config": config}}}


@pytest.mark.parametrize("name", ["local", "staging"])
def test_an_environment_without_a_gate_cannot_be_pointed_at_prod(gate: Gate, name: str) -> None:
    outcome = gate.road.run("rollout", resource(f"database_{name}", url={"env": "PROD_DATABASE_URL"}))
    assert gate.road.revision("prod") is None
    assert (outcome.success, outcome.error_class) == (False, "Overridden")


def test_a_rollback_cannot_be_pointed_at_prod(gate: Gate) -> None:
    gate.road.migrate("prod")
    ops = {"ops": {"rollback_environment": {"config": {"environment": "local"}}}}
    outcome = gate.road.run(
        "rollback", {**ops, **resource("database_local", url={"env": "PROD_DATABASE_URL"})}
    )
    assert gate.road.revision("prod") == "0007"
    assert (outcome.success, outcome.error_class) == (False, "Overridden")


def test_another_configuration_cannot_be_put_in_place_of_this_one(gate: Gate) -> None:
    other = gate.road.root / "other.toml"
    other.write_text((gate.road.root / "rollout.toml").read_text().split("[environment.approval]")[0])
    gate.road.edit("other.toml", "gated = true", "")
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.road.run("rollout", resource("project", config_path=str(other)))
    assert gate.road.revision("prod") is None


def test_a_run_of_the_migrating_step_alone_meets_the_gate_there(gate: Gate) -> None:
    """As the UI's re-execution of chosen steps does: the gate's own step is left out."""
    gate.ask()
    config = gate.road.project.config
    with gate.road.here(), open_instance(config) as instance:
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
        steps = [f"{ROAD}.migrate_prod"]
        result = dg.execute_job(
            dg.reconstructable(job_of),
            instance,
            reexecution_options=dg.ReexecutionOptions(parent_run_id=stopped.run_id, step_selection=steps),
        )
        (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "WaitingAtGate" in str(failure.step_failure_data.user_failure_data)
    assert gate.road.revision("prod") is None
