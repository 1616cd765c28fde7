"""Rollbacks that archive rows, and their restoration, compared with the plain statements."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.archive.losses import Loss, RollbackLosses
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.archive_writing import ArchiveWriter
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.rollout.archives.restoration import restore
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.rollback.rollback import rollback_environment
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.sandbox.server import Server

DATABASE = "bench_archives"
ROWS, FEW = 1_000_000, 1_000
MOVE_LIMIT, COPY_LIMIT, RESTORE_LIMIT = 1.5, 1.5, 2.0
CONFIG = """
[release]
migrations = "migrations"
scratch = "{scratch}"
[[environment]]
name = "live"
disposable = true
"""
INSERT = """
insert into wishlist_items (user_id, title, store, currency, notes)
select 'user ' || n % 1000, 'title ' || n, (enum_range(null::wishlist_store))[1 + n % 5], 'EUR', repeat('n', 20)
from generate_series(1, %s) as n
"""
ADD_COLUMN = """
from alembic import op
revision, down_revision = "0008", "0007"
allow_hazards = {"table-rewrite": "a benchmark"}
def upgrade():
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")
def downgrade():
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour")
"""


def measure_all(server: Server, runs: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table: a moved table, a copied column, and a restoration."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(server, Path(folder))
        yield bench.moved(runs)
        yield bench.restored(runs)
        yield bench.copied(runs)


class Bench:
    """The project WISH-2007 in a folder, with one environment."""

    def __init__(self, server: Server, root: Path) -> None:
        self.admin = server.url("postgres", ADMIN)
        self.url = server.url(DATABASE)
        self.root = root
        shutil.copytree("migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
        (root / "rollout.toml").write_text(CONFIG.format(scratch=self.admin))
        os.environ["LIVE_DATABASE_URL"] = self.url

    def fresh(self, rows: int, *statements: str) -> None:
        """Create the database, migrate it to the head, and insert rows."""
        with psycopg.connect(self.admin, autocommit=True) as session:
            session.execute(f"drop database if exists {DATABASE} with (force)")
            session.execute(f"create database {DATABASE} owner rollout")
        self.apply()
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute(INSERT.replace("%s", str(rows)).encode())
            for statement in statements:
                session.execute(statement.encode())
            session.execute("vacuum analyze wishlist_items")
        with psycopg.connect(self.admin, autocommit=True) as session:
            session.execute("checkpoint")

    def apply(self) -> None:
        """Migrate to the head."""
        project = Project.load(self.root / "rollout.toml")
        migrate_environment(project, project.target("live"))

    def rollback(self) -> None:
        """Roll back one revision."""
        project = Project.load(self.root / "rollout.toml")
        done = rollback_environment(project, project.target("live"))
        verify_environment(project, project.target("live"), expected=done.expected).raise_if_failed()

    def restore(self) -> None:
        """Restore the archive."""
        project = Project.load(self.root / "rollout.toml")
        (done,) = restore(project, project.target("live"), None, "bench")
        assert done.rows == ROWS, done.rows

    def moved(self, runs: int) -> dict[str, Any]:
        """Compare rollbacks of a table with many rows and with few, until they are verified."""
        pairs = []
        for _ in range(runs):
            self.fresh(FEW)
            few = timed(self.rollback)
            self.fresh(ROWS)
            pairs.append((timed(self.rollback), few))
        return result(f"rollback of WISH-2007 with {ROWS:,} rows, against {FEW:,}", pairs, MOVE_LIMIT)

    def restored(self, runs: int) -> dict[str, Any]:
        """Compare a restoration with INSERT … SELECT into the same table."""
        pairs = []
        for _ in range(runs):
            self.fresh(ROWS)
            with self.session() as session:
                session.execute("create table kept as table wishlist_items")
                session.execute("truncate wishlist_items")
                plain = timed(lambda: session.execute("insert into wishlist_items select * from kept"))
                session.execute("drop table kept")
            self.rollback()
            self.apply()
            pairs.append((timed(self.restore), plain))
        return result(f"restoration of {ROWS:,} rows, against INSERT … SELECT", pairs, RESTORE_LIMIT)

    def copied(self, runs: int) -> dict[str, Any]:
        """Compare the archiving of a column's values with CREATE TABLE AS SELECT."""
        (self.root / "migrations/versions/0008_colour.py").write_text(ADD_COLUMN)
        losses = RollbackLosses((Loss("column", "public.wishlist_items", "colour"),))
        self.fresh(ROWS, "update wishlist_items set colour = 'colour ' || title")
        pairs = []
        with self.session() as session:
            archive_store.create_if_missing(session)
            writer = ArchiveWriter(session, "live", losses, Roles.of("rollout", {}), Scope())
            for _ in range(max(runs, 3)):
                with session.transaction(force_rollback=True):
                    plain = timed(
                        lambda: session.execute("create table kept as select id, colour from wishlist_items")
                    )
                with session.transaction(force_rollback=True), plain_text_settings(session):
                    writer.lock()
                    archive = archive_store.new_archive(session, "live", "t", ("0008", "0007"), "90d")
                    ours = timed(lambda: writer.complete(writer.write(archive, losses.losses)))  # noqa: B023
                pairs.append((ours, plain))
        return result(f"archive of a column of {ROWS:,} rows, against CREATE TABLE AS", pairs, COPY_LIMIT)

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a session of the migrating role."""
        with psycopg.connect(self.url, autocommit=True) as session:
            yield session


def timed(act: Callable[[], object]) -> float:
    """Return the seconds of an act."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def result(name: str, pairs: list[tuple[float, float]], limit: float) -> dict[str, Any]:
    """Return a row of the table: the median of the ratios."""
    ratio = median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (median(each) for each in zip(*pairs, strict=True))
    return {
        "name": name,
        "detail": f"{ours:.2f} s against {theirs:.2f} s",
        "ours": ours,
        "theirs": theirs,
        "ratio": ratio,
        "limit": limit,
        "kept": ratio <= limit,
    }
