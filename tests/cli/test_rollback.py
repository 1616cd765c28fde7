"""Taking an environment back: exactly to what it was, and never over rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road

OURS = """
select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
union all select typname::text from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e'
order by 1"""
VERSION_TABLE = [("alembic_version",), ("alembic_version_pkc",)]
ROW = "insert into wishlist_items (user_id, title, store, notes) values ('u', 't', 'LEGO', 'mine')"
ADD_COLUMN = """
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text, ADD COLUMN size text")


def downgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour, DROP COLUMN size")
"""


def fingerprint(road: Road, name: str) -> str:
    return str(json.loads(road.cli("snapshot", name).out)["fingerprint"])


def test_a_rollback_ends_at_the_earlier_snapshot_and_the_release_goes_on_again(each_road: Road) -> None:
    road = each_road
    road.migrate("local")
    assert len(road.sql("local", OURS)) == len(VERSION_TABLE) + 1 + 6 + 2

    back = road.cli("rollback", "local")
    assert back.code == 0, back
    assert "0007 → 0006" in back.out
    assert (road.revision("local"), road.sql("local", OURS)) == ("0006", VERSION_TABLE)
    recorded = road.root / "migrations/meta/0006_snapshot.json"
    assert road.cli("diff", "local", str(recorded)).code == 0
    assert json.loads(recorded.read_text())["fingerprint"] == fingerprint(road, "local")

    road.roll_out()
    assert road.revision("local") == "0007"
    road.assert_nothing_left_to_do()


def test_a_rollback_to_base_takes_every_revision_back(road: Road) -> None:
    road.migrate("staging")
    back = road.cli("rollback", "staging", "--to", "base", "--json")
    assert back.code == 0
    outcome = json.loads(back.out)
    stage = outcome["environments"][0]
    assert (stage["environment"], stage["start"], stage["end"]) == ("staging", "0007", "base")
    assert (road.revision("staging"), road.sql("staging", OURS)) == (None, VERSION_TABLE)
    assert road.cli("verify", "staging").code == 0


def test_a_rollback_over_rows_is_refused_and_says_how_many(road: Road) -> None:
    road.migrate("local")
    road.sql("local", f"{ROW}, ('u2', 't2', 'Cata', null)")
    before = road.identity()
    for arguments in ((), ("--to", "base")):
        refused = road.cli("rollback", "local", *arguments)
        assert refused.code == 6
        assert "2 in public.wishlist_items" in refused.err
        assert "hint: " in refused.err
    assert road.identity() == before
    assert road.sql("local", "select count(*) from wishlist_items") == [(2,)]

    road.sql("local", "delete from wishlist_items")
    assert road.cli("rollback", "local").code == 0


def test_a_column_that_holds_values_is_not_dropped_by_a_rollback(road: Road) -> None:
    (road.root / "migrations/versions/0008_colour.py").write_text(ADD_COLUMN)
    road.migrate("local")
    road.sql("local", ROW)
    road.sql("local", "update wishlist_items set colour = 'red'")

    refused = road.cli("rollback", "local")
    assert (refused.code, "1 in public.wishlist_items.colour" in refused.err) == (6, True)
    assert "wishlist_items.size" not in refused.err
    assert road.revision("local") == "0008"

    road.sql("local", "update wishlist_items set colour = null")
    assert road.cli("rollback", "local").code == 0
    assert road.revision("local") == "0007"
    assert road.sql("local", "select notes from wishlist_items") == [("mine",)]


@pytest.mark.parametrize(
    ("to", "code", "says"),
    [
        ("0007", 0, "nothing to do: local is at 0007"),
        ("0042", 2, "There is no revision '0042'"),
    ],
)
def test_a_rollback_that_leads_nowhere_changes_nothing(road: Road, to: str, code: int, says: str) -> None:
    road.migrate("local")
    before = road.identity()
    result = road.cli("rollback", "local", "--to", to)
    assert (result.code, says in result.out + result.err) == (code, True), result
    assert road.identity() == before


def test_a_schema_that_drifted_is_not_rolled_back(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "alter table wishlist_items add column mine int")
    before = road.identity()
    refused = road.cli("rollback", "local")
    assert (refused.code, "column public.wishlist_items.mine" in refused.err) == (4, True)
    assert road.identity() == before


def test_a_database_at_base_has_nothing_to_roll_back(road: Road) -> None:
    before = road.identity()
    assert road.cli("rollback", "local").code == 2
    assert road.identity() == before
