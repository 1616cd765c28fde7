"""With --json, stdout contains one JSON document, also after an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (("status",), 2, "DatabaseUrlMissing"),
        (("plan",), 2, "DatabaseUrlMissing"),
        (("apply",), 2, "DatabaseUrlMissing"),
        (("drift", "nowhere"), 2, "UnknownEnvironment"),
        (("verify", "nowhere"), 2, "UnknownEnvironment"),
        (("rollback", "nowhere"), 2, "UnknownEnvironment"),
        (("approve", "prod", "--in", "nowhere"), 2, "DocumentUnreadable"),
        (("log", "local"), 2, "DatabaseUrlMissing"),
        (("diff", "nowhere.json", "staging"), 2, "InvalidSnapshotFile"),
    ],
)
def test_error_is_printed_as_a_document(
    workspace: Workspace, command: tuple[str, ...], code: int, error: str
) -> None:
    workspace.unset_url("local")
    result = workspace.cli(*command, "--json")
    document = json.loads(result.out)["error"]
    assert (result.code, document["class"]) == (code, error), result
    assert document["text"] in result.err


def test_nothing_to_generate_is_not_an_error(workspace: Workspace) -> None:
    result = workspace.cli("generate", "-m", "x", "--json")
    assert (result.code, json.loads(result.out)["nothing_to_do"]) == (0, True), result


def test_changed_ledger_is_reported_in_one_document(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "alter table wish_rollout.ledger disable trigger user")
    workspace.sql("local", "update wish_rollout.ledger set who = 'nobody'")
    result = workspace.cli("log", "local", "--verify", "--json")
    assert (result.code, list(json.loads(result.out))) == (6, ["error"]), result


def test_failed_verification_has_revision_and_fingerprint(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "drop index idx_wishlist_user_sort")
    (account,) = json.loads(workspace.cli("verify", "local", "--json").out)["environments"]
    assert (account["start"], account["end"], account["failed"]) == ("0007", "0007", 2)
    assert len(account["fingerprint"]) == 64
