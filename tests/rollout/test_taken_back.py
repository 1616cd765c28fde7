"""A release that was cut off and then taken back by hand, a rollback that was cut off: what is not there is done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.databases import StatementFailedAfterCommit

if TYPE_CHECKING:
    from tests.fix_project import Road

INDEXED = '''
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0008", "0007"


def upgrade() -> None:
    logs = op.create_table("logs", sa.Column("word", sa.Text))
    op.bulk_insert(logs, [{"word": "one"}, {"word": "two"}])
    op.execute("UPDATE wishlist_items SET sort_order = sort_order + 1 WHERE true OR title = 'x'")
    with op.get_context().autocommit_block():
        op.create_index("by_price", "wishlist_items", ["price"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("by_price", "wishlist_items", postgresql_concurrently=True)
    op.execute("""FAIL""")
    op.drop_table("logs")
'''
CHECKED = '''
from alembic import op
revision, down_revision = "0009", "0008"
allow_hazards = {"check-scan": "a test"}
allow_rows = {"check": "a test"}


def upgrade() -> None:
    op.execute("""FAIL""")
    op.create_check_constraint("titled", "wishlist_items", "title <> 'bad'")


def downgrade() -> None:
    op.drop_constraint("titled", "wishlist_items")
'''
BLOCKED = "create table wish_rollout.fail as select true as now"
FREE = "drop table wish_rollout.fail"
FAIL = """DO $$ BEGIN
        IF to_regclass('wish_rollout.fail') IS NOT NULL THEN RAISE 'now'; END IF;
    END $$"""
INDEX = "select to_regclass('by_price') is not null"
END = (
    "select sort_order, (select count(*) from logs), to_regclass('by_price') is not null from wishlist_items"
)


@pytest.fixture
def half(road: Road) -> Road:
    """A road on which a row makes the second of two revisions fail, after the first one has committed."""
    road.migrate("local")
    road.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 'fine', 'LEGO')")
    for name, script in (("0008_indexed.py", INDEXED), ("0009_checked.py", CHECKED)):
        (road.root / "migrations/versions" / name).write_text(script.replace("FAIL", FAIL))
    return road


def fail_forth(road: Road) -> None:
    """Have the release cut off behind its first commits."""
    road.sql("local", BLOCKED)
    with pytest.raises(StatementFailedAfterCommit, match="go on: wish-rollout apply"):
        road.migrate("local")
    road.sql("local", FREE)


def give_a_rollback_up(road: Road) -> None:
    """Have a rollback cut off, and take what it did back."""
    road.migrate("local")
    road.sql("local", BLOCKED)
    road.sql("local", "delete from logs")
    assert road.cli("rollback", "local", "--to", "0007").code == 1
    road.sql("local", FREE)
    road.sql("local", road.cli("drift", "local", "--sql").out)


def assert_whole(road: Road) -> None:
    assert road.sql("local", END) == [(1, 2, True)]
    assert road.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]
    live = road.project.target("local").look().snapshot
    assert live.fingerprint == road.project.history.at(road.project.release.head).fingerprint


def test_a_release_that_was_taken_back_by_its_remedy_is_done_again(half: Road) -> None:
    fail_forth(half)
    assert half.cli("drift", "local").code == 4
    remedy = half.cli("drift", "local", "--sql", "--lossy")
    assert "DROP TABLE public.logs" in remedy.out
    half.sql("local", "; ".join(line for line in remedy.out.split(";\n") if line))

    half.migrate("local")

    # what was written into a table that was there before is not written again
    assert_whole(half)


def test_a_rollback_that_was_cut_off_goes_on(half: Road) -> None:
    half.migrate("local")
    half.sql("local", BLOCKED)
    half.sql("local", "delete from logs")
    cut = half.cli("rollback", "local", "--to", "0007")
    assert (cut.code, "go on: wish-rollout rollback local --to 0007" in cut.err) == (1, True)
    assert (half.revision("local"), half.sql("local", INDEX)) == ("0008", [(False,)])
    half.sql("local", FREE)

    assert half.cli("rollback", "local").code == 0

    assert half.revision("local") == "0007"
    half.migrate("local")
    assert half.sql("local", INDEX) == [(True,)]


def test_a_rollback_that_was_cut_off_and_taken_back_is_done_anew(half: Road) -> None:
    give_a_rollback_up(half)
    assert half.sql("local", INDEX) == [(True,)]

    assert half.cli("rollback", "local", "--to", "0007").code == 0

    assert (half.revision("local"), half.sql("local", INDEX)) == ("0007", [(False,)])


def test_marks_of_an_act_that_was_given_up_are_gone_with_the_next_one(half: Road) -> None:
    give_a_rollback_up(half)
    assert half.sql("local", "select count(*) > 0 from wish_rollout.journal") == [(True,)]

    half.migrate("local")  # it stands at 0008, and 0009 is pending

    assert half.revision("local") == "0009"
    assert half.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]
