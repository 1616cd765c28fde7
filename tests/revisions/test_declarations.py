"""What scripts declare of their statements, and what rollout.toml declares for scripts that are not to be changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fix_folder import write_script
from wish_rollout.core.errors.configuration import InvalidConfiguration
from wish_rollout.core.errors.hazards import InvalidHazardAllowance
from wish_rollout.rollout.project_commands.release_hazards import revision_hazards

if TYPE_CHECKING:
    from tests.fix_project import Workspace

ITEM = "INSERT INTO wishlist_items (user_id, title, store) VALUES ('u', 't', 'LEGO')"


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


def test_rollout_toml_allows_a_hazard_of_a_revision(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", ITEM)
    index = 'op.create_index("titles", "wishlist_items", ["title"])'
    write_script(
        workspace.root / "migrations/versions/0008.py", "0008", "0007", index, 'op.drop_index("titles")'
    )
    refused = workspace.cli("apply", "--until", "local")
    assert (refused.code, "[release.allow_hazards.REVISION]" in refused.err) == (6, True), refused
    allowed = '[release.allow_hazards."0008"]\nindex-without-concurrently = "few rows"\n\n[[environment]]'
    workspace.edit("rollout.toml", "[[environment]]", allowed, 1)
    plan = workspace.cli("plan", "local").out
    assert "few rows" in plan
    assert "NOT ALLOWED" not in plan
    assert workspace.cli("apply", "--until", "local").code == 0
    workspace.edit("rollout.toml", "index-without-concurrently", "no-such-hazard", 1)
    with pytest.raises(InvalidHazardAllowance, match="there is no hazard"):
        revision_hazards(workspace.project, workspace.project.release.revision("0008"))


def test_check_names_revisions_whose_statements_differ_each_time(workspace: Workspace) -> None:
    """As Airflow has them: a row with the time at which the script runs."""
    insert = "INSERT INTO wishlist_items (user_id, title, store) VALUES ('u', '{time.time_ns()}', 'LEGO')"
    body = f'import time; op.execute(f"{insert}")'
    write_script(workspace.root / "migrations/versions/0008.py", "0008", "0007", body, "pass")
    assert workspace.cli("generate", "--record").code == 0
    check = workspace.cli("check").out
    assert "the statements of 0008 are other ones than the recorded ones" in check
    workspace.edit("rollout.toml", "[release]\n", '[release]\ndata_dependent = { "0008" = "the time" }\n', 1)
    assert "other ones" not in workspace.cli("check").out


def test_first_environment_shows_that_a_gated_one_would_refuse_other_statements(workspace: Workspace) -> None:
    """Of an older revision too, which `check` does not execute again."""
    insert = "INSERT INTO wishlist_items (user_id, title, store) VALUES ('u', '{time.time_ns()}', 'LEGO')"
    body = f'import time; op.execute(f"{insert}")'
    write_script(workspace.root / "migrations/versions/0008.py", "0008", "0007", body, "pass")
    write_script(workspace.root / "migrations/versions/0009.py", "0009", "0008", "pass", "pass")
    result = workspace.cli("apply", "--until", "local")
    assert result.code == 0, result
    note = "revision 0008 sent another statement than the recorded one, and a gated environment would refuse that"
    assert result.err.count(note) == 1, result.err
    assert 'data_dependent = { "0008" = "why" }' in result.err
    assert "revision 0009 sent" not in result.err
    workspace.edit("rollout.toml", "[release]\n", '[release]\ndata_dependent = { "0008" = "the time" }\n', 1)
    result = workspace.cli("apply", "--until", "staging")
    assert (result.code, "sent another statement" in result.err) == (0, False), result
