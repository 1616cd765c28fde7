"""The time that the verification before the commit takes, inside of the transaction, in a database of 1,000 tables.

The release is the one of this repository, from 0006 to 0007. The server is the sandbox's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.engine import build
from bench.pipeline import median
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.rollback.rollback import rollback_environment
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from wish_rollout.sandbox.server import Server

TABLES = 1000
LIMIT_MS = 10.0
NAME = "wish_bench_commit"
ROLLOUT = """[release]
migrations = "migrations"
scratch = "{scratch}"

[scope]
unmanaged = "ignore"

[[environment]]
name = "local"
"""
VERIFIED = "select (detail ->> 'verified_before_commit_ms')::float from wish_rollout.ledger order by seq"


def measure(server: Server, runs: int) -> dict[str, object]:
    """Migrate and roll back in turns; return the median in milliseconds of the verifications of migrations."""
    admin = server.url("postgres", ADMIN)
    url = build(admin, NAME, TABLES)
    before = os.environ.get("LOCAL_DATABASE_URL")
    os.environ["LOCAL_DATABASE_URL"] = url
    try:
        with tempfile.TemporaryDirectory(prefix="wish-bench-") as folder:
            found = verified(Path(folder), admin, url, runs)
    finally:
        os.environ["LOCAL_DATABASE_URL"] = before or ""
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)".encode())
    up, down = median(found[2::2]), median(found[1::2])
    return {
        "name": f"verification before the commit of 0007 in {TABLES} other tables, in milliseconds",
        "detail": f"{up:.1f} ms for the upgrade, {down:.1f} ms for the downgrade",
        "milliseconds": found,
        "ratio": up,
        "limit": LIMIT_MS,
        "kept": up <= LIMIT_MS,
    }


def verified(root: Path, admin: str, url: str, runs: int) -> list[float]:
    """Return the milliseconds of the verification of each act, as the ledger records them."""
    shutil.copytree("migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "rollout.toml").write_text(ROLLOUT.format(scratch=admin), encoding="utf-8")
    for _ in range(runs + 1):
        project = Project.load(root / "rollout.toml")
        target = project.target("local")
        migrate_environment(project, target)
        rollback_environment(project, target)
    with psycopg.connect(url) as connection:
        return [float(row[0]) for row in connection.execute(VERIFIED)]
