"""``make bench-live``: a release on a table with a million rows under load, compared with ``alembic upgrade head``.

Sessions read and write the table, and one holds long transactions, while an index, a CHECK, a NOT NULL and an enum
column are added: by plain statements, and by the functions of wish_rollout.safe with budgets and the watchdog.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from bench.load import Load
from bench.pipeline import BIN
from wish_rollout.config import load_config
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.project.project_sandbox import start
from wish_rollout.sandbox.settings import ADMIN

BLOCKED_MS = 500
SLACK_MS = 100
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
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
INI = "[alembic]\nscript_location = {folder}\nsqlalchemy.url = {url}\n"
BASE = """
from alembic import op
revision, down_revision = "1", None
def upgrade():
    op.execute("CREATE TABLE items (id int PRIMARY KEY, name text, price int, note text)")
def downgrade():
    op.execute("DROP TABLE items")
"""
HEAD = """
import sqlalchemy as sa
from alembic import op
from wish_rollout.safe import add_check, create_index_concurrently, set_not_null
revision, down_revision = "2", "1"
def upgrade():
    op.execute("CREATE TYPE colour AS ENUM ('red', 'green')")
    op.execute("ALTER TABLE items ADD COLUMN colour colour DEFAULT 'red'")
{body}
def downgrade():
    pass
"""
PLAIN = """
    op.create_index("items_name", "items", ["name"])
    op.create_check_constraint("paid", "items", "price >= 0")
    op.alter_column("items", "name", nullable=False)
"""
SAFE = """
    create_index_concurrently("items_name", "items", ["name"])
    add_check("paid", "items", "price >= 0")
    set_not_null("items", "name")
"""
OURS = "import sys; from pathlib import Path; from bench.live import migrate; migrate(Path(sys.argv[1]))"
"""A separate process, as for ``alembic upgrade head``: both figures include the start of Python."""
FILL = """
insert into items select i, 'n' || i, i, repeat('x', 80) from generate_series(1, %s) as i
"""


def main() -> int:
    """Measure without a migration, with Alembic and with wish-rollout; return 1 if the limit is exceeded, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("bench-live.json"))
    options = parser.parse_args()
    server = start(load_config())
    admin = server.url("postgres", ADMIN)
    rows = []
    for name, body in (("none", None), ("plain", PLAIN), ("ours", SAFE)):
        with psycopg.connect(admin, autocommit=True) as session:
            session.execute("drop database if exists bench_live with (force)")
            session.execute("create database bench_live")
        with tempfile.TemporaryDirectory() as folder:
            rows.append(
                {
                    "way": name,
                    **measure(Path(folder), server.url("bench_live", ADMIN), admin, body, options.rows),
                }
            )
        print(json.dumps(rows[-1]), flush=True)  # noqa: T201
    with psycopg.connect(admin, autocommit=True) as session:
        session.execute("drop database if exists bench_live with (force)")
    return verdict(rows, options.out)


def verdict(rows: list[dict[str, float]], out: Path) -> int:
    """Print the figures, the ratio and whether the limit is kept; write them to ``out``. Return the exit code."""
    none, plain, ours = rows
    ratio = plain["waited_ms"] / max(ours["waited_ms"], 1)
    print(f"      failed: {none['failed']:g}, {plain['failed']:g}, {ours['failed']:g}")  # noqa: T201
    for name, unit in (("p99_ms", " ms"), ("longest_ms", " ms"), ("seconds", " s")):
        figures = f"{name}: no migration {none[name]:g}{unit}, alembic {plain[name]:g}{unit}, wish-rollout {ours[name]:g}{unit}"
        print(f"      {figures}, ratio {ours[name] / max(plain[name], 0.001):.1f}")  # noqa: T201
    kept = ours["failed"] == 0 and ours["waited_ms"] <= BLOCKED_MS + SLACK_MS
    out.write_text(
        json.dumps({"rows": rows, "ratio": ratio, "kept": kept}, indent=2) + "\n", encoding="utf-8"
    )
    print(  # noqa: T201
        f"{'ok  ' if kept else 'MISS'}  longest wait of a query for the migration: {ours['waited_ms']:.0f} ms "
        f"(limit {BLOCKED_MS + SLACK_MS}), plain: {plain['waited_ms']:.0f} ms, {ratio:.1f} times as long"
    )
    return 0 if kept else 1


def measure(folder: Path, url: str, scratch: str, body: str | None, rows: int) -> dict[str, float]:
    """Fill the table, start the load, run the migration, and return the figures of the load."""
    versions = folder / "versions"
    versions.mkdir()
    (folder / "env.py").write_text(ENV)
    (folder / "rollout.toml").write_text(CONFIG.format(scratch=scratch))
    (folder / "alembic.ini").write_text(INI.format(folder=folder, url=url.replace("%", "%%")))
    (versions / "1.py").write_text(BASE)
    os.environ["LIVE_DATABASE_URL"] = url
    migrate(folder)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(FILL, [rows])
        session.execute("vacuum analyze items")
    if body:
        (versions / "2.py").write_text(HEAD.format(body=body))
    load = Load(url, rows)
    with load:
        load.wait_for_long_transaction()
        start_time = time.monotonic()
        if body:
            plain = [str(BIN / "alembic"), "-c", str(folder / "alembic.ini"), "upgrade", "head"]
            ours = [sys.executable, "-c", OURS, str(folder)]
            environment = {
                **os.environ,
                "PGAPPNAME": "migration",
                "PYTHONPATH": str(Path(__file__).parents[1]),
            }
            subprocess.run(plain if body is PLAIN else ours, check=True, cwd=folder, env=environment)
        else:
            time.sleep(10)
        end_time = time.monotonic()
        time.sleep(1)
    return {"seconds": round(end_time - start_time, 2), **load.figures(start_time, end_time)}


def migrate(folder: Path) -> None:
    """Migrate the database to the head as a run does, without Dagster."""
    project = Project.load(folder / "rollout.toml")
    migrate_environment(project, project.target("live", "migration"))


if __name__ == "__main__":
    sys.exit(main())
