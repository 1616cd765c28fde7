"""A worker that is stopped, killed or cut off while it holds a lock: other sessions get the lock soon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.rollout.execution.test_concurrent_sessions import OF_DATABASE, BackgroundMigration, until
from tests.rollout.execution.test_interrupted_releases import MIGRATE
from tests.rollout.execution.test_lost_connections import Proxy
from wish_rollout.core.errors.statements import StatementFailed
from wish_rollout.postgres.execution import watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fix_project import Workspace

SCRIPT = """
import time
from alembic import op
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    if not database.startswith("wish_scratch_"):
        {action}


def downgrade() -> None:
    pass
"""
HELD = f"""
select count(*) from pg_locks
where granted and mode = 'AccessExclusiveLock' and relation = 'wishlist_items'::regclass and {OF_DATABASE}
"""
STATEMENT, PYTHON = 'op.execute("SELECT pg_sleep(300)")', "time.sleep(300)"
MACHINE_SECONDS = 1.5
"""What the test machine may add."""


def prepare(workspace: Workspace, action: str) -> None:
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT.format(action=action))


def watchdog_of(worker: subprocess.Popen[str]) -> int:
    """Return the process ID of a worker's watchdog."""
    found = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=True)
    (pid,) = found.stdout.split()
    return int(pid)


@pytest.mark.parametrize("action", [STATEMENT, PYTHON], ids=["statement", "python"])
@pytest.mark.parametrize("ended", ["stopped", "killed", "killed with its watchdog"])
def test_stopped_worker_blocks_no_session_for_long(
    workspace: Workspace, action: str, ended: str, record_property: Callable[[str, object], None]
) -> None:
    prepare(workspace, action)
    worker = workspace.process([sys.executable, "-c", f"{MIGRATE}\nmigrate()"])
    try:
        until(workspace, HELD)
        if ended == "killed with its watchdog":
            os.kill(watchdog_of(worker), signal.SIGKILL)
        worker.send_signal(signal.SIGSTOP if ended == "stopped" else signal.SIGKILL)
        started = time.monotonic()
        with psycopg.connect(workspace.urls["local"]) as application:
            application.execute("select from wishlist_items")
        waited = time.monotonic() - started
    finally:
        worker.kill()
        worker.communicate(timeout=120)

    assert waited < 1.025 + MACHINE_SECONDS
    record_property("waited_ms", round(waited * 1000))
    assert workspace.revision("local") == "0007"
    until(
        workspace, f"select (count(*) = 0)::int from pg_locks where locktype = 'advisory' and {OF_DATABASE}"
    )


@pytest.mark.parametrize("frozen", ["all connections", "the first connection"])
def test_proxy_that_does_not_answer_is_given_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, frozen: str
) -> None:
    monkeypatch.setattr(watchdog, "SILENT_SECONDS", 3.0)
    monkeypatch.setattr(watchdog, "HALF_OPEN_SECONDS", 3.0)
    prepare(workspace, 'op.execute("SELECT pg_sleep(2)")')
    direct = workspace.urls["local"]
    proxy = Proxy(int(urlsplit(direct).port or 0))
    monkeypatch.setenv("LOCAL_DATABASE_URL", direct.replace(f"127.0.0.1:{proxy.port}", proxy.address))
    try:
        migration = BackgroundMigration(workspace)
        until(workspace, HELD)
        proxy.freeze(only_first=frozen != "all connections")
        started = time.monotonic()
        with pytest.raises(StatementFailed, match=r"did not arrive|not answered"):
            migration.wait_for_end()
        assert time.monotonic() - started < 25
    finally:
        proxy.close()
    until(workspace, f"select (({HELD}) = 0)::int")
    assert workspace.revision("local") == "0007"
