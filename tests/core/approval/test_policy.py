"""The approval policy: windows across midnight and time zones, persons with several names, hazard names."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from wish_rollout.config import ApprovalConfig, Config, WindowConfig
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.policy import Policy, SignedStatement, check_approver, distinct_persons
from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.errors.gate.approvals import ApproverIsAuthor, ApproverIsRequester, BreakGlassDisabled

SUMMER, WINTER = "2026-07-06", "2026-01-05"
"""Both are Mondays."""
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "hours", "zone", "moment", "contained"),
    [
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T07:00", True),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T06:59", False),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T14:00", False),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{WINTER}T08:00", True),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{WINTER}T07:30", False),
        ("sun", "22:00-02:00", "UTC", f"{WINTER}T01:59", True),
        ("sun", "22:00-02:00", "UTC", f"{WINTER}T02:00", False),
        ("mon", "22:00-02:00", "UTC", f"{WINTER}T01:59", False),
        ("fri-mon", "00:00-24:00", "UTC", f"{WINTER}T23:59", True),
        ("tue,thu", "00:00-24:00", "UTC", f"{WINTER}T12:00", False),
        ("mon", "00:00-24:00", "Pacific/Auckland", f"{WINTER}T12:00", False),
        # clocks are set back from 03:00 to 02:00 at 01:00 UTC: the hour occurs twice
        ("sun", "02:00-03:00", "Europe/Berlin", "2026-10-25T00:30", True),
        ("sun", "02:00-03:00", "Europe/Berlin", "2026-10-25T01:30", True),
        ("sun", "02:00-03:00", "Europe/Berlin", "2026-10-25T02:00", False),
        # clocks are set forward from 02:00 to 03:00: the hour does not occur
        ("sun", "02:00-03:00", "Europe/Berlin", "2026-03-29T00:59", False),
        ("sun", "02:00-03:00", "Europe/Berlin", "2026-03-29T01:00", False),
    ],
)
def test_window_contains_times_by_the_clock_of_its_time_zone(
    days: str, hours: str, zone: str, moment: str, contained: bool
) -> None:
    window = WindowConfig(days=days, hours=hours, zone=zone).window
    assert window.contains(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is contained


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": "mon-someday"},
        {"hours": "9-16"},
        {"hours": "25:00-26:00"},
        {"hours": "09:00-09:00"},
        {"zone": "Mars/Olympus"},
    ],
)
def test_invalid_window_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        WindowConfig(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"quorum_for": {"rewrit": 3}}, {"allowed_hazards": ["table-rewrite", "no-such"]}]
)
def test_unknown_hazard_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="there is no hazard"):
        ApprovalConfig.model_validate(wrong)


def test_examples_of_rollout_toml_are_valid() -> None:
    """Examples in the page on approvals, and in comments of rollout.toml and of the template of a new project."""
    root = Path(__file__).parents[3]
    page = (root / "docs/approvals.md").read_text()
    files = [(root / name).read_text() for name in ("rollout.toml", "wish_rollout/templates/rollout.toml")]
    files[1] = files[1].replace("$release", 'migrations = "migrations"')
    shown = [re.sub(r"^# (?=\w+ = |\[\[)", "", text, flags=re.MULTILINE) for text in files]
    for text in ("".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)), *shown):
        config = Config.model_validate({**tomllib.loads(text), "root": root})
        (approval,) = [env.approval for env in config.environment if env.approval]
        assert approval.quorum_for == {"table-rewrite": 3}
        assert config.notify


def test_lifetime_of_an_approval_is_limited() -> None:
    assert ApprovalConfig(lives="366d").validity.days == 366
    with pytest.raises(ValueError, match="the maximum is 366d"):
        ApprovalConfig(lives="367d")


ADA, BOB = frozenset({"ada@home", "ada@work"}), frozenset({"bob@work"})
"""Two persons: all names of the keys of each."""


def approvals(*given: tuple[str, str, frozenset[str]]) -> list[SignedStatement]:
    """Return approvals of one request, given as (approver, key, all names of the person)."""
    subject = Subject("prod", "shop", "upgrade", "1", "2", "r", "p", "s", (), "18", "y", ())
    request = Request(subject, "zoe@work", NOW, NOW, "n")
    return [
        SignedStatement(ApprovalStatement(request, name, "agreed"), key, person)
        for name, key, person in given
    ]


@pytest.mark.parametrize(
    ("given", "persons"),
    [
        ([("bob@work", "k1", BOB), ("BOB@work", "k1", BOB)], 1),
        ([("bob@work", "k1", BOB), ("bob@work", "k2", BOB)], 1),
        ([("ada@work", "k1", ADA), ("ada@home", "k1", ADA)], 1),
        ([("ada@work", "k1", ADA), ("ada@home", "k1", ADA), ("ada@home", "k2", ADA)], 1),
        ([("ada@work", "k1", ADA), ("bob@work", "k2", BOB)], 2),
    ],
)
def test_each_person_is_counted_once_in_any_order_of_the_approvals(
    given: list[tuple[str, str, frozenset[str]]], persons: int
) -> None:
    for order in permutations(given):
        assert len(distinct_persons(approvals(*order))) == persons


def test_requester_and_author_are_recognized_by_each_of_their_names() -> None:
    (signed,) = approvals(("ada@home", "k1", ADA))
    request = signed.statement.request
    requested = replace(request, requester="Ada@work")
    with pytest.raises(ApproverIsRequester):
        check_approver(replace(signed, statement=replace(signed.statement, request=requested)), Policy(""))
    authored = replace(request, subject=replace(request.subject, authors=("ada@work",)))
    with pytest.raises(ApproverIsAuthor):
        check_approver(replace(signed, statement=replace(signed.statement, request=authored)), Policy(""))
    check_approver(signed, Policy(""))


def test_break_glass_needs_a_policy_that_allows_it() -> None:
    (signed,) = approvals(("bob@work", "k1", BOB))
    emergency = replace(signed, statement=replace(signed.statement, break_glass="an outage"))
    check_approver(emergency, Policy("", break_glass=True))
    with pytest.raises(BreakGlassDisabled):
        check_approver(emergency, Policy("", break_glass=False))
