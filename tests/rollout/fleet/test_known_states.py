"""What is known of targets: which are read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from wish_rollout.rollout.fleet.inspection import are_all_in_step, read_statuses
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    import pytest

    from tests.fix_fleet import Fleet

KNOWN = "of the last reading"


def read(fleet: Fleet, project: Project | None = None) -> dict[str, tuple[str, str]]:
    """Return verdict and fingerprint of each target. ``project``: if it is loaded otherwise."""
    statuses = read_statuses(project or fleet.workspace.project, fleet.environment, fleet.targets)
    return {status.target: (status.verdict, status.fingerprint) for status in statuses}


def test_only_a_target_that_has_changed_is_read_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.add("a", "b")
    first = read(fleet)
    path = fleet.root / ".dagster/fleets/tenants.json"
    content = json.loads(path.read_text())
    for state in content["states"].values():
        state["fingerprint"] = KNOWN
    path.write_text(json.dumps(content))
    fleet.sql("b", "create table by_hand (id integer)")

    second = read(fleet)

    assert second["a"] == ("behind", KNOWN)
    assert second["b"][0] == "drifted"
    monkeypatch.chdir(fleet.root)
    assert read(fleet, Project.load(Path("rollout.toml")))["a"] == ("behind", KNOWN)
    fleet.workspace.edit("rollout.toml", "parallel = 1", 'parallel = 1\nroles = { other = "app" }')
    assert read(fleet)["a"] == first["a"]
    path.write_text("{broken")
    assert read(fleet)["b"] == second["b"]


def test_the_order_of_environments_does_not_depend_on_what_is_known(fleet: Fleet) -> None:
    fleet.add("a")
    read(fleet)
    path = fleet.root / ".dagster/fleets/tenants.json"
    path.write_text(path.read_text().replace('"behind"', '"in_step"'))

    assert read(fleet)["a"][0] == "in_step"
    assert not are_all_in_step(fleet.workspace.project, fleet.environment, fleet.targets, reads_all=True)
    assert read(fleet)["a"][0] == "behind"
