"""The files of CI in examples/: their commands exist, and the job that executes foreign code gets no secrets."""

from __future__ import annotations

import importlib
import re
import subprocess
from typing import Any

import dagster as dg
import pytest
import yaml  # type: ignore[import-untyped]

from tests.docs.files import ROOT
from tests.docs.test_commands import mistake

GITHUB, GITLAB = ROOT / "examples/github-actions.yml", ROOT / "examples/gitlab-ci.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"


def commands(value: Any) -> list[str]:
    """Return the shell commands of a job."""
    steps = value.get("script") or [step["run"] for step in value["steps"] if "run" in step]
    return [str(step) for step in steps]


def jobs() -> dict[str, Any]:
    github = yaml.safe_load(GITHUB.read_text())["jobs"]
    return {**github, **yaml.safe_load(GITLAB.read_text())}


@pytest.mark.parametrize("name", ["check", "comment", "schema check"])
def test_each_command_of_a_job_can_be_typed(name: str) -> None:
    job = jobs()[name]
    assert commands(job)
    for command in commands(job):
        if "wish-rollout" in command:
            assert mistake(command) == ""
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=120)


def test_the_job_that_executes_the_code_has_no_secret_and_cannot_write() -> None:
    workflow = yaml.safe_load(GITHUB.read_text())
    check = workflow["jobs"]["check"]
    checkout = check["steps"][0]["with"]
    assert workflow["permissions"] == {}
    assert check["permissions"] == {"contents": "read"}
    assert (checkout["fetch-depth"], checkout["persist-credentials"]) == (0, False)
    assert "secrets." not in GITHUB.read_text()
    assert not re.search(r"DATABASE_URL|TOKEN", str(check) + GITLAB.read_text())
    assert not [
        command for command in commands(workflow["jobs"]["comment"]) if "wish-rollout check" in command
    ]
    assert not [command for job in jobs().values() for command in commands(job) if "${{" in command]


def test_the_hook_names_an_existing_command_and_matches_the_files_of_a_release() -> None:
    (hook,) = yaml.safe_load(HOOKS.read_text())
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert mistake(hook["entry"]) == ""
    for path in ("rollout.toml", "migrations/versions/0001_a.py", "db/meta/_journal.json"):
        assert re.search(hook["files"], path)
    assert not re.search(hook["files"], "README.md")


def test_models_of_dbt_depend_on_the_schema_of_prod() -> None:
    folder = ROOT / "examples/dbt/reports"
    (source,) = yaml.safe_load((folder / "models/sources.yml").read_text())["sources"]
    (table,) = source["tables"]
    assert table["config"]["meta"]["dagster"]["asset_key"] == ["schema", "prod"]
    model = (folder / "models/items_per_store.sql").read_text()
    assert f"source('{source['name']}', '{table['name']}')" in model
    profile = yaml.safe_load((folder / "profiles.yml").read_text())["reports"]["outputs"]["prod"]
    assert profile["schema"] != source["schema"]
    definitions = (ROOT / "examples/dbt/definitions.py").read_text()
    read = set(re.findall(r"env_var\('(\w+)'\)", str(profile)))
    assert read == set(re.findall(r'os\.environ\["(REPORTS_\w+)"\] =', definitions))


def test_example_of_dbt_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where dbt is installed, which this project does not need."""
    pytest.importorskip("dagster_dbt", reason="dagster-dbt is not installed")
    monkeypatch.setenv("DAGSTER_DBT_PARSE_PROJECT_ON_LOAD", "1")
    monkeypatch.setenv("PROD_DATABASE_URL", "postgresql://reader@127.0.0.1:1/prod")
    monkeypatch.syspath_prepend(str(ROOT / "examples/dbt"))
    defs: dg.Definitions = importlib.import_module("definitions").defs
    graph = defs.resolve_asset_graph()
    assert graph.get(dg.AssetKey("items_per_store")).parent_keys == {dg.AssetKey(["schema", "prod"])}
