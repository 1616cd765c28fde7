"""The log of a run says which statement runs, what it waits for, and that it was cancelled."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.rollout.execution.test_concurrent_sessions import session, until
from wish_rollout.rollout.execution import progress

if TYPE_CHECKING:
    import pytest

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op
revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.execute("CREATE TABLE slow (id int)")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY slow_index ON wishlist_items (title)")


def downgrade() -> None:
    pass
"""
BUILDING = "select count(*) from pg_stat_progress_create_index where phase like 'waiting%' and datname = current_database()"


def test_lines_are_reported_from_another_thread_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    lines: list[str] = []
    shown = progress.Progress("local", lines.append, lambda: "report (pid 7)")
    with shown.reported():
        with shown.statement("0008", 2, 3, "ALTER  TABLE\n a"):
            while not lines:
                pass
        shown.note("the end")

    assert lines[0] == (
        "progress: local: for 0 s, statement 2 of 3 (revision 0008): ALTER TABLE a; it waits for report (pid 7)"
    )
    assert lines[-1] == "progress: local: the end"


def test_progress_is_shown_on_the_terminal_and_names_whom_the_statement_waits_for(
    workspace: Workspace,
) -> None:
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_slow.py").write_text(SCRIPT)
    workspace.cli("generate", "--record")
    old = "set transaction isolation level repeatable read", "select from alembic_version"
    with session(workspace, *old):
        run = workspace.start("apply", "--until", "local")
        until(workspace, BUILDING)
        assert run.stderr
        lines = [next(line for line in run.stderr if "it waits for" in line)]
        run.send_signal(signal.SIGINT)
        lines.append(workspace.wait_for(run).err)

    assert "local: for " in lines[0]
    assert "statement 2 of 2 (revision 0008): CREATE INDEX CONCURRENTLY slow_index" in lines[0]
    assert "application (pid " in lines[0]
    assert (
        "error: The run was interrupted. The statement that was running was cancelled on the server"
        in lines[1]
    )
    assert "event log" not in lines[1]
