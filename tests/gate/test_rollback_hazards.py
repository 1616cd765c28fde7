"""The hazards of a rollback are assessed on the live database and are part of the signed request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import APPROVER
from tests.gate.conftest import SECOND
from wish_rollout.core.errors.gate.approvals import ApprovalOutdated, HazardNotApprovable
from wish_rollout.rollout.approval.approval_validity import plan_for_request

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

ROW = "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')"
DROPS = ("drop-column column public.wishlist_items.colour",)
SCRIPT = """
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")
    op.execute("CREATE TABLE later (id int)")


def downgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour")
    op.execute("DROP TABLE later")
"""


@pytest.fixture
def ahead(gate: Gate) -> Gate:
    """Prod with one more revision and rows without values in its new column."""
    (gate.workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    gate.workspace.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    gate.workspace.migrate("prod")
    gate.workspace.sql("prod", ROW)
    return gate


def test_hazards_of_a_rollback_are_signed_and_raise_the_quorum(ahead: Gate) -> None:
    ahead.policy("quorum_for = { drop-column = 2 }")
    stopped = ahead.workspace.cli("rollback", "prod")
    assert stopped.code == 3, stopped
    (request,) = ahead.requests()
    assert request.subject.hazards == DROPS
    code, said = ahead.approve()
    assert code == 0, said
    assert f"hazards: {DROPS[0]}" in said
    assert "drop-column: column public.wishlist_items.colour in revision 0008" in said
    assert "rows that it drops: column public.wishlist_items.colour (of 1 rows)" in said
    assert "NOT ALLOWED" not in said
    assert "needs the approvals of 2 persons" in ahead.workspace.cli("rollback", "prod").err
    assert ahead.approve(SECOND)[0] == 0
    done = ahead.workspace.cli("rollback", "prod")
    assert (done.code, ahead.workspace.revision("prod")) == (0, "0007"), done


def test_rollback_hazards_are_assessed_again_after_the_approval(ahead: Gate) -> None:
    assert ahead.workspace.cli("rollback", "prod").code == 3
    (request,) = ahead.requests()
    project = ahead.workspace.project
    with ahead.workspace.as_current_project():
        plan = plan_for_request(project, project.target("prod"), replace(request.subject, end="base"))
    assert tuple(hazard.name for hazard in plan.hazards) == (*DROPS, "drop-table table public.wishlist_items")
    assert [hazard.revision for hazard in plan.hazards] == ["0008", "0007"]

    document = ahead.document(request, APPROVER)
    ahead.workspace.sql("prod", "insert into later values (1)")
    with pytest.raises(
        ApprovalOutdated, match=r"hazards was .*, is drop-column .*, drop-table table public\.later"
    ):
        ahead.check_submitted_approval(document)

    ahead.workspace.sql("prod", "delete from later")
    ahead.policy('allowed_hazards = ["table-rewrite"]')
    config = {"ops": {"rollback_plan": {"config": {"environment": "prod"}}}}
    assert ahead.workspace.run_job("rollback", config).error_class == HazardNotApprovable.__name__
    assert ahead.requests() == [request]
