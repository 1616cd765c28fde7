"""``make bench-live``: a release on a table with a million rows under load, in several ways, one after the other.

An index, a CHECK, a NOT NULL and an enum column are added: by ``alembic upgrade head`` with plain statements; by a loop
that repeats each statement with a lock_timeout of 500 ms and exponential backoff; and by the functions of
wish_rollout.safe with the default budgets. Each way begins inside a long transaction on the table.

Two loads: a few clients and a session with long transactions; and 40 clients without pauses and a pg_dump.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from bench.load import TABLES, Load
from bench.pipeline import BIN
from wish_rollout.config import load_config
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.servers.project_sandbox import start
from wish_rollout.sandbox.settings import ADMIN

LIMITS = {"steady": {"waited_ms": 30.0, "seconds": 4.6}, "crowded": {"waited_ms": 60.0, "seconds": 300.0}}
"""The longest wait of a query for the migration, and the longest duration, for each load."""
P99_RATIO = 2.0
"""In the steady load: p99 of all queries, compared with the load without a migration."""
BEFORE_MS = 293.0
"""The longest wait in the steady load before locks were taken together: a tenth of it is the limit."""
CONFIG = """
[release]
migrations = "."
scratch = "{scratch}"
[scope]
unmanaged = "ignore"
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
STATEMENTS = (
    "CREATE TYPE colour AS ENUM ('red', 'green')",
    "ALTER TABLE items ADD COLUMN colour colour DEFAULT 'red'",
    "CREATE INDEX CONCURRENTLY items_name ON items (name)",
    "ALTER TABLE items ADD CONSTRAINT paid CHECK (price >= 0) NOT VALID",
    "ALTER TABLE items VALIDATE CONSTRAINT paid",
    "ALTER TABLE items ADD CONSTRAINT proof CHECK (name IS NOT NULL) NOT VALID",
    "ALTER TABLE items VALIDATE CONSTRAINT proof",
    "ALTER TABLE items ALTER name SET NOT NULL",
    "ALTER TABLE items DROP CONSTRAINT proof",
)
"""The same release for the loop with backoff."""
MOST_SECONDS = 330
"""A way that takes longer is ended."""
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 60.0
BACKOFF = "import sys; from bench.live import repeat_with_backoff; repeat_with_backoff(sys.argv[1])"
OURS = "import sys; from pathlib import Path; from bench.live import migrate; migrate(Path(sys.argv[1]))"
"""A separate process, as for ``alembic upgrade head``: both figures include the start of Python."""
FILL = """
insert into items select i, 'n' || i, i, repeat('x', 80) from generate_series(1, %s) as i
"""


def main() -> int:
    """Measure all ways under both loads; return 1 if a limit is exceeded, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--load", choices=list(LIMITS), action="append", help="only this load")
    parser.add_argument("--out", type=Path, default=Path("bench-live.json"))
    options = parser.parse_args()
    server = start(load_config())
    admin = server.url("postgres", ADMIN)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for load in options.load or LIMITS:
        found[load] = {}
        for way in ("none", "plain", "backoff", "ours"):
            with psycopg.connect(admin, autocommit=True) as session:
                session.execute("drop database if exists bench_live with (force)")
                session.execute("create database bench_live")
            with tempfile.TemporaryDirectory() as folder:
                url = server.url("bench_live", ADMIN)
                found[load][way] = measure(Path(folder), url, admin, way, options.rows, load == "crowded")
            print(json.dumps({"load": load, "way": way, **found[load][way]}), flush=True)  # noqa: T201
    with psycopg.connect(admin, autocommit=True) as session:
        session.execute("drop database if exists bench_live with (force)")
    kept = [report(load, ways) for load, ways in found.items()]
    out = json.dumps({"loads": found, "kept": all(kept)}, indent=2)
    options.out.write_text(out + "\n", encoding="utf-8")
    return 0 if all(kept) else 1


def report(load: str, ways: dict[str, dict[str, float]]) -> bool:
    """Print whether the limits of a load are kept; return the same."""
    none, ours, limits = ways["none"], ways["ours"], LIMITS[load]
    checks = {
        "did not complete": (float(not ours["completed"]), 0.0),
        "failed queries": (ours["failed"], 0.0),
        "longest wait for the migration, ms": (ours["waited_ms"], limits["waited_ms"]),
        "duration, s": (ours["seconds"], limits["seconds"]),
    }
    if load == "steady":
        checks["longest wait, compared with before"] = (ours["waited_ms"] / BEFORE_MS, 0.1)
        checks["p99 of all queries, compared with no migration"] = (
            ours["p99_ms"] / none["p99_ms"],
            P99_RATIO,
        )
    for name, (value, limit) in checks.items():
        print(f"{'ok  ' if value <= limit else 'MISS'}  {load}: {name}: {value:.2f} (at most {limit:g})")  # noqa: T201
    return all(value <= limit for value, limit in checks.values())


def measure(  # noqa: PLR0913, PLR0917
    folder: Path, url: str, scratch: str, way: str, rows: int, crowded: bool
) -> dict[str, float]:
    """Fill the tables, start the load, run the migration, and return the figures of the load."""
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
        for table in TABLES[1:] if crowded else ():
            session.execute(f"create table {table} (like items including all)".encode())
            session.execute(f"insert into {table} table items".encode())
        session.execute("vacuum analyze")
    (versions / "2.py").write_text(HEAD.format(body=PLAIN if way == "plain" else SAFE))
    if way == "ours":
        subprocess.run(
            [str(BIN / "wish-rollout"), "generate", "--record"], cwd=folder, check=True, capture_output=True
        )
    commands = {
        "plain": [str(BIN / "alembic"), "-c", str(folder / "alembic.ini"), "upgrade", "head"],
        "backoff": [sys.executable, "-c", BACKOFF, url],
        "ours": [sys.executable, "-c", OURS, str(folder)],
    }
    path = str(Path(__file__).parents[1])
    environment = {**os.environ, "PGAPPNAME": "migration", "PYTHONPATH": path}
    load = Load(url, rows, crowded=crowded)
    with load:
        load.wait_for_long_transaction()
        start_time, has_ended = time.monotonic(), True
        if way in commands:
            has_ended = run_way(commands[way], folder, environment)
        else:
            time.sleep(10)
        end_time = time.monotonic()
        time.sleep(1)
    seconds = round(end_time - start_time, 2)
    figures = {"seconds": seconds, "completed": has_ended, **load.figures(start_time, end_time)}
    return {**figures, **read_held_times(url)} if way == "ours" else figures


def read_held_times(url: str) -> dict[str, float]:
    """Return what the ledger says of the locks: how long they were held, and how long a verification took, in ms."""
    with psycopg.connect(url) as session:
        row = session.execute("select detail from wish_rollout.ledger order by seq desc limit 1").fetchone()
    assert row
    held = row[0]["locks"]["longest_held_ms"]
    return {"held_ms": held, "verified_before_commit_ms": row[0].get("verified_before_commit_ms", 0.0)}


def run_way(command: list[str], folder: Path, environment: dict[str, str]) -> bool:
    """Run a command; return whether it succeeded within MOST_SECONDS. Plain statements may meet a deadlock."""
    try:
        ended = subprocess.run(command, check=False, cwd=folder, env=environment, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def repeat_with_backoff(url: str) -> None:
    """Execute the release statement by statement, with a lock_timeout of 500 ms and exponential backoff."""
    with psycopg.connect(url, autocommit=True, application_name="migration") as session:
        session.execute("set lock_timeout = 500")
        for statement in STATEMENTS:
            if "CONCURRENTLY" in statement:
                session.execute("set lock_timeout = 0")
            backoff = FIRST_BACKOFF
            while True:
                try:
                    session.execute(statement.encode())
                    break
                except psycopg.errors.LockNotAvailable:
                    time.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311
                    backoff = min(backoff * 2, LONGEST_BACKOFF)
            session.execute("set lock_timeout = 500")


def migrate(folder: Path) -> None:
    """Migrate the database to the head as a run does, without Dagster."""
    project = Project.load(folder / "rollout.toml")
    migrate_environment(project, project.target("live", "migration"))


if __name__ == "__main__":
    sys.exit(main())
