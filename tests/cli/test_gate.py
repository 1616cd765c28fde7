"""The gate with the commands apply and approve. tests/gate has the tests of approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fix_project import grant_anything

if TYPE_CHECKING:
    from tests.fix_project import Workspace


@pytest.fixture
def waiting(workspace: Workspace) -> Workspace:
    """A workspace in which only prod is not migrated."""
    workspace.migrate("local", "staging")
    return workspace


def test_approve_shows_the_plan_and_apply_then_executes_it(waiting: Workspace) -> None:
    assert waiting.cli("apply").code == 3
    result = waiting.cli("approve", "prod", "--reason", "agreed", "--yes")
    assert result.code == 0, result
    assert "prod: migrate base → 0007" in result.out
    assert "CREATE TABLE wishlist_items" in result.out
    assert waiting.revision("prod") is None

    assert waiting.cli("apply").code == 0
    assert waiting.revision("prod") == "0007"
    waiting.assert_plan_is_empty()


def test_drift_after_the_approval_stops_the_migration(waiting: Workspace) -> None:
    assert waiting.cli("apply").code == 3
    assert waiting.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    waiting.sql("prod", "create table theirs (a int)")
    assert "table public.theirs" in waiting.expect_error(4, "apply")


def test_plan_that_changed_after_preflight_is_refused(waiting: Workspace) -> None:
    from wish_rollout.core.errors.planning.plans import PlanChanged
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
        migrate_environment(project, target, planned=planned, actor=Actor(gatekeeper=grant_anything))
    assert "start differ in number 1 of 1: was (none), is 0006" in refused.value.changed
    assert refused.value.exit_code == 6
    assert waiting.identity() == before
