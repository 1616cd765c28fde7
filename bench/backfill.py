"""``backfill`` of wish_rollout.safe, compared with a hand-written loop that updates 5,000 IDs at a time."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from wish_rollout.sandbox.server import Server

ROWS, IDS = 400_000, 5_000
LIMIT = 1.25
"""Our time, compared with the loop's: at least 0.8 of its rate."""
CONFIG = """
[release]
migrations = "."
scratch = "{scratch}"
[[environment]]
name = "live"
disposable = true
"""
ENV = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""
REVISION = """
from alembic import op
from wish_rollout.safe import backfill
revision, down_revision = "{revision}", {parent}
def upgrade():
    {body}
def downgrade():
    pass
"""
CREATE = """op.execute("CREATE TABLE items (id int PRIMARY KEY, name text, state text)")"""
FILL = """backfill("items", {"state": "'new'"}, where="state IS NULL")"""
INSERT = "insert into items select i, repeat('n', 60), null from generate_series(1, %s) as i"
LOOP = "update items set state = 'new' where id between %s and %s and state is null"


def measure(server: Server, runs: int) -> dict[str, Any]:
    """Return the row of the table: the median of the ratios of ``runs`` pairs, each pair on the same data."""
    admin = server.url("postgres", ADMIN)
    url = server.url("bench_backfill", ADMIN)
    pairs = []
    for _ in range(runs):
        with psycopg.connect(admin, autocommit=True) as session:
            session.execute("drop database if exists bench_backfill with (force)")
            session.execute("create database bench_backfill")
        with tempfile.TemporaryDirectory() as folder:
            pairs.append(measure_pair(Path(folder), url, admin))
    with psycopg.connect(admin, autocommit=True) as session:
        session.execute("drop database if exists bench_backfill with (force)")
    ratio = median(ours / loop for ours, loop in pairs)
    seconds = ", ".join(f"{ours:.1f} / {loop:.1f}" for ours, loop in pairs)
    detail = f"{ROWS:,} rows, seconds: {seconds}"
    name = f"backfill / loop over {IDS:,} IDs"
    return {"name": name, "ratio": ratio, "limit": LIMIT, "kept": ratio <= LIMIT, "detail": detail}


def measure_pair(folder: Path, url: str, scratch: str) -> tuple[float, float]:
    """Return the seconds of our backfill and of the loop."""
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV)
    (folder / "rollout.toml").write_text(CONFIG.format(scratch=scratch))
    write_revision(folder, "1", None, CREATE)
    os.environ["LIVE_DATABASE_URL"] = url
    migrate(folder)
    fill(url)
    write_revision(folder, "2", "1", FILL)
    ours = migrate(folder)
    fill(url)
    with psycopg.connect(url, autocommit=True) as session:
        started = time.monotonic()
        for first in range(1, ROWS + 1, IDS):
            session.execute(LOOP, [first, first + IDS - 1])
        return ours, time.monotonic() - started


def fill(url: str) -> None:
    """Fill the table again."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("truncate items")
        session.execute(INSERT, [ROWS])
        session.execute("vacuum analyze items")
        session.execute("checkpoint")


def write_revision(folder: Path, revision: str, parent: str | None, body: str) -> None:
    """Write a script."""
    text = REVISION.format(revision=revision, parent=repr(parent), body=body)
    (folder / "versions" / f"{revision}.py").write_text(text)


def migrate(folder: Path) -> float:
    """Migrate to the head; return the seconds of the migration itself."""
    project = Project.load(folder / "rollout.toml")
    return migrate_environment(project, project.target("live")).seconds
