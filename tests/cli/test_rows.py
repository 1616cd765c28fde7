"""Rows that a release would fail on are found in every environment before any is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_project import Road

SCRIPT = '''
"""Currencies are labels, notes are needed."""
from alembic import op
revision = "0008"
down_revision = "0007"
allow_hazards = {{"column-type-change": "few rows", "not-null-scan": "few rows", "whole-table-write": "few rows"}}


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


def add_revision(road: Road, repair: str) -> None:
    (road.root / "migrations/versions/0008_bands.py").write_text(SCRIPT.format(repair=repair))


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
    assert "2 rows in prod hold price = '12.50', which is no label of price_band" in refused.err
    assert "1 row in prod of public.wishlist_items hold no notes, which becomes NOT NULL" in refused.err
    assert "select * from public.wishlist_items as r where price::text not in ('low', 'high')" in refused.err
    assert road.identity() == before


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
    assert "hold no notes" in refused.err
    assert 'column "notes" of relation "wishlist_items" contains null values' in refused.err
