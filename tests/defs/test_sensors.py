"""The drift sensors' ticks: each finding asks for one run, once; tests/gate holds the other sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from wish_rollout.defs.code_location import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road


@pytest.fixture
def instance(road: Road) -> Iterator[dg.DagsterInstance]:
    """Dagster's own records of the road."""
    with dg.DagsterInstance.get() as opened:
        yield opened


class Sensor:
    """A sensor that is evaluated tick after tick, as Dagster's daemon does: a tick gets the last one's cursor."""

    def __init__(self, road: Road, name: str, instance: dg.DagsterInstance) -> None:
        definitions = build(road.project.config)
        (self.definition,) = [sensor for sensor in definitions.sensors or () if sensor.name == name]
        self.repository = definitions.get_repository_def()
        self.instance = instance
        self.cursor: str | None = None

    def tick(self) -> list[Any]:
        """Evaluate once; give the runs that it asks for."""
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


def test_drift_asks_for_one_run_a_finding(road: Road, instance: dg.DagsterInstance) -> None:
    road.migrate("local")
    sensor = Sensor(road, "drift_local", instance)
    assert (sensor.tick(), sensor.skipped) == ([], "local is in_step")
    assert (sensor.tick(), sensor.skipped) == ([], "nothing has changed since it was in_step")

    road.sql("local", "create index by_hand on wishlist_items (title)")
    (request,) = sensor.tick()
    assert (request.run_config["ops"], request.tags["wish_rollout/drift"]) == (
        {next(iter(request.run_config["ops"])): {"config": {"environments": ["local"]}}},
        "local",
    )
    assert sensor.tick() == []

    outcome = road.run("drift_check", dict(request.run_config))
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "Drifted", 4)

    road.sql("local", "create index another on wishlist_items (notes)")
    (second,) = sensor.tick()
    assert second.run_key != request.run_key
    road.sql("local", "drop index by_hand, another")
    assert (sensor.tick(), sensor.skipped) == ([], "local is in_step")


def test_an_environment_that_is_behind_asks_for_no_run_and_one_that_is_gone_fails_the_tick(
    road: Road, instance: dg.DagsterInstance
) -> None:
    sensor = Sensor(road, "drift_prod", instance)
    assert (sensor.tick(), sensor.skipped) == ([], "prod is behind")
    road.point("prod", "postgresql://rollout:pl4nted-s3cret@127.0.0.1:1/prod")
    with pytest.raises(dg.Failure, match="cannot be reached") as told:
        sensor.tick()
    assert "pl4nted-s3cret" not in str(told.value.description)


def test_rows_are_no_drift_and_cost_no_look(road: Road, instance: dg.DagsterInstance) -> None:
    road.migrate("staging")
    sensor = Sensor(road, "drift_staging", instance)
    assert sensor.tick() == []
    road.sql("staging", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    assert (sensor.tick(), sensor.skipped) == ([], "nothing has changed since it was in_step")
