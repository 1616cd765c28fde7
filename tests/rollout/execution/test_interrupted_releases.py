"""A release with several transactions, interrupted at every statement: the next run completes it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fix_project import REPOSITORY
from wish_rollout.core.errors.statements import StatementFailed, StatementFailedAfterCommit
from wish_rollout.core.ledger import verify_chain
from wish_rollout.postgres.records import ledger
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

IMPORTS = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
ROWS = 300
SCRIPT = '''
import os
import signal
from alembic import op
from wish_rollout.safe import backfill
revision = "0008"
down_revision = "0007"
allow_hazards = {"whole-table-write": "a test", "check-scan": "a test", "index-without-concurrently": "a test"}


def at(point: int) -> None:
    """Interrupt the process here if END_AT names this point; never in a replay."""
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    if os.environ.get("END_AT") != str(point) or database.startswith("wish_scratch_"):
        return
    if os.environ["END_BY"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    op.get_bind().exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def upgrade() -> None:
    at(0)
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")
    at(1)
    with op.get_context().autocommit_block():
        op.create_index("idx_colour", "wishlist_items", ["colour"], postgresql_concurrently=True)
        at(2)
        op.execute("UPDATE wishlist_items SET sort_order = sort_order + 1")
        at(3)
    op.execute("UPDATE wishlist_items SET piece_count = piece_count + 1")
    at(4)
    backfill("wishlist_items", {"colour": "'red'"}, where="colour IS NULL", pages=2)
    at(5)
    op.create_check_constraint("coloured", "wishlist_items", "colour <> ''")
    at(6)


def downgrade() -> None:
    pass
'''
FILL = f"""
insert into wishlist_items (user_id, title, store, piece_count)
select 'u' || i, repeat('t', 200), 'LEGO', 0 from generate_series(1, {ROWS}) as i
"""
END = """
select count(*), min(sort_order), max(sort_order), min(piece_count), max(piece_count),
       count(*) filter (where colour = 'red')
from wishlist_items
"""
JOURNAL_ROWS = "select count(*) from wish_rollout.journal"
POINTS = range(7)
MIGRATE = """
import sys
from pathlib import Path
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
def migrate():
    project = Project.load(Path("rollout.toml").resolve())
    migrate_environment(project, project.target("local"))
"""
KILLED = f"""{MIGRATE}
import os, wish_rollout.revisions.runs.script_runs
for point, url in enumerate(os.environ["URLS"].split()):
    if os.fork() == 0:
        os.environ |= {{"END_AT": str(point), "LOCAL_DATABASE_URL": url}}
        migrate()
        os._exit(0)
    assert os.WTERMSIG(os.wait()[1]) == 9, point
"""
"""One process for each point, which kills itself there."""


def prepare(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", FILL)
    (workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)


def assert_release_is_complete(workspace: Workspace) -> None:
    assert workspace.sql("local", END) == [(ROWS, 1, 1, 1, 1, ROWS)]
    assert workspace.sql("local", JOURNAL_ROWS) == [(0,)]
    with psycopg.connect(workspace.urls["local"]) as connection:
        entries = list(ledger.read(connection))
    verify_chain("local", entries)
    acts = [entry.act.act for entry in entries]
    assert (acts[-1], acts.count("upgrade")) == ("upgrade", 2)
    local = workspace.project.target("local")
    head = workspace.project.history.at(("0008",))
    assert local.read_database_state().snapshot.fingerprint == head.fingerprint


@contextmanager
def copies(workspace: Workspace) -> Iterator[list[str]]:
    """Yield the URLs of copies of the database of local, one for each point."""
    name = urlsplit(workspace.database_urls["local"]).path.removeprefix("/")
    names = [f"{name}_{point}" for point in POINTS]
    with psycopg.connect(workspace.server.url("postgres", ADMIN), autocommit=True) as session:
        try:
            for copy in names:
                session.execute(f"create database {copy} template {name} owner {MIGRATOR}".encode())
            yield [workspace.server.url(copy) for copy in names]
        finally:
            for copy in names:
                session.execute(f"drop database if exists {copy} with (force)".encode())


def test_terminated_backend_at_every_statement(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(workspace)
    with copies(workspace) as urls:
        for point, url in enumerate(urls):
            workspace.database_urls["local"] = workspace.set_url("local", url)
            with monkeypatch.context() as patch:
                patch.setenv("END_AT", str(point))
                patch.setenv("END_BY", "terminate")
                with pytest.raises(StatementFailed) as failed:
                    workspace.migrate("local")
            assert (failed.value.sqlstate, isinstance(failed.value, StatementFailedAfterCommit)) == (
                "57P01",
                point > 1,
            )

            workspace.migrate("local")

            assert_release_is_complete(workspace)


def test_killed_worker_at_every_statement(workspace: Workspace) -> None:
    prepare(workspace)
    with copies(workspace) as urls:
        environment = {**os.environ, "END_BY": "kill", "URLS": " ".join(urls), "PYTHONPATH": IMPORTS}
        killed = subprocess.run(
            [sys.executable, "-c", KILLED], cwd=workspace.root, env=environment, check=False, timeout=120
        )
        assert killed.returncode == 0
        for url in urls:
            workspace.database_urls["local"] = workspace.set_url("local", url)

            workspace.migrate("local")

            assert_release_is_complete(workspace)


@pytest.mark.one_version
def test_repeated_interruptions_of_one_release(
    each_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = each_workspace
    prepare(workspace)
    for point in POINTS:
        with monkeypatch.context() as patch:
            patch.setenv("END_AT", str(point))
            patch.setenv("END_BY", "terminate")
            with pytest.raises(StatementFailed):
                workspace.migrate("local")

    workspace.migrate("local")

    assert_release_is_complete(workspace)


def test_plan_shows_that_a_release_is_resumed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(workspace)
    with monkeypatch.context() as patch:
        patch.setenv("END_AT", "3")
        patch.setenv("END_BY", "terminate")
        with pytest.raises(StatementFailedAfterCommit, match=r"wish_rollout\.journal records each statement"):
            workspace.migrate("local")

    assert "continue the interrupted migration to 0008" in workspace.cli("plan").out
    workspace.edit("migrations/versions/0008_colour.py", "'red'", "'blue'")
    changed = workspace.cli("apply")
    assert (changed.code, "its scripts were changed since then" in changed.err) == (6, True)


@pytest.mark.one_version
def test_invalid_index_of_an_interrupted_build_is_rebuilt(each_workspace: Workspace) -> None:
    workspace = each_workspace
    prepare(workspace)
    workspace.edit(
        "rollout.toml", 'name = "local"', f'name = "local"\nbudgets = {{ retry_for = 0, {SHORT} }}'
    )
    with psycopg.connect(workspace.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute(
            "select from alembic_version"
        )  # the build waits for transactions with an older snapshot
        with pytest.raises(StatementFailedAfterCommit) as failed:
            workspace.migrate("local")
        assert failed.value.sqlstate == "55P03"
        invalid: Any = workspace.sql("local", "select count(*) from pg_index where not indisvalid")
        assert invalid == [(1,)]
        other.commit()

    workspace.migrate("local")

    assert_release_is_complete(workspace)


SHORT = "concurrent = { lock_ms = 300, statement_ms = 60000 }"
