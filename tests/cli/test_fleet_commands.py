"""Commands that change a fleet or read all of it: choices for one target, failures, rollbacks, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_fleets import DRIFT, LIST
from tests.fix_fleet import HEAD

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


@pytest.mark.parametrize("command", ["status", "drift"])
def test_other_environments_are_shown_if_a_list_cannot_be_read(fleet: Fleet, command: str) -> None:
    fleet.workspace.edit("rollout.toml", LIST, 'targets = { command = "false" }')

    result = fleet.workspace.cli(command)
    document = json.loads(fleet.workspace.cli(command, "--json").out)

    assert result.code == 1
    assert "local" in result.out
    assert "tenants: no target was read: The list of targets of 'tenants' could not be read" in result.out
    (found,) = document["fleets"]
    assert (found["targets"], "its exit code is 1" in found["error"]) == (0, True)


def test_a_plan_names_targets_with_one_database(fleet: Fleet) -> None:
    fleet.add("a")
    other = {"name": "alias", "url": fleet.url("a").replace("127.0.0.1", "localhost")}
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write(json.dumps(other) + "\n")

    plan = fleet.workspace.cli("plan", "tenants")

    assert "cannot be executed: The targets 'alias' and 'a' of 'tenants' are the same database." in plan.out
    assert plan.code == 2


def test_targets_and_a_wave_are_not_named_together(fleet: Fleet) -> None:
    (fleet.root / "tenants.txt").write_text("a\n")

    result = fleet.workspace.cli("rollback", "tenants/a", "--wave", "all", "--to", "0006")

    assert result.code == 2
    assert "not both" in result.err


def test_a_target_and_a_wave_are_rolled_back(fleet: Fleet) -> None:
    fleet.add("canary-1", "canary-2", "a")
    fleet.configure(
        '[[environment.wave]]\nname = "canary"\nmatch = "canary-*"\n\n[[environment.wave]]\nrest = true\n'
    )
    assert fleet.workspace.cli("apply").code == 0

    one = fleet.workspace.cli("rollback", "tenants/canary-1", "--to", "0006")
    wave = fleet.workspace.cli("rollback", "tenants", "--wave", "canary", "--to", "0006")

    assert (one.code, one.out) == (0, "1 targets of tenants are at 0006, verified\n")
    assert (wave.code, wave.out) == (0, "2 targets of tenants are at 0006, verified\n")
    assert fleet.revisions() == {"canary-1": "0006", "canary-2": "0006", "a": HEAD}
    assert [act for act, _ in fleet.acts("canary-1")] == ["upgrade", "rollback"]
    again = fleet.workspace.cli("apply", "--restore")
    assert (again.code, "wish-rollout restore tenants/TARGET" in again.err) == (0, True)


def test_the_schema_of_one_target_is_adopted(fleet: Fleet) -> None:
    fleet.add("a", "b")
    fleet.configure("\n[[environment.wave]]\nrest = true\nmax_failures = 2\n")
    assert fleet.workspace.cli("apply").code == 0
    for name in ("a", "b"):
        fleet.sql(name, "drop table alembic_version; drop schema wish_rollout cascade")

    apply = fleet.workspace.cli("apply", "--adopt", "tenants/b")

    assert "1 of 2 targets of 'tenants' failed" in apply.err
    assert fleet.revisions() == {"a": None, "b": HEAD}
    assert [act for act, _ in fleet.acts("b")] == ["adopt"]


@pytest.mark.parametrize(
    ("option", "name", "gated", "code", "error"),
    [
        ("--adopt", "tenants/x", False, 2, "'tenants' has no target named 'x'"),
        ("--replan", "tenants/a", True, 6, "--replan cannot name 'tenants/a', which is a target of a gated fleet"),
        ("--clean", "tenants/a", False, 6, "'tenants' is a fleet, and no target of a fleet is cleaned"),
    ],
)  # fmt: skip
def test_a_choice_for_one_target_is_never_ignored(
    fleet: Fleet, option: str, name: str, gated: bool, code: int, error: str
) -> None:
    fleet.add("a")
    if gated:
        fleet.configure(
            'gated = true\n[environment.approval]\nallowed_signers = "approvers"\nfour_eyes = false\n'
        )

    assert error in fleet.workspace.expect_error(code, "apply", option, name)
    assert fleet.revisions() == {"a": "0006"}


def test_all_targets_that_have_failed_are_listed(fleet: Fleet) -> None:
    fleet.add("a", "b", "c", "d")
    fleet.configure("\n[[environment.wave]]\nrest = true\nmax_failures = 1\n")
    for name in ("a", "b"):
        fleet.sql(name, DRIFT)

    apply = fleet.workspace.cli("apply")

    rows = [line.split()[:5] for line in apply.out.splitlines()]
    assert ["2", "SchemaDrifted", "a,", "b", "'tenants/a'"] in rows
    assert ["2", "-", "c,", "d", "not"] in rows
    assert "\nSchemaDrifted: see all differences: wish-rollout drift tenants/a;" in apply.out

    assert fleet.workspace.cli("rollback", "tenants", "--target", "a", "--to", "base").code == 1
