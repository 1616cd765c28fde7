"""A release that commits on its way, cut off at every statement: run again, it ends as if it never had been."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fix_project import HERE
from wish_rollout.core.errors.databases import StatementFailedAfterCommit, StatementFailed
from wish_rollout.core.ledger import verify
from wish_rollout.postgres.records import ledger
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road

IMPORTS = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
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
    """End here, if that is what is asked for; never in a replay."""
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
LEFT = "select count(*) from wish_rollout.journal"
POINTS = range(7)
MIGRATE = """
import sys
from pathlib import Path
from wish_rollout.rollout.acting import migrate_environment
from wish_rollout.rollout.project import Project
def migrate():
    project = Project.load(Path("rollout.toml").resolve())
    migrate_environment(project, project.target("local"))
"""
KILLED = f"""{MIGRATE}
import os, wish_rollout.revisions.script_runs
for point, url in enumerate(os.environ["URLS"].split()):
    if os.fork() == 0:
        os.environ |= {{"END_AT": str(point), "LOCAL_DATABASE_URL": url}}
        migrate()
        os._exit(0)
    assert os.WTERMSIG(os.wait()[1]) == 9, point
"""
"""A worker a point, each of which kills itself there."""


def prepare(road: Road) -> None:
    road.migrate("local")
    road.sql("local", FILL)
    (road.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)


def assert_as_if_it_never_had_been(road: Road) -> None:
    assert road.sql("local", END) == [(ROWS, 1, 1, 1, 1, ROWS)]
    assert road.sql("local", LEFT) == [(0,)]
    with psycopg.connect(road.urls["local"]) as connection:
        entries = list(ledger.read(connection))
    verify("local", entries)
    acts = [entry.act.act for entry in entries]
    assert (acts[-1], acts.count("upgrade")) == ("upgrade", 2)
    local = road.project.target("local")
    head = road.project.history.at(("0008",))
    assert local.look().snapshot.fingerprint == head.fingerprint


@contextmanager
def copies(road: Road) -> Iterator[list[str]]:
    """Give the addresses of copies of local as it is now, one a point."""
    name = urlsplit(road.made["local"]).path.removeprefix("/")
    names = [f"{name}_{point}" for point in POINTS]
    with psycopg.connect(road.server.url("postgres", ADMIN), autocommit=True) as session:
        try:
            for copy in names:
                session.execute(f"create database {copy} template {name} owner {MIGRATOR}".encode())
            yield [road.server.url(copy) for copy in names]
        finally:
            for copy in names:
                session.execute(f"drop database if exists {copy} with (force)".encode())


def test_the_backend_is_terminated_at_every_statement(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(road)
    with copies(road) as urls:
        for point, url in enumerate(urls):
            road.made["local"] = road.point("local", url)
            with monkeypatch.context() as patch:
                patch.setenv("END_AT", str(point))
                patch.setenv("END_BY", "terminate")
                with pytest.raises(StatementFailed) as failed:
                    road.migrate("local")
            assert (failed.value.sqlstate, isinstance(failed.value, StatementFailedAfterCommit)) == ("57P01", point > 1)

            road.migrate("local")

            assert_as_if_it_never_had_been(road)


def test_the_worker_is_killed_at_every_statement(road: Road) -> None:
    prepare(road)
    with copies(road) as urls:
        environment = {**os.environ, "END_BY": "kill", "URLS": " ".join(urls), "PYTHONPATH": IMPORTS}
        killed = subprocess.run(
            [sys.executable, "-c", KILLED], cwd=road.root, env=environment, check=False, timeout=120
        )
        assert killed.returncode == 0
        for url in urls:
            road.made["local"] = road.point("local", url)

            road.migrate("local")

            assert_as_if_it_never_had_been(road)


def test_it_is_cut_off_again_each_time_that_it_goes_on(
    each_road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road = each_road
    prepare(road)
    for point in POINTS:
        with monkeypatch.context() as patch:
            patch.setenv("END_AT", str(point))
            patch.setenv("END_BY", "terminate")
            with pytest.raises(StatementFailed):
                road.migrate("local")

    road.migrate("local")

    assert_as_if_it_never_had_been(road)


def test_a_plan_says_that_it_goes_on(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(road)
    with monkeypatch.context() as patch:
        patch.setenv("END_AT", "3")
        patch.setenv("END_BY", "terminate")
        with pytest.raises(StatementFailedAfterCommit, match="written down statement by statement"):
            road.migrate("local")

    assert "go on with 0008, which was cut off on its way" in road.cli("plan").out
    road.edit("migrations/versions/0008_colour.py", "'red'", "'blue'")
    changed = road.cli("apply")
    assert (changed.code, "there is already what the release would create" in changed.err) == (6, True)


def test_an_index_build_that_was_cut_off_is_built_anew(each_road: Road) -> None:
    road = each_road
    prepare(road)
    road.edit("rollout.toml", 'name = "local"', f'name = "local"\nbudgets = {{ retry_for = 0, {SHORT} }}')
    with psycopg.connect(road.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute(
            "select from alembic_version"
        )  # the build has to wait for whoever has an older snapshot
        with pytest.raises(StatementFailedAfterCommit) as failed:
            road.migrate("local")
        assert failed.value.sqlstate == "55P03"
        invalid: Any = road.sql("local", "select count(*) from pg_index where not indisvalid")
        assert invalid == [(1,)]
        other.commit()

    road.migrate("local")

    assert_as_if_it_never_had_been(road)


SHORT = "concurrent = { lock_ms = 300, statement_ms = 60000 }"
