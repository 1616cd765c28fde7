"""Ticks of the drift sensors. The tests of ``resume_on_approval`` are in tests/gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from wish_rollout.defs.code_location import build_definitions

if TYPE_CHECKING:
    from tests.fix_project import Workspace


class Sensor:
    """A sensor that is evaluated like Dagster's daemon does: each tick gets the previous tick's cursor."""

    def __init__(self, workspace: Workspace, name: str, instance: dg.DagsterInstance) -> None:
        definitions = build_definitions(workspace.project.config)
        (self.definition,) = [sensor for sensor in definitions.sensors or () if sensor.name == name]
        self.repository = definitions.get_repository_def()
        self.instance = instance
        self.cursor: str | None = None

    def tick(self) -> list[Any]:
        """Evaluate the sensor once; return its run requests."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.repository,
            sensor_name=self.definition.name,
        )
        data = self.definition.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        self.skipped = data.skip_message or ""
        return list(data.run_requests or ())


def test_each_new_drift_requests_one_run(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    workspace.migrate("local")
    sensor = Sensor(workspace, "drift_local", instance)
    assert (sensor.tick(), sensor.skipped) == ([], "local is in_step")
    assert (sensor.tick(), sensor.skipped) == ([], "no change since the verdict in_step")

    workspace.sql("local", "create index by_hand on wishlist_items (title)")
    (request,) = sensor.tick()
    assert (request.run_config["ops"], request.tags["wish_rollout/drift"]) == (
        {next(iter(request.run_config["ops"])): {"config": {"environments": ["local"]}}},
        "local",
    )
    assert sensor.tick() == []

    outcome = workspace.run_job("drift_check", dict(request.run_config))
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "SchemaDrifted", 4)

    workspace.sql("local", "create index another on wishlist_items (notes)")
    (second,) = sensor.tick()
    assert second.run_key != request.run_key
    workspace.sql("local", "drop index by_hand, another")
    assert (sensor.tick(), sensor.skipped) == ([], "local is in_step")


def test_pending_revisions_request_no_run_and_an_unreachable_database_fails_the_tick(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    sensor = Sensor(workspace, "drift_prod", instance)
    assert (sensor.tick(), sensor.skipped) == ([], "prod is behind")
    workspace.set_url("prod", "postgresql://rollout:pl4nted-s3cret@127.0.0.1:1/prod")
    with pytest.raises(dg.Failure, match="cannot be reached") as failure:
        sensor.tick()
    assert "pl4nted-s3cret" not in str(failure.value.description)


def test_changed_rows_are_not_drift_and_cause_no_schema_read(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("staging")
    sensor = Sensor(workspace, "drift_staging", instance)
    assert sensor.tick() == []
    workspace.sql("staging", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    assert (sensor.tick(), sensor.skipped) == ([], "no change since the verdict in_step")
