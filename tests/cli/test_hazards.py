"""A release that endangers a database as it is: refused, unless its script allows it and a person sees that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_project import Road

ROW = "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')"
SCRIPT = '''
"""Find wishes by their title."""
from alembic import op
revision = "0008"
down_revision = "0007"
{extra}


def upgrade() -> None:
    {body}


def downgrade() -> None:
    op.drop_index("idx_title")
'''
UNSAFE = 'op.create_index("idx_title", "wishlist_items", ["title"])'
SAFE = (
    "with op.get_context().autocommit_block():\n"
    '        op.create_index("idx_title", "wishlist_items", ["title"], postgresql_concurrently=True)'
)


def add_revision(road: Road, body: str, extra: str = "") -> None:
    script = road.root / "migrations/versions/0008_title.py"
    script.write_text(SCRIPT.format(body=body, extra=extra))


def test_a_fresh_database_has_no_hazard(road: Road) -> None:
    made = json.loads(road.cli("plan", "--json").out)

    assert [one["hazards"] for one in made["environments"]] == [[], [], []]


def test_a_hazard_in_the_last_environment_stops_the_release_before_the_first(road: Road) -> None:
    road.migrate("prod")
    road.sql("prod", ROW)
    add_revision(road, UNSAFE)
    before = road.identity()
    shown = road.cli("plan")
    assert "hazard: index-without-concurrently: index public.idx_title in revision 0008" in shown.out
    assert "NOT ALLOWED" in shown.out

    refused = road.cli("apply")

    assert refused.code == 6, refused
    assert "endanger 'prod'" in refused.err
    assert "create_index_concurrently" in refused.err
    assert 'allow_hazards = {"index-without-concurrently": "…"}' in refused.err
    assert road.identity() == before


def test_the_safe_way_is_none(each_road: Road) -> None:
    road = each_road
    road.migrate("prod")
    road.sql("prod", ROW)
    add_revision(road, SAFE)
    assert "hazard" not in road.cli("plan").out

    road.migrate("prod")

    assert road.revision("prod") == "0008"


def test_an_allowed_one_goes_on_as_long_as_it_is_what_the_approver_saw(road: Road) -> None:
    road.leave_out("staging")
    road.migrate("local", "prod")
    add_revision(road, UNSAFE, 'allow_hazards = {"index-without-concurrently": "small | at night"}')
    approve = ("approve", "prod", "--reason", "agreed", "--yes")
    assert "hazard" not in road.cli(*approve).out
    road.sql("prod", ROW)
    assert road.cli("apply").code == 3, "the approval was of a plan without a hazard"

    assert "allowed: small | at night" in road.cli(*approve).out
    road.sql("prod", ROW)

    assert road.cli("apply").code == 0, "one row more is the same hazard"
    road.assert_nothing_left_to_do()


def test_an_allowance_must_name_a_hazard_and_a_reason(road: Road) -> None:
    for said in ('{"index-concurrently": "typo"}', '{"drop-table": " "}', '["drop-table"]'):
        add_revision(road, UNSAFE, f"allow_hazards = {said}")

        refused = road.cli("plan")

        assert refused.code == 2, refused
        assert "allow_hazards of revision 0008" in refused.err
