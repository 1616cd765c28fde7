"""Interrupted releases and rollbacks whose changes were removed by hand: the next run repeats what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.statements import StatementFailedAfterCommit

if TYPE_CHECKING:
    from tests.fix_project import Workspace

INDEXED = '''
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0008", "0007"
allow_hazards = {"whole-table-write": "a test"}


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
def half_released(workspace: Workspace) -> Workspace:
    """A workspace in which a row makes the second of two revisions fail after the first one is committed."""
    workspace.migrate("local")
    workspace.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 'fine', 'LEGO')")
    for name, script in (("0008_indexed.py", INDEXED), ("0009_checked.py", CHECKED)):
        (workspace.root / "migrations/versions" / name).write_text(script.replace("FAIL", FAIL))
    return workspace


def interrupt_release(workspace: Workspace) -> None:
    """Run the release, which fails after its first commits."""
    workspace.sql("local", BLOCKED)
    with pytest.raises(StatementFailedAfterCommit, match="continue: wish-rollout apply"):
        workspace.migrate("local")
    workspace.sql("local", FREE)


def interrupt_and_revert_rollback(workspace: Workspace) -> None:
    """Run a rollback that fails, and remove its changes."""
    workspace.migrate("local")
    workspace.sql("local", BLOCKED)
    workspace.sql("local", "delete from logs")
    assert workspace.cli("rollback", "local", "--to", "0007").code == 1
    workspace.sql("local", FREE)
    workspace.sql("local", workspace.cli("drift", "local", "--sql").out)


def assert_release_is_complete(workspace: Workspace) -> None:
    assert workspace.sql("local", END) == [(1, 2, True)]
    assert workspace.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]
    live = workspace.project.target("local").read_database_state().snapshot
    assert live.fingerprint == workspace.project.history.at(workspace.project.release.head).fingerprint


def test_release_that_the_remedy_removed_is_repeated(half_released: Workspace) -> None:
    interrupt_release(half_released)
    assert half_released.cli("drift", "local").code == 4
    remedy = half_released.cli("drift", "local", "--sql", "--lossy")
    assert "DROP TABLE public.logs" in remedy.out
    half_released.sql("local", "; ".join(line for line in remedy.out.split(";\n") if line))

    half_released.migrate("local")

    # rows in a table that existed before are not written again
    assert_release_is_complete(half_released)


def test_interrupted_rollback_is_resumed(half_released: Workspace) -> None:
    half_released.migrate("local")
    half_released.sql("local", BLOCKED)
    half_released.sql("local", "delete from logs")
    cut = half_released.cli("rollback", "local", "--to", "0007")
    assert (cut.code, "continue: wish-rollout rollback local --to 0007" in cut.err) == (1, True)
    assert (half_released.revision("local"), half_released.sql("local", INDEX)) == ("0008", [(False,)])
    half_released.sql("local", FREE)

    assert half_released.cli("rollback", "local").code == 0

    assert half_released.revision("local") == "0007"
    half_released.migrate("local")
    assert half_released.sql("local", INDEX) == [(True,)]


def test_interrupted_and_reverted_rollback_is_repeated(half_released: Workspace) -> None:
    interrupt_and_revert_rollback(half_released)
    assert half_released.sql("local", INDEX) == [(True,)]

    assert half_released.cli("rollback", "local", "--to", "0007").code == 0

    assert (half_released.revision("local"), half_released.sql("local", INDEX)) == ("0007", [(False,)])


def test_journal_of_an_abandoned_action_is_deleted_by_the_next_one(half_released: Workspace) -> None:
    interrupt_and_revert_rollback(half_released)
    assert half_released.sql("local", "select count(*) > 0 from wish_rollout.journal") == [(True,)]

    half_released.migrate("local")  # the revision is 0008, and 0009 is pending

    assert half_released.revision("local") == "0009"
    assert half_released.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]


def test_release_is_continued_after_its_allowances_were_edited(half_released: Workspace) -> None:
    interrupt_release(half_released)
    half_released.edit(
        "migrations/versions/0009_checked.py",
        'allow_hazards = {"check-scan": "a test"}\n',
        '\nallow_hazards = {\n    "check-scan": "agreed in the meantime",\n}\n',
    )

    half_released.migrate("local")

    assert_release_is_complete(half_released)
