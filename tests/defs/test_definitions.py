"""The code location, as Dagster loads it: built from rollout.toml, and nothing connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from tests.fix_project import HERE
from wish_rollout.config import load_config
from wish_rollout.defs.code_location import build

if TYPE_CHECKING:
    from pathlib import Path

CANARY = '\n[[environment]]\nname = "canary"\ngated = true\n'
CHECKS = {
    "columns",
    "indexes",
    "enums",
    "constraints",
    "nothing_invalid",
    "exact_delta",
    "idempotent",
    "behaviour",
}


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's rollout.toml whose databases are nowhere."""
    for name in ("LOCAL", "STAGING", "PROD", "CANARY"):
        monkeypatch.setenv(f"{name}_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    (tmp_path / "migrations").symlink_to(HERE / "migrations")
    path = tmp_path / "rollout.toml"
    path.write_text((HERE / "rollout.toml").read_text())
    return path


def definitions(toml: Path) -> dg.Definitions:
    made = build(load_config(toml))
    dg.Definitions.validate_loadable(made)
    return made


def lineage(made: dg.Definitions) -> dict[str, set[str]]:
    graph = made.resolve_asset_graph()
    return {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[0] != "approval"
    }


def ops(made: dg.Definitions) -> list[str]:
    (road,) = [
        node for node in made.resolve_job_def("rollout").graph.nodes if hasattr(node.definition, "node_defs")
    ]
    graph: Any = road.definition
    return [node.name for node in graph.nodes_in_topological_order]


def test_the_lineage_leads_from_the_plan_through_every_environment(toml: Path) -> None:
    made = definitions(toml)
    assert lineage(made) == {
        "release/plan": set(),
        "schema/local": {"release/plan"},
        "schema/staging": {"schema/local"},
        "schema/prod": lineage(made)["schema/prod"],
    }
    assert "schema/staging" in lineage(made)["schema/prod"]
    assert ops(made) == [
        "preflight_drift_check",
        "migrate_local",
        "verify_local",
        "migrate_staging",
        "verify_staging",
        "manual_gate",
        "migrate_prod",
        "verify_prod",
    ]


def test_jobs_sensors_and_checks_are_there(toml: Path) -> None:
    made = definitions(toml)
    names = {job.name for job in made.jobs or () if not job.name.startswith("__")}
    assert {"rollout", "rollback", "approve", "verify", "drift_check"} <= names
    assert {sensor.name for sensor in made.sensors or ()} == {
        "drift_local",
        "drift_staging",
        "drift_prod",
        "resume_on_approval",
    }
    for name in ("local", "staging", "prod"):
        keys = made.resolve_asset_graph().get_check_keys_for_assets({dg.AssetKey(["schema", name])})
        assert {key.name for key in keys} == CHECKS


def test_without_staging_the_gate_follows_local(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGING_DATABASE_URL")
    made = definitions(toml)
    assert "schema/staging" not in lineage(made)
    assert "schema/local" in lineage(made)["schema/prod"]
    assert [name for name in ops(made) if "gate" in name or "staging" in name] == ["manual_gate"]


def test_a_fourth_environment_with_a_gate_of_its_own(toml: Path) -> None:
    toml.write_text(toml.read_text() + CANARY)
    made = definitions(toml)
    assert "schema/prod" in lineage(made)["schema/canary"]
    assert ops(made)[-6:] == [
        "manual_gate_prod",
        "migrate_prod",
        "verify_prod",
        "manual_gate_canary",
        "migrate_canary",
        "verify_canary",
    ]


def test_a_road_without_a_gate_has_no_sensor_for_approvals(toml: Path) -> None:
    toml.write_text(toml.read_text().partition("[environment.approval]")[0].replace("gated = true", ""))
    made = definitions(toml)
    assert "resume_on_approval" not in {sensor.name for sensor in made.sensors or ()}
    assert not [name for name in ops(made) if "gate" in name]


def test_no_url_is_part_of_what_dagster_shows(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROD_DATABASE_URL", "postgresql://u:pl4nted-s3cret@127.0.0.1:1/nowhere")
    made = definitions(toml)
    assert "pl4nted-s3cret" not in repr(made)
    resource = (made.resources or {})["database_prod"]
    assert "PROD_DATABASE_URL" in repr(resource)
