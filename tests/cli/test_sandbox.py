"""The commands `sandbox env` and `sandbox rollout`, with the sandbox server of a project."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_project import NO_TABLE_CREATION
from wish_rollout.config import load_config
from wish_rollout.rollout.servers.project_sandbox import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

VARIABLES = [
    "LOCAL_DATABASE_URL",
    "STAGING_DATABASE_URL",
    "PROD_DATABASE_URL",
    "DAGSTER_POSTGRES_URL",
    "DAGSTER_HOME",
]
BOUND_SECONDS = 120


@pytest.fixture
def sandbox_workspace(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace whose variables name databases that the sandbox commands must not change."""
    toml = workspace.root / "rollout.toml"
    lines = toml.read_text().splitlines(keepends=True)
    toml.write_text("".join(line for line in lines if not line.startswith("scratch = ")))
    workspace.edit("dagster.yaml", NO_TABLE_CREATION, "")
    yield workspace
    sandbox(load_config(workspace.root / "rollout.toml")).remove()


def test_sandbox_rollout_migrates_every_environment_once(sandbox_workspace: Workspace) -> None:
    before = sandbox_workspace.identity()
    first = sandbox_workspace.wait_for(sandbox_workspace.start("sandbox", "rollout"), BOUND_SECONDS)
    assert first.code == 0, first
    account = [line.split() for line in first.out.splitlines()]
    assert [words[:4] for words in account[1:4]] == [
        [name, "base", "→", "0007"] for name in ("local", "staging", "prod")
    ]
    assert "gate of prod: approved with the key of the sandbox" in first.out
    assert "dagster dev -w workspace.yaml" in first.out

    second = sandbox_workspace.wait_for(sandbox_workspace.start("sandbox", "rollout"), BOUND_SECONDS)
    assert (second.code, second.out) == (0, "nothing to do: local, staging, prod are at 0007, in step\n")
    assert sandbox_workspace.identity() == before

    printed = sandbox_workspace.start("sandbox", "env").communicate(timeout=BOUND_SECONDS)[0]
    exported = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
    assert list(exported) == VARIABLES
    for name in VARIABLES[:3]:
        with psycopg.connect(exported[name]) as connection:
            assert connection.execute("select version_num from alembic_version").fetchall() == [("0007",)]
    os.environ.update(exported)
    assert sandbox_workspace.cli("drift").code == 0
    roll_back_with_files(sandbox_workspace)
    assert sandbox_workspace.cli("sandbox", "remove").code == 0
    assert not (sandbox_workspace.root / ".sandbox").exists()


def roll_back_with_files(workspace: Workspace) -> None:
    """Roll back prod of the sandbox with an approval that was signed as a file, as docs/how-to/approve.md describes."""
    asked, signed = str(workspace.root / "request.txt"), str(workspace.root / "prod.approval")
    assert workspace.cli("rollback", "prod").code == 3
    assert workspace.cli("requests", "prod", "--out", asked).code == 0
    sign = ("approve", "prod", "--request", asked, "--out", signed, "--reason", "agreed", "--yes")
    approved = workspace.cli(*sign)
    assert approved.code == 0, approved
    assert "approver: operator@sandbox" in Path(signed).read_text()
    assert workspace.cli("approve", "prod", "--in", signed).code == 0
    done = workspace.cli("rollback", "prod")
    assert (done.code, "0006" in done.out) == (0, True), done


def test_sandbox_env_needs_a_server(sandbox_workspace: Workspace) -> None:
    message = sandbox_workspace.expect_error(1, "sandbox", "env")
    assert "start it: wish-rollout sandbox up" in message
