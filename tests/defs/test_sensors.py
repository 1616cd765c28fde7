"""Ticks of the drift sensor. The tests of ``resume_on_approval`` are in tests/gate."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.drift import readings
from wish_rollout.defs.drift.cursor import TICKS_UNTIL_UNREACHABLE
from wish_rollout.defs.drift.sensor import EPISODE_TAG

if TYPE_CHECKING:
    from tests.fix_project import Workspace

INDEX = "create index by_hand on wishlist_items (title)"
RECREATED = f"drop index by_hand; {INDEX}"
CHANGES = {
    "table": ("create table by_hand (id int)", "drop table by_hand"),
    "column": ("alter table wishlist_items add by_hand int", "alter table wishlist_items drop by_hand"),
    "index": (INDEX, "drop index by_hand"),
    "constraint": (
        "alter table wishlist_items add constraint by_hand check (title <> 'x')",
        "alter table wishlist_items drop constraint by_hand",
    ),
    "default": (
        "alter table wishlist_items alter notes set default 'x'",
        "alter table wishlist_items alter notes drop default",
    ),
    "view": ("create view by_hand as select 1 as one", "drop view by_hand"),
    "function": (
        "create function by_hand() returns int language sql as 'select 1'",
        "drop function by_hand",
    ),
    "sequence": ("create sequence by_hand", "drop sequence by_hand"),
    "enum": ("create type by_hand as enum ('a')", "drop type by_hand"),
    "domain": ("create domain by_hand as int", "drop domain by_hand"),
    "rule": (
        "create rule by_hand as on delete to wishlist_items do instead nothing",
        "drop rule by_hand on wishlist_items",
    ),
    "policy": ("create policy by_hand on wishlist_items", "drop policy by_hand on wishlist_items"),
    "comment": ("comment on table wishlist_items is 'by hand'", "comment on table wishlist_items is null"),
    "schema": ("create schema by_hand", "drop schema by_hand"),
    "statistics": (
        "create statistics by_hand on title, store from wishlist_items",
        "drop statistics by_hand",
    ),
    "privilege": (
        "grant select on wishlist_items to public",
        "revoke select on wishlist_items from public",
    ),
}
"""A change by hand of each kind, and the statement that takes it back."""


class Sensor:
    """The drift sensor, evaluated like Dagster's daemon does: each tick gets the previous tick's cursor."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        definitions = build_definitions(workspace.project.config)
        (self.definition,) = [sensor for sensor in definitions.sensors or () if sensor.name == "drift"]
        self.repository = definitions.get_repository_def()
        self.instance = instance
        self.cursor: str | None = None
        self.events: list[Any] = []

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
        self.events = list(data.asset_events)
        return list(data.run_requests or ())

    def said(self, text: str) -> bool:
        """Return whether the last tick gave this reason for an environment."""
        return text in self.skipped.split("; ")

    def skips_unchanged(self, environment: str, verdict: str) -> bool:
        """Return whether a tick reads no schema. Roles that other tests create on the server cause one more reading."""
        unchanged = f"{environment}: {verdict}, no change"
        for _ in range(20):
            if self.tick() or self.said(unchanged):
                break
        return self.said(unchanged)


def begin_drift(workspace: Workspace, instance: dg.DagsterInstance) -> tuple[Sensor, Any]:
    """Return a sensor that has found an index made by hand in ``local``, and its request."""
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    workspace.sql("local", INDEX)
    (request,) = sensor.tick()
    return sensor, request


def test_drift_requests_a_run_when_it_begins_changes_and_ends(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    assert (sensor.tick(), sensor.said("local is in_step")) == ([], True)
    assert sensor.skips_unchanged("local", "in_step")

    workspace.sql("local", INDEX)
    before = sensor.cursor
    (request,) = sensor.tick()
    assert (request.run_config["ops"], request.tags["wish_rollout/drift"]) == (
        {"check_drift": {"config": {"environments": ["local"]}}},
        "local",
    )
    outcome = workspace.run_job("drift_check", dict(request.run_config))
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "SchemaDrifted", 4)
    assert sensor.tick() == []

    workspace.sql("local", "create index another on wishlist_items (notes)")
    (second,) = sensor.tick()
    workspace.sql("local", "drop index by_hand, another")
    (third,) = sensor.tick()
    assert workspace.run_job("drift_check", dict(third.run_config)).success
    assert sensor.skips_unchanged("local", "in_step")
    episodes = {each.tags[EPISODE_TAG] for each in (request, second, third)}
    assert (len({each.run_key for each in (request, second, third)}), len(episodes)) == (3, 1)

    sensor.cursor = before
    workspace.sql("local", INDEX)
    (next_episode,) = sensor.tick()
    sensor.cursor = None  # a reset sensor
    (after_reset,) = sensor.tick()
    assert len({each.run_key for each in (request, second, third, next_episode, after_reset)}) == 5


def test_recorded_drift_requests_no_run_when_something_else_changes_the_state_token(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    sensor, request = begin_drift(workspace, instance)
    assert not workspace.run_job("drift_check", dict(request.run_config)).success
    for _ in range(2):
        workspace.sql("local", RECREATED)
        assert (sensor.tick(), sensor.said("local is drifted")) == ([], True)
    workspace.sql("local", "create index another on wishlist_items (notes)")
    assert len(sensor.tick()) == 1


def test_drift_is_checked_again_if_the_run_found_another_schema(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    sensor, request = begin_drift(workspace, instance)
    workspace.sql("local", "drop index by_hand")
    assert workspace.run_job("drift_check", dict(request.run_config)).success
    workspace.sql("local", INDEX)
    assert len(sensor.tick()) == 1


def test_drift_that_was_recorded_before_the_first_tick_begins_and_ends(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("local")
    workspace.sql("local", INDEX)
    assert not workspace.run_job("drift_check").success
    sensor = Sensor(workspace, instance)
    assert len(sensor.tick()) == 1
    workspace.sql("local", "drop index by_hand")
    assert len(sensor.tick()) == 1


def test_repeated_tick_requests_the_same_run(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    """A daemon that was killed evaluates the sensor with the same cursor again."""
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    keys = []
    for statement in (INDEX, "drop index by_hand"):
        workspace.sql("local", statement)
        sensor.tick()
    workspace.sql("local", INDEX)
    cursor = sensor.cursor
    for _ in range(2):
        sensor.cursor = cursor
        keys.append([each.run_key for each in sensor.tick()])
    assert (keys[0], len(keys[0])) == (keys[1], 1)


def test_same_drift_again_is_reported_again_for_each_kind(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    sensor.tick()
    keys, silent = [], []
    for kind, (change, back) in CHANGES.items():
        for statement in (change, back, change, back):
            workspace.sql("local", statement)
            requests = sensor.tick()
            keys += [each.run_key for each in requests]
            silent += [] if requests else [(kind, statement)]
    assert silent == []
    assert len(set(keys)) == len(keys) == 4 * len(CHANGES)


def test_unreachable_database_is_one_event_after_some_ticks(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    sensor = Sensor(workspace, instance)
    assert (sensor.tick(), sensor.said("prod is behind")) == ([], True)
    url = workspace.urls["prod"]
    workspace.set_url("prod", "postgresql://rollout:pl4nted-s3cret@127.0.0.1:1/prod")
    events = []
    for _ in range(TICKS_UNTIL_UNREACHABLE + 2):
        assert sensor.tick() == []
        assert "prod does not answer since" in sensor.skipped
        assert "pl4nted-s3cret" not in sensor.skipped
        events.append([each.metadata["state"].value for each in sensor.events])
    assert events == [[]] * (TICKS_UNTIL_UNREACHABLE - 1) + [["unreachable"], [], []]

    workspace.set_url("prod", url)
    assert sensor.tick() == []
    assert [each.metadata["state"].value for each in sensor.events] == ["reachable"]
    assert (sensor.tick(), sensor.events) == ([], [])


def test_wrong_configuration_fails_the_tick(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    sensor = Sensor(workspace, instance)
    workspace.unset_url("prod")
    assert sensor.tick() == []
    assert "has no database URL" in sensor.skipped
    with pytest.raises(dg.Failure, match="has no database URL"):
        sensor.tick()


def test_wrong_configuration_of_one_environment_hides_no_drift_of_another(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    sensor.tick()
    workspace.unset_url("prod")
    workspace.sql("local", INDEX)
    assert [each.tags["wish_rollout/drift"] for each in sensor.tick()] == ["local"]
    with pytest.raises(dg.Failure, match="has no database URL"):
        sensor.tick()


def test_database_that_never_answers_delays_no_other(
    workspace: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "SECONDS_OF_READINGS", 2.0)
    workspace.migrate("local")
    sensor = Sensor(workspace, instance)
    sensor.tick()
    workspace.sql("local", INDEX)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        workspace.set_url("prod", f"postgresql://rollout@127.0.0.1:{port}/prod?connect_timeout=5")
        assert [each.tags["wish_rollout/drift"] for each in sensor.tick()] == ["local"]
        assert sensor.tick() == []
    assert "prod does not answer since" in sensor.skipped
    assert "(2 of 3 ticks)" in sensor.skipped


def test_database_that_was_not_tried_is_not_unreachable_and_is_tried_first_in_the_next_tick(
    workspace: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "SECONDS_OF_READINGS", 2.0)
    monkeypatch.setattr(readings, "PARALLEL_READINGS", 1)
    sensor = Sensor(workspace, instance)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        workspace.set_url("local", f"postgresql://rollout@127.0.0.1:{port}/prod?connect_timeout=5")
        sensor.tick()
        assert "local does not answer since" in sensor.skipped
        assert "staging was not tried: others took the time of the tick" in sensor.skipped
        sensor.tick()
    assert "staging is behind" in sensor.skipped


def test_changed_rows_are_not_drift_and_cause_no_schema_read(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("staging")
    sensor = Sensor(workspace, instance)
    assert sensor.tick() == []
    workspace.sql("staging", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    assert sensor.skips_unchanged("staging", "in_step")
