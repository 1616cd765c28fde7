"""A rollback's own dangers, judged on the database as it is, stand in what is signed for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import APPROVER
from tests.gate.conftest import SECOND
from wish_rollout.core.errors.approvals import ApprovalOutdated, HazardNotApprovable
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
    """Prod one revision further: with rows, none of which has a value in the new column."""
    (gate.road.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    gate.road.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    gate.road.migrate("prod")
    gate.road.sql("prod", ROW)
    return gate


def test_its_hazards_are_signed_by_name_and_raise_the_quorum(ahead: Gate) -> None:
    ahead.policy("quorum_for = { drop-column = 2 }")
    stopped = ahead.road.cli("rollback", "prod")
    assert stopped.code == 3, stopped
    (request,) = ahead.requests()
    assert request.subject.hazards == DROPS
    code, said = ahead.approve()
    assert code == 0, said
    assert f"hazards: {DROPS[0]}" in said
    assert "drop-column: column public.wishlist_items.colour in revision 0008" in said
    assert "what it takes with it: column public.wishlist_items.colour (of 1 rows)" in said
    assert "NOT ALLOWED" not in said
    assert "needs the approvals of 2 persons" in ahead.road.cli("rollback", "prod").err
    assert ahead.approve(SECOND)[0] == 0
    done = ahead.road.cli("rollback", "prod")
    assert (done.code, ahead.road.revision("prod")) == (0, "0007"), done


def test_it_is_judged_to_the_end_and_anew_when_it_is_approved(ahead: Gate) -> None:
    assert ahead.road.cli("rollback", "prod").code == 3
    (request,) = ahead.requests()
    project = ahead.road.project
    with ahead.road.here():
        plan = plan_for_request(project, project.target("prod"), replace(request.subject, end="base"))
    assert tuple(hazard.name for hazard in plan.hazards) == (*DROPS, "drop-table table public.wishlist_items")
    assert [hazard.revision for hazard in plan.hazards] == ["0008", "0007"]

    document = ahead.document(request, APPROVER)
    ahead.road.sql("prod", "insert into later values (1)")
    with pytest.raises(
        ApprovalOutdated, match=r"hazards was .*, is drop-column .*, drop-table table public\.later"
    ):
        ahead.check_submitted_approval(document)

    ahead.road.sql("prod", "delete from later")
    ahead.policy('allowed_hazards = ["table-rewrite"]')
    config = {"ops": {"rollback_environment": {"config": {"environment": "prod"}}}}
    assert ahead.road.run("rollback", config).error_class == HazardNotApprovable.__name__
    assert ahead.requests() == [request]
