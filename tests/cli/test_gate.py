"""The gate, from the command line; tests/gate holds what an approval is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fix_project import anybody

if TYPE_CHECKING:
    from tests.fix_project import Road


@pytest.fixture
def waiting(road: Road) -> Road:
    """A road that is done but for prod."""
    road.migrate("local", "staging")
    return road


def test_an_approval_shows_what_is_approved_and_lets_exactly_that_through(waiting: Road) -> None:
    assert waiting.cli("apply").code == 3
    result = waiting.cli("approve", "prod", "--reason", "agreed", "--yes")
    assert result.code == 0, result
    assert "prod: migrate base → 0007" in result.out
    assert "CREATE TABLE wishlist_items" in result.out
    assert waiting.revision("prod") is None

    assert waiting.cli("apply").code == 0
    assert waiting.revision("prod") == "0007"
    waiting.assert_nothing_left_to_do()


def test_a_schema_that_drifted_after_the_approval_is_not_migrated(waiting: Road) -> None:
    assert waiting.cli("apply").code == 3
    assert waiting.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    waiting.sql("prod", "create table theirs (a int)")
    assert "table public.theirs" in waiting.told(4, "apply")


def test_a_plan_that_went_stale_between_preflight_and_lock_is_not_carried_out(waiting: Road) -> None:
    from wish_rollout.core.errors.plans import PlanChanged
    from wish_rollout.rollout.execution.ledger_recording import Actor
    from wish_rollout.rollout.execution.migration import migrate_environment
    from wish_rollout.rollout.execution.preflight import preflight

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
        migrate_environment(project, target, planned=planned, actor=Actor(gatekeeper=anybody))
    assert "start was [], is ['0006']" in refused.value.changed
    assert refused.value.exit_code == 6
    assert waiting.identity() == before
