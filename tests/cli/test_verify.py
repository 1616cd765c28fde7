"""`verify`: what is there is what its revision promises, or exit 5 names what is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road


def test_verify_passes_where_nothing_has_changed(each_road: Road) -> None:
    each_road.migrate("local", "prod")
    before = each_road.identity()
    passed = each_road.cli("verify", "local")
    assert (passed.code, "7/7 passed" in passed.out) == (0, True), passed
    gated = each_road.cli("verify", "prod")
    assert (gated.code, "6/6 passed" in gated.out) == (0, True), gated  # a revision's verify() stays out
    assert each_road.cli("verify", "staging").code == 0
    assert each_road.identity() == before
    assert each_road.sql("local", "select count(*) from wishlist_items") == [(0,)]


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
def test_verify_fails_after_a_change_by_hand(road: Road, change: str, failed: set[str]) -> None:
    road.migrate("local")
    if "pg_index" in change:
        road.as_superuser("local", change)
    else:
        road.sql("local", change)
    result = road.cli("verify", "local")
    assert result.code == 5, result
    assert "'local' is not what was promised" in result.err
    assert not [name for name in failed if name not in result.err], result.err
    as_json = road.cli("verify", "local", "--json")
    assert (as_json.code, json.loads(as_json.out)["error"]["class"]) == (5, "NotAsPromised")


def test_a_gated_environment_may_opt_in_to_a_revisions_own_verify(road: Road) -> None:
    road.edit("rollout.toml", "gated = true", "gated = true\nrun_verify = true")
    road.migrate("prod")
    assert "7/7 passed" in road.cli("verify", "prod").out
    assert road.sql("prod", "select count(*) from wishlist_items") == [(0,)]
