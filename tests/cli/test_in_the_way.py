"""What the release would create is there already: named, with its difference and the three ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road

OTHER = "create table wishlist_items (id int, store text)"


@pytest.fixture
def identical(road: Road) -> Road:
    """A road where somebody made exactly the release's schema in local and prod, without Alembic."""
    road.migrate("local", "prod")
    for name in ("local", "prod"):
        road.sql(name, "drop table alembic_version")
        road.sql(name, "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    return road


@pytest.fixture
def different(road: Road) -> Road:
    """A road where an earlier attempt left a table with text where the release wants an enum."""
    for name in ("local", "prod"):
        road.sql(name, OTHER)
        road.sql(name, "insert into wishlist_items values (1, 'Amazon')")
    return road


def test_an_identical_table_is_named_with_the_three_ways_out(identical: Road) -> None:
    told = identical.told(6, "apply")
    assert "In 'local' there is already what the release would create" in told
    assert "table public.wishlist_items (exactly as the release would make it)" in told
    assert "enum public.wishlist_store (exactly as the release would make it)" in told
    assert "(1) adopt it" in told
    assert "wish-rollout apply --adopt local" in told
    assert "(2) drop it, with its rows: wish-rollout apply --clean local" in told
    assert "(3) write a revision that adapts it" in told


def test_a_different_table_is_named_with_its_difference(different: Road) -> None:
    told = different.told(6, "apply")
    assert "table public.wishlist_items (to be as wanted: " in told
    assert "column public.wishlist_items." in told
    assert "(1) it cannot be adopted" in told
    assert "(2) drop it, with its rows: wish-rollout apply --clean local" in told
    assert "(3) write a revision that adapts it" in told


def test_a_table_in_the_way_of_a_gated_environment_cannot_be_cleaned_away(different: Road) -> None:
    different.sql("local", "drop table wishlist_items")
    told = different.told(6, "apply")
    assert "In 'prod' there is already" in told
    assert "(2) it cannot be cleaned away, since 'prod' is not disposable: coordinate with its owners" in told
    assert "'prod' may not be cleaned" in different.told(6, "apply", "--clean", "prod")


def test_an_identical_schema_is_adopted_with_its_rows(identical: Road) -> None:
    """The gated one only once that very plan, to adopt, is approved."""
    before = identical.identity()
    stopped = identical.cli("apply", "--adopt", "local", "--adopt", "prod")
    assert stopped.code == 3, stopped
    assert (identical.revision("local"), identical.identity()["prod"]) == ("0007", before["prod"])
    assert identical.sql("local", "select count(*) from wishlist_items") == [(1,)]
    assert identical.cli("drift", "local").code == 0


def test_a_different_schema_is_not_adopted(different: Road) -> None:
    told = different.told(6, "apply", "--adopt", "local")
    assert "'local' cannot be adopted: its schema is not exactly what the release leads to" in told


def test_a_disposable_environment_is_cleaned_and_migrated(different: Road) -> None:
    different.sql("prod", "drop table wishlist_items")
    assert different.cli("apply", "--clean", "local").code == 3
    assert different.revision("local") == "0007"
    assert different.sql("local", "select count(*) from wishlist_items") == [(0,)]
    different.roll_out()
    different.assert_nothing_left_to_do()


def test_what_is_not_in_the_way_is_not_cleaned(different: Road) -> None:
    """A table beside it is drift, which cleaning does not hide."""
    different.sql("prod", "drop table wishlist_items")
    different.sql("local", "create table theirs (a int)")
    told = different.told(4, "apply", "--clean", "local")
    assert "table public.theirs" in told


RENAMED = """
from alembic import op
revision, down_revision = "0008", "0007"
allow_hazards = {"rename": "a view has the old name"}


def upgrade() -> None:
    op.rename_table("wishlist_items", "wishes")
    op.execute("CREATE VIEW wishlist_items AS TABLE wishes")


def downgrade() -> None:
    op.execute("DROP VIEW wishlist_items")
    op.rename_table("wishes", "wishlist_items")
"""


def test_a_view_that_takes_a_renamed_tables_name_over_finds_nothing_in_its_way(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    (road.root / "migrations/versions/0008_renamed.py").write_text(RENAMED)

    assert road.cli("apply", "--until", "local").code == 0

    assert road.sql("local", "select count(*) from wishlist_items") == [(1,)]
    road.sql("local", "delete from wishes")
    assert road.cli("rollback", "local").code == 0
