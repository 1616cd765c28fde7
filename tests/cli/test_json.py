"""With --json, stdout holds one document, also where nothing could be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (("status",), 2, "MissingUrl"),
        (("plan",), 2, "MissingUrl"),
        (("apply",), 2, "MissingUrl"),
        (("drift", "nowhere"), 2, "UnknownEnvironment"),
        (("verify", "nowhere"), 2, "UnknownEnvironment"),
        (("rollback", "nowhere"), 2, "UnknownEnvironment"),
        (("approve", "prod", "--in", "nowhere"), 2, "NothingToRead"),
        (("log", "local"), 2, "MissingUrl"),
        (("diff", "nowhere.json", "staging"), 2, "BadSnapshotFile"),
    ],
)
def test_an_error_before_anything_ran_is_a_document(
    road: Road, command: tuple[str, ...], code: int, error: str
) -> None:
    road.leave_out("local")
    result = road.cli(*command, "--json")
    told = json.loads(result.out)["error"]
    assert (result.code, told["class"]) == (code, error), result
    assert told["text"] in result.err


def test_nothing_to_generate_is_no_error(road: Road) -> None:
    result = road.cli("generate", "-m", "x", "--json")
    assert (result.code, json.loads(result.out)["nothing_to_do"]) == (0, True), result


def test_a_ledger_that_was_changed_is_told_in_one_document(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "alter table wish_rollout.ledger disable trigger user")
    road.sql("local", "update wish_rollout.ledger set who = 'nobody'")
    result = road.cli("log", "local", "--verify", "--json")
    assert (result.code, list(json.loads(result.out))) == (5, ["error"]), result


def test_a_failed_verification_says_where_the_environment_is(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "drop index idx_wishlist_user_sort")
    (account,) = json.loads(road.cli("verify", "local", "--json").out)["environments"]
    assert (account["start"], account["end"], account["failed"]) == ("0007", "0007", 2)
    assert len(account["fingerprint"]) == 64
