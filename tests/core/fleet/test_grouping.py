"""Groups of targets with the same state, and their summary in one line."""

from __future__ import annotations

import pytest

from wish_rollout.core.fleet.grouping import group_statuses, summarize_groups
from wish_rollout.core.fleet.results import TargetError, TargetStatus

GONE, SHARED = (
    TargetError("DatabaseMissing", "it is missing"),
    TargetError("TargetsShareDatabase", "one database"),
)


def read(*names: str, fingerprint: str = "f", error: TargetError | None = None) -> list[TargetStatus]:
    return [TargetStatus(name, "in_step", "0007", (), fingerprint, error=error) for name in names]


def unread(*names: str, error: TargetError = GONE) -> list[TargetStatus]:
    return [TargetStatus(name, "unreachable", error=error) for name in names]


@pytest.mark.parametrize(
    ("statuses", "summary"),
    [
        (read("a", "b"), "2 equal"),
        (read("a", "b", "c") + read("d", fingerprint="g") + unread("e"), "3 equal, 2 others in 2 groups"),
        (unread("a", "b"), "none of 2 could be read"),
        (unread("a", "b") + read("c"), "1 equal, 2 others in 1 group"),
        (unread("a", "b") + unread("c", error=TargetError("LoginRefused", "no")), "none of 3 could be read"),
        (read("a", "b", error=SHARED) + read("c"), "1 equal, 2 others in 1 group"),
    ],
)
def test_only_targets_that_were_read_are_called_equal(statuses: list[TargetStatus], summary: str) -> None:
    assert summarize_groups(group_statuses(statuses)) == summary


def test_each_target_that_could_not_be_read_has_its_own_error_in_json() -> None:
    errors = [TargetError("DatabaseUnreachable", text) for text in ("refused", "too many connections")]
    statuses = [*unread("a", error=errors[0]), *unread("b", error=errors[1])]

    (group,) = [each.as_dict() for each in group_statuses(statuses)]

    assert (group["error"], group["errors"]) == ("refused", {"a": "refused", "b": "too many connections"})
    (group,) = [each.as_dict() for each in group_statuses(read("a"))]
    assert (group["error"], group["errors"]) == (None, {})
