"""Rows that a release would fail on are found in every environment before any is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.approval.documents import subject_of
from wish_rollout.core.errors.plans import PlanChanged
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible

if TYPE_CHECKING:
    from tests.fix_project import Road

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


BANDS = "2 rows in prod hold price = '12.50', which is no label of price_band"
SEEN = "select * from public.wishlist_items as r where price::text not in ('low', 'high')"


def add_revision(road: Road, repair: str, extra: str = "") -> None:
    script = road.root / "migrations/versions/0008_bands.py"
    script.write_text(SCRIPT.format(repair=repair, extra=extra))


def test_rows_that_break_the_new_schema_stop_the_release_before_the_first_environment(
    each_road: Road,
) -> None:
    road = each_road
    road.migrate("local", "staging", "prod")
    road.sql("prod", ROW.format("'low'", "'n'", "null"))
    road.sql("prod", ROW.format("'12.50'", "'n'", "null"))
    road.sql("prod", ROW.format("'12.50'", "null", "null"))
    add_revision(road, "pass")
    before = road.identity()

    refused = road.cli("apply")

    assert refused.code == 6, refused
    assert BANDS in refused.err
    assert "1 row in prod of public.wishlist_items holds no notes, which becomes NOT NULL" in refused.err
    assert SEEN in refused.err
    assert road.identity() == before
    shown = road.cli("plan")
    assert shown.code == 6
    assert (
        f"rows: {BANDS}\n    see them: {SEEN};\n    NOT ALLOWED; rehearsed with some of them: " in shown.out
    )
    told = json.loads(road.cli("plan", "--json").out)["environments"]
    assert [len(one["findings"]) for one in told] == [0, 0, 2]
    finding = {key: told[2]["findings"][0][key] for key in ("kind", "subject", "rows", "says", "sql")}
    assert finding == {
        "kind": "rows-do-not-fit",
        "subject": "public.wishlist_items.notes",
        "rows": 1,
        "says": "1 row in prod of public.wishlist_items holds no notes, which becomes NOT NULL",
        "sql": "select * from public.wishlist_items as r where notes is null",
    }


def test_rows_that_the_release_mends_itself_are_no_finding(each_road: Road) -> None:
    road = each_road
    road.migrate("prod")
    road.sql("prod", ROW.format("'12.50'", "null", "'me'"))
    add_revision(road, REPAIR)

    road.migrate("prod")

    assert road.sql("prod", "select price::text, notes from wishlist_items") == [("high", "from me")]


def test_a_repair_that_does_not_mend_every_row_is_told_with_what_the_rehearsal_came_to(road: Road) -> None:
    road.migrate("prod")
    road.sql("prod", ROW.format("'12.50'", "null", "null"))
    add_revision(road, REPAIR)

    refused = road.cli("apply")

    assert refused.code == 6, refused
    assert "holds no notes" in refused.err
    assert 'column "notes" of relation "wishlist_items" contains null values' in refused.err


def test_rows_that_a_revision_allows_are_before_the_approver_and_signed_by_name(road: Road) -> None:
    road.migrate("local")
    add_revision(road, "pass", ', "rows-do-not-fit": "bands come | from a view"')
    project, target = road.project, road.project.target("local")
    without, _ = plan_target(project, target)
    road.sql("local", ROW.format("'12.50'", "'n'", "null"))

    plan, seen = plan_target(project, target)

    refuse_infeasible(target.environment, plan, project, seen)
    names = [name for name in subject_of(plan, "", ()).hazards if name.startswith("rows-do-not-fit")]
    assert names == ["rows-do-not-fit public.wishlist_items.price"]
    markdown = plan_markdown(plan)
    says = "1 row in local holds price = '12.50', which is no label of price_band"
    assert f"| {says} | bands come &#124; from a view |" in markdown
    assert f"```sql\n{SEEN};\n```" in markdown
    assert (
        f"rows: {says}\n    see them: {SEEN};\n    allowed: bands come | from a view" in road.cli("plan").out
    )
    with pytest.raises(PlanChanged, match="findings was"):
        migrate_environment(project, target, planned=without.signed_fields())
    road.sql("local", ROW.format("'13'", "'n'", "null"))
    again, _ = plan_target(project, target)
    assert (again.findings[0].rows, again.digest) == (2, plan.digest), "one row more is the same finding"
