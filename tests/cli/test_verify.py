"""The command `verify`: the schema is the expected schema of the revision, or exit 5 reports the differences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace


@pytest.mark.one_version
def test_verify_passes_without_changes(each_workspace: Workspace) -> None:
    each_workspace.migrate("local", "prod")
    before = each_workspace.identity()
    passed = each_workspace.cli("verify", "local")
    assert (passed.code, "7/7 passed" in passed.out) == (0, True), passed
    gated = each_workspace.cli("verify", "prod")
    # the verify() of a revision does not run in a gated environment
    assert (gated.code, "6/6 passed" in gated.out) == (0, True), gated
    assert each_workspace.cli("verify", "staging").code == 0
    assert each_workspace.identity() == before
    assert each_workspace.sql("local", "select count(*) from wishlist_items") == [(0,)]


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ("alter table wishlist_items alter column title drop not null", {"columns", "exact_delta"}),
        ("drop index idx_wishlist_user_sort", {"indexes", "exact_delta"}),
        ("alter table wishlist_items drop constraint priority_range_check", {"constraints", "behaviour"}),
        ("alter type wishlist_store add value 'Amazon'", {"enums", "behaviour"}),
        (
            "update pg_index set indisvalid = false where indexrelid = 'idx_wishlist_user_id'::regclass",
            {"nothing_invalid"},
        ),
    ],
)
def test_verify_fails_after_a_manual_change(workspace: Workspace, change: str, failed: set[str]) -> None:
    workspace.migrate("local")
    if "pg_index" in change:
        workspace.as_superuser("local", change)
    else:
        workspace.sql("local", change)
    result = workspace.cli("verify", "local")
    assert result.code == 5, result
    assert "Verification of 'local' failed" in result.err
    assert not [name for name in failed if name not in result.err], result.err
    as_json = workspace.cli("verify", "local", "--json")
    assert (as_json.code, json.loads(as_json.out)["error"]["class"]) == (5, "SchemaVerificationFailed")


def test_gated_environment_can_enable_the_verify_function_of_revisions(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "gated = true", "gated = true\nrun_verify = true")
    workspace.migrate("prod")
    assert "7/7 passed" in workspace.cli("verify", "prod").out
    assert workspace.sql("prod", "select count(*) from wishlist_items") == [(0,)]
