"""An interrupted release is resumed: each statement has run once and returned the same result to the script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.statements import StatementFailed

if TYPE_CHECKING:
    from tests.fix_project import Workspace

HEAD = '''
import os
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0008", "0007"
allow_hazards = {"whole-table-write": "a test"}


def cut(point: str) -> None:
    """Interrupt the process here if END_AT names this point; never in a replay."""
    execute = op.get_bind().exec_driver_sql
    if os.environ.get("END_AT") != point or execute("SELECT current_database()").scalar().startswith("wish_scratch"):
        return
    if os.environ["END_BY"] == "deadlock":
        del os.environ["END_AT"]
        execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
    else:
        execute("SELECT pg_terminate_backend(pg_backend_pid()) FROM pg_stat_activity LIMIT 1")


def beside() -> None:
    """Commit the transaction and begin another one."""
    cut("inside")
    with op.get_context().autocommit_block():
        cut("beside")


def ask(text: str):
    return op.get_bind().exec_driver_sql(text)


def downgrade() -> None:
    op.drop_table("notes")


def upgrade() -> None:
    notes = op.create_table(
        "notes",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("note", sa.Text),
        sa.Column("kind", sa.Text),
    )
'''
BULK = """
    op.bulk_insert(notes, [{"note": f"row {n}", "kind": "100%"} for n in range(3)])
    op.bulk_insert(notes, [{"note": "one", "kind": "a"}, {"note": "two", "kind": "b"}], multiinsert=False)
    beside()
"""
BULK_OUTSIDE = """
    with op.get_context().autocommit_block():
        op.bulk_insert(notes, [{"note": f"row {n}", "kind": "100%"} for n in range(3)])
        cut("beside")
    cut("inside")
"""
GIVEN = """
    first = op.get_bind().execute(notes.insert().values(note="parent")).inserted_primary_key[0]
    found = op.get_bind().execute(notes.insert().returning(notes.c.id, notes.c.note), [{"note": "x"}, {"note": None}])
    ids = [tuple(row) for row in found]
    beside()
    for given, note in ids:
        op.execute(f"INSERT INTO notes (note, kind) VALUES ('child of {first}', '{given} {note}')")
    none = ask("UPDATE notes SET kind = 'none' WHERE false RETURNING id").fetchall()
    beside()
    op.execute(f"INSERT INTO notes (note) VALUES ('{none}')")
"""
LOOP = """
    op.execute("INSERT INTO notes (note) SELECT 'row' FROM generate_series(1, 5)")
    with op.get_context().autocommit_block():
        batch = "UPDATE notes SET kind = 'k' WHERE id IN (SELECT id FROM notes WHERE kind IS NULL LIMIT 2)"
        while ask(batch).rowcount > 0:
            cut("beside")
    cut("inside")
"""
CALLED = """
    op.execute("SELECT setval('notes_id_seq', 100)")
    number = ask("SELECT nextval('notes_id_seq')").scalar()
    beside()
    op.execute(f"INSERT INTO notes (note) VALUES ('number {number}')")
    beside()
"""
SETTINGS = """
    op.execute("CREATE SCHEMA other")
    op.execute("SET search_path TO other; CREATE TABLE t (a int)")
    op.execute("SELECT set_config('wish.word', 'said', false)")
    beside()
    op.execute("INSERT INTO t SELECT 1")
    op.execute("INSERT INTO public.notes (note) SELECT current_setting('wish.word') || count(*) FROM t")
    op.execute("DROP SCHEMA other CASCADE")
    op.execute("RESET search_path")
"""
TEMPORARY = """
    op.execute("CREATE TEMPORARY TABLE kept AS SELECT 'kept' AS word")
    op.execute("INSERT INTO kept VALUES ('too')")
    op.execute("CREATE INDEX ON kept (word)")
    beside()
    op.execute("INSERT INTO notes (note) SELECT word FROM kept ORDER BY word")
    beside()
    op.execute("DROP TABLE kept")
"""
UNDONE = """
    try:
        with op.get_bind().begin_nested():
            op.execute("INSERT INTO notes (note) VALUES ('undone')")
            op.execute("SELECT 1 / 0 FROM notes")
    except sa.exc.DBAPIError:
        op.execute("INSERT INTO notes (note) VALUES ('instead')")
    op.execute("SAVEPOINT mine")
    op.execute("INSERT INTO notes (note) VALUES ('same')")
    op.execute("ROLLBACK TO mine")
    beside()
    op.execute("INSERT INTO notes (note) VALUES ('undone')")
    op.execute("INSERT INTO notes (note) VALUES ('same')")
    beside()
"""
PROCEDURE = """
    op.execute('''
        CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO notes (note) VALUES ('filled'); COMMIT; END $$
    ''')
    with op.get_context().autocommit_block():
        op.execute("CALL fill()")
        cut("beside")
    cut("inside")
    op.execute("DROP PROCEDURE fill()")
"""
CASES = {
    "bulk": BULK,
    "bulk outside": BULK_OUTSIDE,
    "given": GIVEN,
    "loop": LOOP,
    "called": CALLED,
    "settings": SETTINGS,
    "temporary": TEMPORARY,
    "undone": UNDONE,
    "procedure": PROCEDURE,
}
EXPECTED = {
    "bulk": [*((f"row {n}", "100%") for n in range(3)), ("one", "a"), ("two", "b")],
    "bulk outside": [(f"row {n}", "100%") for n in range(3)],
    "given": [
        ("parent", None),
        ("x", None),
        (None, None),
        ("child of 1", "2 x"),
        ("child of 1", "3 None"),
        ("[]", None),
    ],
    "loop": [("row", "k")] * 5,
    "called": [("number 101", None)],
    "settings": [("said1", None)],
    "temporary": [("kept", None), ("too", None)],
    "undone": [("instead", None), ("undone", None), ("same", None)],
    "procedure": [("filled", None)],
}


@pytest.mark.parametrize("case", CASES)
def test_each_statement_runs_once_in_a_resumed_release(
    case: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(workspace, case)
    with monkeypatch.context() as patch:
        patch.setenv("END_BY", "terminate")
        for point in ("inside", "beside", "inside", "beside"):
            patch.setenv("END_AT", point)
            with pytest.raises(StatementFailed):
                workspace.migrate("local")

    workspace.migrate("local")

    assert_each_ran_once(workspace, case)


@pytest.mark.parametrize("case", CASES)
def test_each_statement_runs_once_in_a_retried_release(
    case: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(workspace, case)
    with monkeypatch.context() as patch:
        patch.setenv("END_AT", "beside")
        patch.setenv("END_BY", "deadlock")

        workspace.migrate("local")

        assert "END_AT" not in os.environ
    assert_each_ran_once(workspace, case)


def prepare(workspace: Workspace, case: str) -> None:
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_notes.py").write_text(HEAD + CASES[case])


def assert_each_ran_once(workspace: Workspace, case: str) -> None:
    assert workspace.sql("local", "SELECT note, kind FROM notes ORDER BY id") == EXPECTED[case]
    assert workspace.sql("local", "SELECT count(*) FROM wish_rollout.journal") == [(0,)]
    live = workspace.project.target("local").read_database_state().snapshot
    assert live.fingerprint == workspace.project.history.at(("0008",)).fingerprint
