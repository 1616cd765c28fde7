"""The files of CI in examples/: their commands exist, and the job that executes foreign code gets no secrets."""

from __future__ import annotations

import re
import subprocess
from typing import Any

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
