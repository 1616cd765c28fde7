"""Several projects in one Dagster instance: names, and requests of other databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.defs.code_location import build_definitions

if TYPE_CHECKING:
    from tests.fix_project import Workspace

NAMED = '[project]\nname = "shop"\n\n[release]'


def name_project(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "[release]", NAMED, 1)


def test_named_project_prefixes_all_its_definitions(workspace: Workspace) -> None:
    unnamed = build_definitions(workspace.project.config)
    name_project(workspace)
    named = build_definitions(workspace.project.config)
    repository = named.get_repository_def()
    names = [
        *(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        *(sensor.name for sensor in repository.sensor_defs),
        *(op.name for job in repository.get_all_jobs() for op in job.all_node_defs),
        *repository.get_top_level_resources(),
        *(key.path[0] + "_" for key in named.resolve_asset_graph().get_all_asset_keys()),
    ]
    assert [name for name in names if not name.startswith("shop_")] == []
    both = dg.Definitions.merge(unnamed, named)
    dg.Definitions.validate_loadable(both)
    assert len(both.resolve_asset_graph().get_all_asset_keys()) == 10


def test_named_project_is_rolled_out_and_rolled_back(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    name_project(workspace)
    workspace.roll_out()
    assert workspace.revision("prod") == "0007"
    assert workspace.cli("verify", "prod").code == 0
    assert workspace.cli("rollback", "local").code == 0
    assert {key.path[0] for key in instance.all_asset_keys()} == {"shop"}


def test_other_project_with_the_same_name_is_refused(workspace: Workspace) -> None:
    assert workspace.cli("requests").code == 0
    (script,) = (workspace.root / "migrations/versions").glob("0006*")
    text = script.read_text()
    script.write_text(text.replace('"""', '"""another project: ', 1))
    assert workspace.cli("generate", "--record").code == 0
    for command in (("requests",), ("apply",), ("reject", "prod", "--reason", "no")):
        assert "already has another project without a name" in workspace.expect_error(2, *command)
    doctor = workspace.cli("doctor")
    assert (doctor.code, "FAIL  dagster: Dagster's instance already has another project" in doctor.out) == (
        2,
        True,
    )

    name_project(workspace)
    assert workspace.cli("requests").code == 0
    workspace.edit("rollout.toml", NAMED, "[release]", 1)
    assert workspace.cli("doctor", "--claim").code == 0
    assert workspace.cli("requests").code == 0
    script.write_text(text)
    assert workspace.cli("generate", "--record").code == 0
    assert workspace.cli("requests").code == 2


def test_requests_of_another_database_are_not_shown(workspace: Workspace) -> None:
    assert workspace.cli("apply").code == 3
    assert "environment: prod" in workspace.cli("requests").out
    url = workspace.urls["prod"]
    workspace.set_url("prod", workspace.add("canary"))
    assert "no request waits" in workspace.cli("requests").err
    assert "There is no request for approval" in workspace.expect_error(6, "reject", "prod", "--reason", "no")
    assert "There is no request for approval" in workspace.expect_error(
        6, "approve", "prod", "-r", "x", "--yes"
    )
    workspace.set_url("prod", url)
    assert workspace.cli("reject", "prod", "--reason", "no").code == 0
