"""Rows that violate the new schema are found in every environment before the first one is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.approval.subject import build_subject
from wish_rollout.core.errors.planning.plans import PlanChanged
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = '''
"""Currencies are labels, notes are needed."""
from alembic import op
revision = "0008"
down_revision = "0007"
allow_hazards = {{"column-type-change": "few rows", "not-null-scan": "few rows", "whole-table-write": "few rows"{extra}}}


def upgrade() -> None:
    op.execute("CREATE TYPE price_band AS ENUM ('low', 'high')")
    {repair}
    op.execute("ALTER TABLE wishlist_items ALTER price TYPE price_band USING price::price_band")
    op.alter_column("wishlist_items", "notes", nullable=False)


def downgrade() -> None:
    pass
'''
REPAIR = (
    "op.execute(\"UPDATE wishlist_items SET price = CASE WHEN price::numeric > 9 THEN 'high' ELSE 'low' END\")\n"
    "    op.execute(\"UPDATE wishlist_items SET notes = 'from ' || created_by WHERE notes IS NULL\")"
)
ROW = (
    "insert into wishlist_items (user_id, title, store, price, notes, created_by)"
    " values ('u', 't', 'LEGO', {}, {}, {})"
)


BANDS = "2 rows in prod have price = '12.50', which is not a label of price_band"
SEEN = "select * from public.wishlist_items as r where price::text not in ('low', 'high')"


def add_revision(workspace: Workspace, repair: str, extra: str = "") -> None:
    script = workspace.root / "migrations/versions/0008_bands.py"
    script.write_text(SCRIPT.format(repair=repair, extra=extra))


@pytest.mark.one_version
def test_violating_rows_stop_the_rollout_before_the_first_environment(
    each_workspace: Workspace,
) -> None:
    workspace = each_workspace
    workspace.migrate("local", "staging", "prod")
    workspace.sql("prod", ROW.format("'low'", "'n'", "null"))
    workspace.sql("prod", ROW.format("'12.50'", "'n'", "null"))
    workspace.sql("prod", ROW.format("'12.50'", "null", "null"))
    add_revision(workspace, "pass")
    before = workspace.identity()

    refused = workspace.cli("apply")

    assert refused.code == 6, refused
    assert BANDS in refused.err
    assert "1 row in prod of public.wishlist_items has no notes, which becomes NOT NULL" in refused.err
    assert SEEN in refused.err
    assert workspace.identity() == before
    shown = workspace.cli("plan")
    assert shown.code == 6
    assert (
        f"rows: {BANDS}\n    query: {SEEN};\n    NOT ALLOWED; rehearsal with some of these rows: "
        in shown.out
    )
    environments = json.loads(workspace.cli("plan", "--json").out)["environments"]
    assert [len(one["findings"]) for one in environments] == [0, 0, 2]
    finding = {key: environments[2]["findings"][0][key] for key in ("kind", "subject", "rows", "says", "sql")}
    assert finding == {
        "kind": "rows-do-not-fit",
        "subject": "public.wishlist_items.notes",
        "rows": 1,
        "says": "1 row in prod of public.wishlist_items has no notes, which becomes NOT NULL",
        "sql": "select * from public.wishlist_items as r where notes is null",
    }


@pytest.mark.one_version
def test_rows_that_the_release_repairs_are_no_finding(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("prod")
    workspace.sql("prod", ROW.format("'12.50'", "null", "'me'"))
    add_revision(workspace, REPAIR)

    workspace.migrate("prod")

    assert workspace.sql("prod", "select price::text, notes from wishlist_items") == [("high", "from me")]


def test_incomplete_repair_is_reported_with_the_result_of_the_rehearsal(
    workspace: Workspace,
) -> None:
    workspace.migrate("prod")
    workspace.sql("prod", ROW.format("'12.50'", "null", "null"))
    add_revision(workspace, REPAIR)

    refused = workspace.cli("apply")

    assert refused.code == 6, refused
    assert "has no notes" in refused.err
    assert 'column "notes" of relation "wishlist_items" contains null values' in refused.err


def test_allowed_rows_are_shown_to_the_approver_and_part_of_the_signed_plan(workspace: Workspace) -> None:
    workspace.migrate("local")
    add_revision(workspace, "pass", ', "rows-do-not-fit": "bands come | from a view"')
    project, target = workspace.project, workspace.project.target("local")
    without, _ = plan_target(project, target)
    workspace.sql("local", ROW.format("'12.50'", "'n'", "null"))

    plan, seen = plan_target(project, target)

    refuse_infeasible(target.environment, plan, project, seen)
    names = [name for name in build_subject(plan, "", ()).hazards if name.startswith("rows-do-not-fit")]
    assert names == ["rows-do-not-fit public.wishlist_items.price"]
    markdown = plan_markdown(plan)
    says = "1 row in local has price = '12.50', which is not a label of price_band"
    assert f"| {says} | bands come &#124; from a view |" in markdown
    assert f"```sql\n{SEEN};\n```" in markdown
    assert (
        f"rows: {says}\n    query: {SEEN};\n    allowed: bands come | from a view"
        in workspace.cli("plan").out
    )
    with pytest.raises(PlanChanged, match="findings differ in number 1 of 1: was"):
        migrate_environment(project, target, planned=without.signed_fields())
    workspace.sql("local", ROW.format("'13'", "'n'", "null"))
    again, _ = plan_target(project, target)
    assert (again.findings[0].rows, again.digest) == (2, plan.digest), "one row more is the same finding"
