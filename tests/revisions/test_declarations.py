"""What scripts declare of their statements, and what rollout.toml declares for scripts that are not to be changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.configuration import InvalidConfiguration

if TYPE_CHECKING:
    from tests.fix_project import Workspace


def test_rollout_toml_declares_what_the_plan_names(workspace: Workspace) -> None:
    declared = (
        'data_dependent = { "0007" = "the time of\\nthe rollout" }\ndriver_statements = { "0006" = "COPY" }\n'
    )
    workspace.edit("rollout.toml", "[release]\n", "[release]\n" + declared, 1)
    plan = json.loads(workspace.cli("plan", "local", "--json").out)
    (environment,) = plan.get("environments", [plan])
    assert environment["data_dependent"] == {"0007": "the time of the rollout"}
    assert environment["driver_statements"] == {"0006": "COPY"}


def test_a_declaration_without_a_reason_is_refused(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "[release]\n", '[release]\ndata_dependent = { "0001" = " " }\n', 1)
    with pytest.raises(InvalidConfiguration, match="data_dependent"):
        _ = workspace.project
