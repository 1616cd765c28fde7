"""Waves: which targets each contains, and how many may fail."""

from __future__ import annotations

import pytest

from wish_rollout.core.errors.fleets.target_lists import TargetsWithoutWave, WaveEmpty, WavesOverlap
from wish_rollout.core.fleet.conditions import parse_condition
from wish_rollout.core.fleet.target_list import ListedTarget
from wish_rollout.core.fleet.waves import FailureLimit, Wave, assign_waves

TARGETS = [ListedTarget(f"t{number}", {"region": "eu" if number % 2 else "us"}) for number in range(100)]
CANARY = Wave("canary", match="t?")
REST = Wave("rest", rest=True)


def assigned(*waves: Wave) -> dict[str, list[str]]:
    """Return the names of the targets of each wave."""
    return {
        each.wave.name: [t.name for t in each.targets] for each in assign_waves("tenants", waves, TARGETS)
    }


def test_each_target_is_in_exactly_one_wave() -> None:
    percent, europe = (
        Wave("some", percent=10),
        Wave("eu", where=parse_condition("region = 'eu'"), match="t??"),
    )

    found = assigned(CANARY, percent, europe, REST)

    assert found["canary"] == [f"t{number}" for number in range(10)]
    assert found["eu"] == [f"t{number}" for number in range(11, 100, 2)]
    assert len(found["some"]) == 10
    assert sorted(name for names in found.values() for name in names) == sorted(
        target.name for target in TARGETS
    )


def test_a_percentage_chooses_the_same_targets_whatever_their_order() -> None:
    waves = (Wave("some", percent=10), REST)
    reversed_targets = assign_waves("tenants", waves, TARGETS[::-1])

    assert {each.name for each in reversed_targets[0].targets} == set(assigned(*waves)["some"])


def test_a_percentage_chooses_the_targets_of_an_approval_whatever_the_list_has_become() -> None:
    waves = (Wave("some", percent=10), REST)
    chosen = assigned(*waves)["some"]
    signed = {"some": [*(name for name in assigned(*waves)["rest"][:3]), "gone"]}
    grown = [*TARGETS, *(ListedTarget(f"new{number}") for number in range(50))]

    found = assign_waves("tenants", waves, grown, signed)

    assert [target.name for target in found[0].targets] == signed["some"][:3]
    assert {target.name for target in found[1].targets} >= {*chosen, "new0"}


def test_waves_that_overlap_or_leave_targets_out_or_are_empty_are_refused() -> None:
    with pytest.raises(WavesOverlap, match=r"'t1' .* 'canary' and 'eu'"):
        assigned(CANARY, Wave("eu", where=parse_condition("region = 'eu'")), REST)
    with pytest.raises(TargetsWithoutWave, match=r"90 targets .* 't10' among them"):
        assigned(CANARY)
    with pytest.raises(WaveEmpty, match="'none'"):
        assigned(Wave("none", match="x*"), REST)
    with pytest.raises(WaveEmpty, match="'rest'"):
        assigned(Wave("all", match="*"), REST)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("region = 'eu'", "eu", True),
        ("region <> 'eu'", "eu", False),
        ("region != 'eu'", "us", True),
        ("region in ('eu', 'us')", "us", True),
        ("REGION not in ('eu')", "eu", False),  # another attribute, which the target does not have: NULL
        ("tier <> 'free'", "eu", False),
        ("tier <> 'free' or region = 'eu'", "eu", True),
        ("region NOT IN ('eu')", "eu", False),
        ("region = 'us' or region = 'eu' and name = 't1'", "eu", True),
        ("region = 'us' or region = 'eu' and name = 't2'", "eu", False),
        ("region = 'it''s'", "it's", True),
        ("missing = ''", "eu", False),
    ],
)
def test_a_condition_is_read_as_sql_reads_it(text: str, region: str, expected: bool) -> None:
    target = ListedTarget("t1", {"region": region})

    assert parse_condition(text).holds(target.value) is expected


@pytest.mark.parametrize(
    "text",
    [
        "region",
        "region =",
        "region = eu",
        "region = 'eu",
        "region = 'eu' and",
        "region = 'eu' name = 't1'",
        "region in 'eu'",
        "region in ('eu'",
        "region not = 'eu'",
        "region not",
        "'eu' = region",
        "region = 'eu'; drop",
        "region like 'e%'",
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "failures", "targets", "allowed"),
    [
        ("0", 0, 10, True),
        ("0", 1, 10, False),
        ("3", 3, 10, True),
        ("2%", 2, 149, True),
        ("2%", 3, 149, False),
    ],
)
def test_a_limit_is_a_number_or_a_percentage_of_the_wave(
    text: str, failures: int, targets: int, allowed: bool
) -> None:
    assert FailureLimit.from_text(text).allows(failures, targets) is allowed


@pytest.mark.parametrize("text", ["", "-1", "2 %", "101%", "x"])
def test_a_limit_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number nor a percentage"):
        FailureLimit.from_text(text)
