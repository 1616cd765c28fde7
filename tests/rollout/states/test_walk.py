"""From each state that a team's database can be in, the commands in the hints lead to an environment in step.

No row is lost meanwhile, and the database is changed only by our commands and by the SQL that they print.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.project import TABLE
from wish_rollout.core.errors import releases
from wish_rollout.core.errors.planning import drift, plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rollout.states.project import States
    from wish_rollout.core.errors.base import RolloutError

ROW = "INSERT INTO items (id, title, price) VALUES (1, 'brick', 5)"
MERGE = "\n\nallow_positions = True\n"


def at_head(states: States) -> None:
    states.migrate()
    states.sql(ROW)


def add_revision(states: States) -> None:
    states.revision(
        "r2", "r1", "ALTER TABLE items ADD COLUMN colour text", "ALTER TABLE items DROP COLUMN colour"
    )


def branches(states: States, *, allowed: bool) -> None:
    """Prod has applied branch a; then branch b is merged, which a replay applies first."""
    states.revision("a", "r1", "ALTER TABLE items ADD COLUMN a int", "ALTER TABLE items DROP COLUMN a")
    at_head(states)
    states.revision("b", "r1", "ALTER TABLE items ADD COLUMN b int", "ALTER TABLE items DROP COLUMN b")
    states.revision("m", ("a", "b"), "", "", MERGE if allowed else "")
    release = states.workspace.project.release
    assert [revision.id for revision in release.revisions] == ["r1", "b", "a", "m"]


def branches_applied_by_alembic(states: States) -> None:
    """Alembic has applied both branches in prod, in another order than a replay does."""
    branches(states, allowed=False)
    states.sql("ALTER TABLE items ADD COLUMN b int; UPDATE alembic_version SET version_num = 'm'")


def squashed(states: States) -> None:
    """The history is replaced by one revision that leads to the same schema."""
    add_revision(states)
    at_head(states)
    states.forget("r1", "r2")
    states.revision("new1", None, TABLE.replace("price int", "price int, colour text"), "DROP TABLE items")


def squashed_and_behind(states: States) -> None:
    """The same, and a further revision is pending."""
    squashed(states)
    states.revision(
        "new2",
        "new1",
        "CREATE INDEX CONCURRENTLY ON items (title)".replace(" CONCURRENTLY", ""),
        "DROP INDEX items_title_idx",
        '\n\nallow_hazards = {"index-without-concurrently": "few rows"}\n',
    )


def squashed_with_another_schema(states: States) -> None:
    """The new history's schema has another index."""
    squashed(states)
    states.sql("CREATE INDEX hotfix ON items (price)")


def version_row_missing(states: States) -> None:
    at_head(states)
    states.sql("DELETE FROM alembic_version")


def version_table_missing(states: States) -> None:
    at_head(states)
    states.sql("DROP TABLE alembic_version")


def unknown_version_row(states: States) -> None:
    at_head(states)
    states.sql("UPDATE alembic_version SET version_num = ''")


def two_version_rows(states: States) -> None:
    add_revision(states)
    at_head(states)
    states.sql("INSERT INTO alembic_version VALUES ('r1')")


def ahead_in_the_middle(states: States) -> None:
    """A revision before the head was applied by hand."""
    at_head(states)
    identity = "ALTER TABLE items REPLICA IDENTITY FULL"
    states.revision("r2", "r1", identity, "ALTER TABLE items REPLICA IDENTITY DEFAULT")
    states.sql(identity)
    states.revision(
        "r3", "r2", "ALTER TABLE items ADD COLUMN size text", "ALTER TABLE items DROP COLUMN size"
    )


def dump_without_privileges(states: States) -> None:
    """A copy restored without owner, privileges and ledger."""
    at_head(states)
    states.sql("DROP SCHEMA wish_rollout CASCADE")


def invalid_index(states: States) -> None:
    """An interrupted CREATE INDEX CONCURRENTLY has left an invalid index."""
    at_head(states)
    states.sql("INSERT INTO items VALUES (2, 'brick', 5)")
    with pytest.raises(Exception, match="could not create unique index"):
        states.sql("CREATE UNIQUE INDEX CONCURRENTLY by_title ON items (title)")
    states.sql("UPDATE items SET title = 'other' WHERE id = 2")
    states.revision(
        "r2",
        "r1",
        "CREATE UNIQUE INDEX by_title ON items (title)",
        "DROP INDEX by_title",
        '\n\nallow_hazards = {"index-without-concurrently": "few rows"}\n',
    )


def drift_at_the_head(states: States) -> None:
    at_head(states)
    states.sql("CREATE INDEX hotfix ON items (price)")


def stamped(states: States) -> None:
    """Somebody ran `alembic stamp head`."""
    at_head(states)
    states.revision(
        "r2",
        "r1",
        "ALTER TABLE items ADD COLUMN kind text; INSERT INTO items VALUES (7, 'ball', 1, 'toy')",
        "DELETE FROM items WHERE id = 7; ALTER TABLE items DROP COLUMN kind",
    )
    states.sql("UPDATE alembic_version SET version_num = 'r2'")


def drift_behind_the_head(states: States) -> None:
    drift_at_the_head(states)
    add_revision(states)


STATES: list[tuple[Callable[[States], None], type[RolloutError]]] = [
    (branches_applied_by_alembic, drift.ColumnOrderDiffers),
    (squashed, releases.ForeignEnvironment),
    (squashed_and_behind, releases.ForeignEnvironment),
    (squashed_with_another_schema, releases.ForeignEnvironment),
    (version_row_missing, plans.ConflictingObjectsFound),
    (version_table_missing, plans.ConflictingObjectsFound),
    (unknown_version_row, releases.ForeignEnvironment),
    (two_version_rows, drift.RedundantVersionRows),
    (ahead_in_the_middle, plans.SchemaAhead),
    (invalid_index, drift.InvalidIndexesLeft),
    (stamped, plans.SchemaBehind),
    (drift_at_the_head, plans.SchemaDriftedAtHead),
    (drift_behind_the_head, plans.SchemaDrifted),
]


@pytest.mark.parametrize(("state", "error"), STATES)
def test_hints_lead_to_an_environment_in_step(
    states: States, state: Callable[[States], None], error: type[RolloutError]
) -> None:
    state(states)
    states.walk("apply")
    text = re.sub(r"\\\{\w+\\\}", ".*", re.escape(error.summary))
    assert re.search(text, states.output), states.output
    assert states.sql("SELECT id, title, price FROM items WHERE id = 1") == [(1, "brick", 5)]


def test_the_rows_of_a_stamped_revision_are_written(states: States) -> None:
    stamped(states)
    states.walk("apply")
    assert states.sql("SELECT kind FROM items WHERE id = 7") == [("toy",)]


def test_restored_dump_without_ledger_needs_no_step(states: States) -> None:
    dump_without_privileges(states)
    states.walk("apply")
    add_revision(states)
    states.roll_out()


def test_another_order_of_columns_is_foreseen_and_allowed_by_the_merge_revision(states: States) -> None:
    branches(states, allowed=False)
    refused = states.run("apply")
    assert (refused.code, "the order of columns in public.items would differ" in refused.err) == (6, True)
    states.revision("m", ("a", "b"), "", "", MERGE)
    states.roll_out()
    assert states.sql("SELECT id FROM items") == [(1,)]
    states.revision(
        "r9",
        "m",
        "ALTER TABLE items RENAME COLUMN a TO first; ALTER TABLE items ADD COLUMN z int",
        "ALTER TABLE items DROP COLUMN z; ALTER TABLE items RENAME COLUMN first TO a",
        '\n\nallow_hazards = {"rename": "no readers"}\n',
    )
    states.roll_out()


def test_rollback_that_brings_a_middle_column_back_last_is_foreseen(states: States) -> None:
    states.revision(
        "r2",
        "r1",
        "ALTER TABLE items DROP COLUMN title",
        "ALTER TABLE items ADD COLUMN title text",
        '\n\nallow_hazards = {"drop-column": "unused"}\n',
    )
    states.roll_out()
    states.walk("rollback", "prod")
    states.walk("rollback", "prod")
    assert "columns that the rollback adds to public.items again are its last ones" in states.output


def test_version_table_that_is_a_view_is_refused_with_the_next_step(states: States) -> None:
    at_head(states)
    states.sql("ALTER TABLE alembic_version RENAME TO real; CREATE VIEW alembic_version AS TABLE real")
    message = states.run("apply").err
    assert "cannot be used: it is a view" in message
    assert "apply --adopt" in message
    states.sql("DROP VIEW alembic_version; DROP TABLE real")
    states.walk("apply", "--adopt", "prod")
