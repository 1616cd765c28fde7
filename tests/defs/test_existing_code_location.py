"""A project's definitions in a Dagster code location with assets of its own: examples/existing-dagster."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.fix_project import REPOSITORY, forget
from wish_rollout import rollout_definitions
from wish_rollout.component import RolloutComponent
from wish_rollout.core.errors.configuration import InvalidConfiguration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace

OWN = dg.AssetKey("items_per_store")
PROD = dg.AssetKey(["schema", "prod"])


@pytest.fixture
def project(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's project, with the rollout.toml, migrations and databases of the workspace."""
    shutil.copytree(REPOSITORY / "examples/existing-dagster", workspace.root, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(workspace.root / "src"))
    monkeypatch.syspath_prepend(str(workspace.root / "without_dg"))
    forget("shop", "definitions")
    yield workspace.root
    forget("shop", "definitions")


def parents(definitions: dg.Definitions) -> set[str]:
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert graph.get(OWN).parent_keys == {PROD}
    return {key.to_user_string() for key in graph.get(PROD).parent_keys}


def test_component_and_function_give_the_same_definitions(project: Path) -> None:
    by_component: dg.Definitions = importlib.import_module("shop.definitions").defs()
    by_function: dg.Definitions = importlib.import_module("definitions").defs

    assert parents(by_component) == parents(by_function) == {"schema/staging", "approval/prod_approval"}
    for each in (by_component, by_function):
        jobs = {job.name for job in each.get_repository_def().get_all_jobs()}
        assert {"migrate_and_report", "rollout", "rollback", "approve"} <= jobs
        assert each.executor is None
        assert "io_manager" not in each.get_repository_def().get_top_level_resources()


def test_own_asset_is_computed_after_the_gate_has_opened(
    project: Path, workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    definitions = importlib.import_module("definitions").defs
    job = definitions.resolve_job_def("migrate_and_report")

    with workspace.as_current_project():
        waits = job.execute_in_process(instance=instance)
    assert (waits.success, waits.asset_materializations_for_node("items_per_store")) == (True, [])
    assert (workspace.revision("staging"), workspace.revision("prod")) == ("0007", None)

    assert workspace.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    with workspace.as_current_project():
        done = job.execute_in_process(instance=instance)
    (event,) = done.asset_materializations_for_node("items_per_store")
    assert (done.success, event.metadata["stores"].value) == (True, 0)
    assert workspace.revision("prod") == "0007"


def test_dagster_validates_the_example(project: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-m", "shop.definitions"]
    path = os.pathsep.join([str(project / "src"), str(REPOSITORY)])
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, "Validation successful" in done.stderr + done.stdout) == (0, True), done


def test_component_is_found_by_dg() -> None:
    from dagster.components.core.package_entry import discover_package_objects

    found = {key.to_typename(): value for key, value in discover_package_objects(["wish_rollout"]).items()}
    assert found == {"wish_rollout.RolloutComponent": RolloutComponent}
    schema = RolloutComponent.model().model_json_schema()
    assert [name for name, each in schema["properties"].items() if not each.get("description")] == []


def test_missing_rollout_toml_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="No such file"):
        rollout_definitions(tmp_path / "rollout.toml")
