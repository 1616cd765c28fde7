"""Rollbacks whose downgrades rename, detach, empty and drop tables by statements that their texts do not contain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rollout.archives.conftest import allow_hazards
from wish_rollout.core.archive.table_identities import TableIdentity, equivalent_statements
from wish_rollout.core.release.measurements import StatementMeasurement, statement_digest
from wish_rollout.core.release.release import Revision
from wish_rollout.rollout.release.measurements import Measurements

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rollout.archives.conftest import ArchiveCase

NOTES = "CREATE TABLE notes (id int, text text)"
EVENTS = "CREATE TABLE events (id int, tenant int) PARTITION BY RANGE (id)"
OLD = "CREATE TABLE events_old (id int, tenant int)"


@pytest.fixture(autouse=True)
def _allow(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_hazards(monkeypatch, "'attach-scan': 'few rows', 'rename': 'no readers'")


def do(*statements: str) -> str:
    """Return a block that executes statements which its text does not contain."""
    calls = (f"EXECUTE {' || '.join(repr(word + ' ') for word in each.split())}" for each in statements)
    return f"DO $$ BEGIN {'; '.join(calls)}; END $$"


def test_partition_that_a_block_detaches_keeps_its_rows(case: ArchiveCase) -> None:
    case.revise([OLD], ["DROP TABLE events_old"])
    case.sql("insert into events_old values (1, 1), (2, 2)")
    up = [
        EVENTS,
        "ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE events_new PARTITION OF events FOR VALUES FROM (100) TO (200)",
    ]
    down = [do("ALTER TABLE events DETACH PARTITION events_old", "DROP TABLE events")]
    case.revise(up, down, "0009", "0008")
    case.sql("insert into events values (150, 3)")

    case.rollback()
    assert case.sql("select * from events_old order by 1") == [(1, 1), (2, 2)]
    case.again()
    (done,) = case.restore()

    assert (done.rows, done.left) == (1, 0)
    assert case.sql("select * from events order by 1") == [(1, 1), (2, 2), (150, 3)]


def test_table_and_column_that_a_block_renames_are_not_archived(case: ArchiveCase) -> None:
    case.revise([NOTES], ["DROP TABLE notes"])
    case.sql("insert into notes values (1, 'one')")
    rename = ["ALTER TABLE notes RENAME text TO words", "ALTER TABLE notes RENAME TO remarks"]
    back = ["ALTER TABLE remarks RENAME TO notes", "ALTER TABLE notes RENAME words TO text"]
    case.revise(rename, [do(*back)], "0009", "0008")

    case.rollback()

    assert case.sql("select to_regclass('wish_rollout_archive.archives')") == [(None,)]
    assert case.sql("select text from notes") == [("one",)]


@pytest.mark.parametrize("table", [NOTES, NOTES.replace("id int", "id int PRIMARY KEY")])
def test_table_that_a_block_empties_is_archived(case: ArchiveCase, table: str) -> None:
    case.revise([table], ["DROP TABLE notes"])
    case.revise(
        ["ALTER TABLE notes ADD more int"],
        [do("TRUNCATE notes", "ALTER TABLE notes DROP more")],
        "0009",
        "0008",
    )
    case.sql("insert into notes values (1, 'one', 1), (2, 'two', 2)")

    case.rollback()
    assert case.sql("select * from notes") == []
    case.again()
    (done,) = case.restore()

    assert (done.rows, done.left) == (2, 0)
    assert case.sql("select * from notes order by 1") == [(1, "one", 1), (2, "two", 2)]


def test_table_that_a_function_empties_outside_of_the_transaction_is_archived(case: ArchiveCase) -> None:
    case.revise([NOTES], ["DROP TABLE notes"])
    case.revise(["ALTER TABLE notes ADD more int"], ["ALTER TABLE notes DROP more"], "0009", "0008")
    script = case.workspace.root / "migrations/versions/0009_case.py"
    block = f"""
    with op.get_context().autocommit_block():
        op.execute({do("TRUNCATE notes")!r})
"""
    script.write_text(script.read_text().replace("def downgrade():\n", f"def downgrade():{block}", 1))
    case.sql("insert into notes values (1, 'one', 1), (2, 'two', 2)")

    case.rollback()
    assert case.sql("select * from notes") == []
    case.again()
    case.restore()

    assert case.sql("select * from notes order by 1") == [(1, "one", 1), (2, "two", 2)]


def test_tables_that_exchange_their_names() -> None:
    one = TableIdentity("public.a", 1, {1: ("x", "integer"), 2: ("y", "integer")})
    other = TableIdentity('public."B"', 2)
    before = {10: one, 20: other, 30: TableIdentity("public.c", 3)}
    after = {
        10: TableIdentity('public."B"', 1, {1: ("y", "integer"), 2: ("x", "bigint")}),
        20: TableIdentity("other.a", 2),
    }
    assert equivalent_statements(before, after, frozenset()) == (
        "DROP TABLE public.c",
        "ALTER TABLE public.a ALTER COLUMN y TYPE bigint USING y::bigint",
        "ALTER TABLE public.a RENAME COLUMN x TO wish_rollout_renamed_0",
        "ALTER TABLE public.a RENAME COLUMN y TO wish_rollout_renamed_1",
        "ALTER TABLE public.a RENAME COLUMN wish_rollout_renamed_0 TO y",
        "ALTER TABLE public.a RENAME COLUMN wish_rollout_renamed_1 TO x",
        "ALTER TABLE public.a RENAME TO wish_rollout_renamed_0",
        'ALTER TABLE public."B" RENAME TO wish_rollout_renamed_1',
        'ALTER TABLE public.wish_rollout_renamed_0 RENAME TO "B"',
        "ALTER TABLE public.wish_rollout_renamed_1 SET SCHEMA other",
        "ALTER TABLE other.wish_rollout_renamed_1 RENAME TO a",
    )


def test_equal_texts_of_several_revisions_do_different_things(tmp_path: Path) -> None:
    text, plain = "SELECT undo()", "DROP INDEX one"
    measurements = Measurements(tmp_path, tmp_path)
    for name, does in (("2", ("TRUNCATE a",)), ("1", ("DROP TABLE b",))):
        measured = [StatementMeasurement(statement_digest(each), outside=False) for each in (plain, text)]
        measurements.add(name, "downgrade", [measured[0], replace(measured[1], does=does)])
    revisions = [Revision(name, (), "", "", "", "") for name in ("2", "1")]

    scripts = [(revisions[0], [plain, text, "not measured"]), (revisions[1], [plain, text])]
    found = measurements.effects(scripts, "downgrade")

    assert found == [plain, "TRUNCATE a", "not measured", plain, "DROP TABLE b"]
