"""The most important states through a gate: each plan is approved by a signature of one approver."""

from __future__ import annotations

import json
import secrets
from itertools import cycle, product
from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.conftest import EVERYTHING
from tests.rollout.states.test_walk import (
    add_revision,
    at_head,
    branches,
    invalid_index,
    squashed_and_behind,
    unknown_version_row,
)
from tests.servers import REQUIRED, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.rollout.states.project import States

APP = f"app_{secrets.token_hex(4)}"
INDEX = '\n\nallow_hazards = {"index-without-concurrently": "few rows"}\n'


def grant_of_the_platform(states: States) -> None:
    states.workspace.as_superuser("prod", f"GRANT CREATE ON SCHEMA public TO {APP}")
    at_head(states)
    add_revision(states)


def branches_in_another_order(states: States) -> None:
    branches(states, allowed=True)


def extension_of_the_platform(states: States) -> None:
    at_head(states)
    states.workspace.as_superuser("prod", "CREATE EXTENSION citext")
    states.revision(
        "r2",
        "r1",
        "CREATE EXTENSION IF NOT EXISTS citext; ALTER TABLE items ADD COLUMN code citext",
        "ALTER TABLE items DROP COLUMN code",
    )


def backport_already_there(states: States) -> None:
    at_head(states)
    states.sql("CREATE INDEX hotfix ON items (price)")
    states.revision(
        "r2", "r1", "CREATE INDEX IF NOT EXISTS hotfix ON items (price)", "DROP INDEX hotfix", INDEX
    )


def platform_changed(states: States) -> None:
    at_head(states)
    states.workspace.as_superuser("prod", "CREATE SCHEMA platform")
    add_revision(states)


STATES: list[tuple[Callable[[States], None], list[str]]] = [
    (grant_of_the_platform, ["apply"]),
    (squashed_and_behind, ["apply", "apply --adopt prod"]),
    (branches_in_another_order, ["apply"]),
    (extension_of_the_platform, ["apply"]),
    (backport_already_there, ["apply"]),
    (invalid_index, ["apply", "apply"]),
    (unknown_version_row, ["apply", "apply --adopt prod"]),
    (platform_changed, ["apply", "apply --adopt prod"]),
]
CASES = [
    pytest.param(version, *case, id=f"{case[0].__name__}-pg{version}")
    for version, case in (
        product(versions(), STATES) if EVERYTHING else zip(cycle(REQUIRED), STATES, strict=False)
    )
]


@pytest.fixture(autouse=True)
def app(signed_states: States) -> Iterator[None]:
    """A role of the platform."""
    signed_states.workspace.as_superuser("prod", f"CREATE ROLE {APP}")
    yield
    signed_states.workspace.as_superuser("prod", f"DROP OWNED BY {APP}; DROP ROLE {APP}")


@pytest.mark.parametrize(("signed_states", "state", "commands"), CASES, indirect=["signed_states"])
def test_signed_plans_lead_to_an_environment_in_step(
    signed_states: States, state: Callable[[States], None], commands: list[str]
) -> None:
    states = signed_states
    state(states)
    walked = states.walk("apply")
    assert [each for each in walked if not each.startswith("approve")] == [*commands, commands[-1]], walked
    status = json.loads(states.cli("status", "--json").out)["environments"][0]
    assert status["verdict"] == "in_step"
    log = states.cli("log", "prod", "--json", "--verify")
    assert json.loads(log.out)[-1]["detail"]["approvals"], log
    assert states.sql("SELECT id, title, price FROM items WHERE id = 1") == [(1, "brick", 5)]
