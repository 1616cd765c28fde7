"""The gate of a fleet: one approval covers the plans of all targets of a wave."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.defs.fleet.conftest import REST
from tests.defs.fleet.test_interrupted_fleets import WORKERS, until
from tests.fix_fleet import HEAD
from wish_rollout.defs.fleet import gate
from wish_rollout.postgres.sessions.rollout_lock import KEY
from wish_rollout.rollout.fleet import wave_planning

if TYPE_CHECKING:
    from tests.defs.fleet.conftest import GatedFleet
    from tests.fix_fleet import Fleet

CANARY = """
[[environment.wave]]
name = "canary"
match = "canary*"
"""
DRIFT = "create table by_hand (id integer)"
OTHER_SETTING = """alter database "{}" set "DateStyle" = 'ISO, DMY'"""


def test_one_approval_covers_the_targets_that_have_a_plan(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b", "c")
    fleet.configure(REST)
    fleet.sql("a", DRIFT)

    request = gated.ask()

    assert fleet.revisions() == {"a": "0006", "b": "0006", "c": "0006"}
    assert request.request.subject.database == "wave rest: 2 targets"
    assert "not covered: a: " in request.markdown
    assert "2 targets: b, c" in request.markdown
    (listed,) = json.loads(fleet.workspace.cli("requests", "tenants", "--json").out)
    assert (list(listed["targets"]["targets"]), listed["targets"]["uncovered"]) == (["b", "c"], ["a"])
    assert gated.apply(3)["awaiting_approval"] == "tenants"
    assert [each.request for each in gated.requests()] == [request.request]
    assert "2 targets: b, c" in gated.approve()

    done = gated.apply(1)

    assert done["error"]["class"] == "FleetIncomplete"
    assert (fleet.revisions(), gated.errors()) == (
        {"a": "0006", "b": HEAD, "c": HEAD},
        {"a": "SchemaDrifted"},
    )
    assert gated.nonces("b") == gated.nonces("c") == [request.request.nonce]
    assert gated.requests() == []

    fleet.sql("a", "drop table by_hand")
    second = gated.ask()
    assert second.wave
    assert list(second.wave.targets) == ["a"]
    gated.approve()
    (stage,) = [each for each in gated.apply()["environments"] if each["environment"] == "tenants"]
    assert (stage["checks"], stage["failed"]) == (3, 0)
    assert fleet.revisions() == dict.fromkeys("abc", HEAD)
    assert {name: len(gated.nonces(name)) for name in "abc"} == dict.fromkeys("abc", 1)


def test_targets_that_have_changed_or_come_since_the_approval_are_not_changed(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b", "left")
    fleet.configure(REST)
    gated.ask()
    gated.approve()
    fleet.sql("a", OTHER_SETTING.format(fleet.databases["a"]))
    fleet.add("c")
    (fleet.root / "tenants.txt").write_text("a\nb\nc\n")

    gated.apply(1)

    assert fleet.revisions() == {"a": "0006", "b": HEAD, "left": "0006", "c": "0006"}
    assert gated.errors() == {"a": "PlanChanged", "c": "TargetNotApproved"}
    second = gated.ask()
    assert second.wave
    assert set(second.wave.targets) == {"a", "c"}


def test_a_percentage_keeps_the_targets_of_its_approval(gated: GatedFleet) -> None:
    fleet = gated.fleet
    *new, chosen, other = sorted("abcd", key=lambda name: sha256(name.encode()).digest())
    fleet.add(chosen, other)
    fleet.configure(f'[[environment.wave]]\nname = "some"\npercent = 50\n{REST}')
    gated.ask()
    gated.approve()
    fleet.add(*new)

    second = gated.ask()

    assert [name for name, revision in fleet.revisions().items() if revision == HEAD] == [chosen]
    assert second.wave
    assert (second.wave.scope, set(second.wave.targets)) == ("wave rest", {other, *new})


def test_a_request_is_void_if_a_target_has_changed_or_if_it_was_rejected(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b")
    first = gated.ask()
    fleet.sql("a", OTHER_SETTING.format(fleet.databases["a"]))

    refused = fleet.workspace.cli("approve", "tenants", "--reason", "agreed", "--yes")

    assert (refused.code, "no longer valid" in refused.err) == (6, True), refused
    assert gated.documents() == []
    second = gated.ask()
    gated.approve()
    assert fleet.workspace.cli("reject", "tenants", "--reason", "not today").code == 0
    third = gated.ask()
    assert len({each.request.nonce for each in (first, second, third)}) == 3
    assert fleet.revisions() == {"a": "0006", "b": "0006"}


@pytest.mark.parametrize("leaves", [False, True])
def test_a_request_whose_targets_cannot_be_planned_any_more_names_them(
    gated: GatedFleet, leaves: bool
) -> None:
    fleet = gated.fleet
    fleet.add("a", "b")
    gated.ask()
    if leaves:
        (fleet.root / "tenants.txt").write_text("b\n")
    else:
        fleet.sql("a", "create table by_hand ()")

    refused = fleet.workspace.cli("approve", "tenants", "--reason", "agreed", "--yes")

    assert refused.code == 6, refused
    assert "no longer valid: since the request, the plan, database or ledger of a has changed" in refused.err
    assert "make a new request" in refused.err
    gated.ask()
    gated.approve()


def test_each_wave_has_an_approval_of_its_own_unless_it_has_no_gate(
    gated: GatedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The targets are planned by workers, as those of a large fleet are."""
    monkeypatch.setattr(wave_planning, "FEW", 0)
    fleet = gated.fleet
    fleet.add("canary", "a", "b")
    fleet.configure(f'{CANARY}gate = false\n\n[[environment.wave]]\nname = "first"\nmatch = "a"\n{REST}')

    first = gated.ask()

    assert fleet.revisions() == {"canary": HEAD, "a": "0006", "b": "0006"}
    assert gated.nonces("canary") == [""]
    gated.approve()
    second = gated.ask()
    assert [each.request.subject.database for each in (first, second)] == [
        "wave first: 1 targets",
        "wave rest: 1 targets",
    ]
    assert fleet.revisions() == {"canary": HEAD, "a": HEAD, "b": "0006"}
    gated.approve()
    gated.apply()
    assert set(fleet.revisions().values()) == {HEAD}


def test_a_killed_rollout_continues_with_its_approval(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b", "c")
    request = gated.ask().request
    gated.approve()
    with psycopg.connect(fleet.url("b"), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        process = fleet.workspace.start("apply")
        until(lambda: bool(fleet.acts("a")), process)
        process.kill()
        process.communicate()
        other.execute("select pg_advisory_unlock(%s)", [KEY])
        pattern = [f"{fleet.prefix}%"]
        until(lambda: other.execute(WORKERS, pattern).fetchone() == (0,))

    assert fleet.revisions()["c"] == "0006"
    gated.apply()

    assert fleet.revisions() == dict.fromkeys("abc", HEAD)
    assert {name: gated.nonces(name) for name in "abc"} == {name: [request.nonce] for name in "abc"}


def test_a_rejection_ends_a_wave_that_runs(gated: GatedFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = gated.fleet
    fleet.add("a", "b", "c")
    gated.ask()
    gated.approve()
    monkeypatch.setattr(gate, "REJECTION_SECONDS", 0.0)
    with psycopg.connect(fleet.url("b"), autocommit=True) as other, ThreadPoolExecutor() as threads:
        other.execute("select pg_advisory_lock(%s)", [KEY])
        rejected = threads.submit(reject_while_b_waits, fleet, other)
        document = gated.apply(1)

    assert rejected.result() == 0
    assert "1 were not begun" in document["error"]["text"]
    assert fleet.revisions() == {"a": HEAD, "b": HEAD, "c": "0006"}


def reject_while_b_waits(fleet: Fleet, other: psycopg.Connection[Any]) -> int:
    """Wait until the first target is changed; reject the request, and release the lock of the second one."""
    until(lambda: bool(fleet.acts("a")))
    process = fleet.workspace.start("reject", "tenants", "--reason", "stop")
    process.communicate()
    other.execute("select pg_advisory_unlock(%s)", [KEY])
    return process.returncode


def test_a_rollback_needs_an_approval_of_its_own(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b")
    fleet.workspace.migrate("local", "tenants/a", "tenants/b")
    command = ("rollback", "tenants", "--target", "a", "--target", "b", "--to", "0006")

    request = gated.ask(*command)

    assert (request.request.subject.act, request.request.subject.database) == (
        "rollback",
        "rollback: 2 targets",
    )
    assert set(fleet.revisions().values()) == {HEAD}
    gated.approve()
    assert fleet.workspace.cli(*command).code == 0
    assert fleet.revisions() == {"a": "0006", "b": "0006"}
