"""The Dagster definitions, built from rollout.toml without a database connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from tests.fix_project import REPOSITORY
from wish_rollout.config import load_config
from wish_rollout.defs.code_location import build_definitions

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


STATE_CHECKS = {"no_drift", "preflight"}
"""Checks of a state, which other events than a verification evaluate too."""


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rollout.toml of a project whose databases do not exist."""
    for name in ("LOCAL", "STAGING", "PROD", "CANARY"):
        monkeypatch.setenv(f"{name}_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    (tmp_path / "migrations").symlink_to(REPOSITORY / "migrations")
    path = tmp_path / "rollout.toml"
    path.write_text((REPOSITORY / "rollout.toml").read_text())
    return path


def definitions(toml: Path) -> dg.Definitions:
    built = build_definitions(load_config(toml))
    dg.Definitions.validate_loadable(built)
    return built


def lineage(built: dg.Definitions) -> dict[str, set[str]]:
    graph = built.resolve_asset_graph()
    return {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[0] != "approval"
    }


def ops(built: dg.Definitions) -> list[str]:
    (workspace,) = [
        node for node in built.resolve_job_def("rollout").graph.nodes if hasattr(node.definition, "node_defs")
    ]
    graph: Any = workspace.definition
    return [node.name for node in graph.nodes_in_topological_order]


def test_lineage_contains_the_plan_and_every_environment_in_order(toml: Path) -> None:
    built = definitions(toml)
    assert lineage(built) == {
        "release/plan": set(),
        "schema/local": {"release/plan"},
        "schema/staging": {"schema/local"},
        "schema/prod": lineage(built)["schema/prod"],
    }
    assert "schema/staging" in lineage(built)["schema/prod"]
    assert ops(built) == [
        "preflight_drift_check",
        "migrate_local",
        "verify_local",
        "migrate_staging",
        "verify_staging",
        "manual_gate",
        "migrate_prod",
        "verify_prod",
    ]


def test_definitions_contain_all_jobs_sensors_and_checks(toml: Path) -> None:
    built = definitions(toml)
    names = {job.name for job in built.jobs or () if not job.name.startswith("__")}
    assert {"rollout", "rollback", "approve", "verify", "drift_check"} <= names
    assert {sensor.name for sensor in built.sensors or ()} == {
        "drift",
        "resume_on_approval",
    }
    for name, more in (("local", set()), ("staging", set()), ("prod", {"gate"})):
        keys = built.resolve_asset_graph().get_check_keys_for_assets({dg.AssetKey(["schema", name])})
        assert {key.name for key in keys} == CHECKS | STATE_CHECKS | more


def test_assets_link_to_the_report_if_it_is_served(toml: Path) -> None:
    key = dg.AssetKey(["schema", "prod"])
    graph = definitions(toml).resolve_asset_graph()
    assert "report" not in graph.get(key).metadata
    address = "https://reports.example.com/schemas.html"
    toml.write_text(f'{toml.read_text()}\n[dagster]\nreport = "{address}"\n')
    graph = definitions(toml).resolve_asset_graph()
    assert graph.get(key).metadata["report"] == dg.MetadataValue.url(address)


def test_without_staging_the_gate_follows_local(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGING_DATABASE_URL")
    built = definitions(toml)
    assert "schema/staging" not in lineage(built)
    assert "schema/local" in lineage(built)["schema/prod"]
    assert [name for name in ops(built) if "gate" in name or "staging" in name] == ["manual_gate"]


def test_second_gated_environment_gets_its_own_gate(toml: Path) -> None:
    toml.write_text(toml.read_text() + CANARY)
    built = definitions(toml)
    assert "schema/prod" in lineage(built)["schema/canary"]
    assert ops(built)[-6:] == [
        "manual_gate_prod",
        "migrate_prod",
        "verify_prod",
        "manual_gate_canary",
        "migrate_canary",
        "verify_canary",
    ]


def test_definitions_of_several_configurations_in_one_process(toml: Path) -> None:
    """Dagster caches configuration types by name."""
    config = load_config(toml)
    for each in (config, config.select_environment("prod"), config.truncate_after("staging"), config):
        dg.Definitions.validate_loadable(build_definitions(each))


def test_pipeline_without_a_gate_has_no_resume_sensor(toml: Path) -> None:
    toml.write_text(toml.read_text().partition("[environment.approval]")[0].replace("gated = true", ""))
    built = definitions(toml)
    assert "resume_on_approval" not in {sensor.name for sensor in built.sensors or ()}
    assert not [name for name in ops(built) if "gate" in name]


def test_definitions_contain_no_database_url(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROD_DATABASE_URL", "postgresql://u:pl4nted-s3cret@127.0.0.1:1/nowhere")
    built = definitions(toml)
    assert "pl4nted-s3cret" not in repr(built)
    assert not [name for name in built.resources or {} if "database" in name]


def test_everything_that_operators_see_has_a_description(toml: Path) -> None:
    built = definitions(toml)
    repository = built.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    nodes = [node for job in jobs for node in job.all_node_defs if isinstance(node, dg.OpDefinition)]
    fields = [
        (op.name, name, field)
        for op in nodes
        if op.config_schema
        for name, field in getattr(op.config_schema.config_type, "fields", {}).items()
    ]
    described: list[Any] = [*jobs, *nodes, *repository.sensor_defs, *built.resolve_all_asset_specs()]
    assert (len(nodes) > 10, len(fields) > 5) == (True, True)
    assert [each for each in described if not each.description] == []
    assert [(op, name) for op, name, field in fields if not field.description] == []
    checks = [spec for each in built.asset_checks or () for spec in each.check_specs]
    assert len(checks) > 20
    assert [each for each in checks if not each.description] == []
    resources = repository.get_top_level_resources()
    assert {name for name, resource in resources.items() if not resource.description} == set()


def test_assets_of_one_environment_differ_in_the_lineage_and_have_the_configured_owners(toml: Path) -> None:
    """Dagster's lineage shows the last part of a key; the kinds and the owners only where there is space."""
    toml.write_text(toml.read_text() + '\n[dagster]\nowners = ["team:databases", "ada@example.org"]\n')
    specs = {each.key.to_user_string(): each for each in definitions(toml).resolve_all_asset_specs()}

    assert specs["schema/prod"].kinds == {"postgresql", "schema"}
    assert len({each.key.path[-1] for each in specs.values()}) == len(specs)
    assert specs["approval/prod_approval"].kinds == {"ssh", "approval"}
    assert specs["release/plan"].kinds == {"alembic", "plan"}
    assert {tuple(each.owners) for each in specs.values()} == {("team:databases", "ada@example.org")}
