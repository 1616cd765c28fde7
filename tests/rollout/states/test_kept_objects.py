"""What somebody has added by hand can be kept: no hint demands that rows are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.test_walk import add_revision, at_head, squashed

if TYPE_CHECKING:
    from tests.rollout.states.project import States

INDEX = '\n\nallow_hazards = {"index-without-concurrently": "few rows"}\n'
PARTITIONED = "CREATE TABLE days (day date, n int) PARTITION BY RANGE (day); CREATE INDEX ON days (day)"
ONE_DAY = "FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"
TYPE = '\n\nallow_hazards = {"column-type-change": "few rows", "table-rewrite": "few rows"}\n'


def test_table_of_another_project_is_left_out_of_a_squashed_history(states: States) -> None:
    squashed(states)
    states.sql("ALTER TABLE items DROP COLUMN colour")
    states.sql("CREATE TABLE extra (a int REFERENCES items); INSERT INTO extra VALUES (1)")
    states.walk("apply")
    assert states.sql("SELECT a FROM extra") == [(1,)]


def test_detached_partition_and_child_table_keep_their_rows(states: States) -> None:
    """A child table that inherits, as TimescaleDB's chunks do, is reported like a partition made at run time."""
    states.revision("r2", "r1", PARTITIONED + "; CREATE TABLE logs (a int)", "DROP TABLE logs, days", INDEX)
    at_head(states)
    states.sql("CREATE TABLE logs_1 (CHECK (a > 0)) INHERITS (logs); INSERT INTO logs_1 VALUES (1)")
    drift = states.cli("drift")
    assert (drift.code, "unmanaged: table public.logs_1 (child table made at run time" in drift.out) == (
        0,
        True,
    )
    states.sql(f"CREATE TABLE days_1 PARTITION OF days {ONE_DAY}; INSERT INTO days VALUES ('2026-01-01', 1)")
    states.sql("ALTER TABLE days DETACH PARTITION days_1")
    states.revision("r3", "r2", "ALTER TABLE logs ADD COLUMN b int", "ALTER TABLE logs DROP COLUMN b")
    states.walk("apply")
    assert states.sql("SELECT n, a, b FROM days_1, logs") == [(1, 1, None)]


def test_column_of_a_hotfix_is_kept_by_a_later_revision(states: States) -> None:
    """Its place in the table differs then, which has to be allowed."""
    at_head(states)
    states.sql("ALTER TABLE items ADD COLUMN extra text DEFAULT 'x'")
    add_revision(states)
    assert "or keep them: write a revision that makes the same changes" in states.run("apply").err
    remedy = states.cli("drift", "prod", "--sql")
    assert "keep the change: write a revision" in remedy.err
    column = (
        "ALTER TABLE items ADD COLUMN IF NOT EXISTS extra text DEFAULT 'x'",
        "ALTER TABLE items DROP COLUMN extra",
    )
    states.revision("r3", "r2", *column)
    assert "the order of columns in public.items would differ" in states.run("apply").err
    states.revision("r3", "r2", *column, "\n\nallow_positions = True\n")
    assert states.walk("apply") == ["apply"]
    assert states.sql("SELECT extra FROM items") == [("x",)]


def test_type_of_a_hotfix_is_kept_by_the_same_statement(states: States) -> None:
    """The rows do not fit the former type any more, so the remedy would fail."""
    at_head(states)
    states.sql("ALTER TABLE items ALTER price TYPE bigint; UPDATE items SET price = 5000000000")
    add_revision(states)
    change = "ALTER TABLE items ALTER COLUMN price TYPE {}"
    states.revision("r3", "r2", change.format("bigint"), change.format("int"), TYPE)
    plan = states.cli("plan")
    assert (plan.code, "already there: changed column public.items.price" in plan.out) == (0, True), plan
    assert states.walk("apply") == ["apply"]
    assert states.sql("SELECT price FROM items") == [(5000000000,)]


def test_invalid_index_of_a_partitioned_table_is_dropped_by_a_statement_that_works(states: States) -> None:
    states.revision("r2", "r1", f"{PARTITIONED}; CREATE TABLE d1 PARTITION OF days {ONE_DAY}", "", INDEX)
    at_head(states)
    states.sql("CREATE INDEX half ON ONLY days (n)")
    states.revision("r3", "r2", "ALTER TABLE items ADD COLUMN size int", "ALTER TABLE items DROP COLUMN size")
    states.walk("apply")
    assert "drop them: DROP INDEX public.half;" in states.output


@pytest.mark.parametrize("at_first", [True, False])
def test_extension_of_the_platform_that_a_revision_creates_again(states: States, at_first: bool) -> None:
    """The hint does not name --adopt, which would end in the same error."""
    if not at_first:
        at_head(states)
    states.workspace.as_superuser("prod", "CREATE EXTENSION pg_trgm")
    more = "; CREATE TABLE more (a int)"
    states.revision("r2", "r1", "CREATE EXTENSION pg_trgm" + more, "DROP TABLE more")
    for command in (["apply"], ["apply", "--adopt", "prod"]):
        refused = states.run(*command).err
        assert "already has objects that the release would create: extension pg_trgm" in refused
        assert "--adopt" not in refused.partition("hint: ")[2]
    states.revision("r2", "r1", "CREATE EXTENSION IF NOT EXISTS pg_trgm" + more, "DROP TABLE more")
    states.walk("apply")
