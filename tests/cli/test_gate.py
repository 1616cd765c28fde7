"""The gate: exactly the plan that was approved goes through it, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road


@pytest.fixture
def waiting(road: Road) -> Road:
    """A road that is done but for prod."""
    road.migrate("local", "staging")
    return road


def approve(road: Road, *options: str) -> tuple[str, ...]:
    return ("approve", "prod", "--reason", "agreed", *(options or ("--yes",)))


def digest(road: Road) -> str:
    environments = json.loads(road.cli("plan", "--json").out)["environments"]
    return str(environments[-1]["digest"])


def test_an_approval_names_exactly_one_plan(waiting: Road) -> None:
    standing = digest(waiting)
    told = waiting.told(6, *approve(waiting, "--plan", "0" * 64))
    assert "The approval names the plan 000000000000… for 'prod'" in told
    assert f"the plan that stands is {standing[:12]}…" in told
    assert waiting.cli("apply").code == 3

    assert waiting.cli(*approve(waiting, "--plan", standing)).code == 0
    assert waiting.cli("apply").code == 0
    waiting.assert_nothing_left_to_do()


def test_an_approval_is_void_once_the_release_changes(waiting: Road) -> None:
    assert waiting.cli(*approve(waiting)).code == 0
    waiting.edit(
        "migrations/versions/0007_wishlist_items.py", '"""wishlist items\n', '"""the wishlist items\n'
    )
    assert waiting.cli("generate", "--record").code == 0
    before = waiting.identity()
    stopped = waiting.cli("apply")
    assert (stopped.code, "prod waits for an approval" in stopped.err) == (3, True)
    assert waiting.identity() == before


def test_an_approval_is_void_once_the_database_changes(waiting: Road) -> None:
    approved = digest(waiting)
    assert waiting.cli(*approve(waiting)).code == 0
    waiting.sql("prod", "create table theirs (a int)")
    assert "table public.theirs" in waiting.told(4, "apply")

    waiting.sql("prod", "drop table theirs")
    assert digest(waiting) == approved  # the same plan again, so the approval holds again
    assert waiting.cli("apply").code == 0


def test_a_plan_that_went_stale_between_preflight_and_lock_is_not_carried_out(waiting: Road) -> None:
    from wish_rollout.core.plan_errors import PlanChanged
    from wish_rollout.rollout.acting import migrate_environment
    from wish_rollout.rollout.preflight import preflight

    project = waiting.project
    target = project.target("prod")
    planned = preflight(project, [target]).environments[0].signed_fields()
    waiting.sql(
        "prod",
        "create table alembic_version (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num))",
    )
    waiting.sql("prod", "insert into alembic_version values ('0006')")
    before = waiting.identity()
    with pytest.raises(PlanChanged) as refused:
        migrate_environment(project, target, planned=planned)
    assert "start was [], is ['0006']" in refused.value.changed
    assert refused.value.exit_code == 6
    assert waiting.identity() == before


def test_there_is_nothing_to_approve_once_it_is_done(waiting: Road) -> None:
    waiting.migrate("prod")
    result = waiting.cli(*approve(waiting))
    assert (result.code, "There is nothing to approve" in result.err) == (0, True)


def test_an_approval_shows_what_is_approved(waiting: Road) -> None:
    result = waiting.cli(*approve(waiting))
    assert "prod: migrate base → 0007" in result.out
    assert "CREATE TABLE wishlist_items" in result.out


def test_who_approved_and_why_is_kept(waiting: Road) -> None:
    import dagster as dg

    standing = digest(waiting)
    assert waiting.cli(*approve(waiting, "--yes", "--approver", "the owner of prod")).code == 0
    with dg.DagsterInstance.get() as instance:
        (record,) = instance.fetch_materializations(dg.AssetKey(["approval", "prod"]), limit=9).records
    event = record.asset_materialization
    assert event is not None
    assert {name: value.value for name, value in event.metadata.items()} == {
        "plan_digest": standing,
        "approver": "the owner of prod",
        "reason": "agreed",
    }
