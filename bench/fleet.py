"""``make bench-fleet``: a release to many databases, against ``xargs -P2 alembic upgrade head`` over the same databases.

Both run on one server of their own, on copies of a database at revision 0006. The elapsed time and the processor time of the
commands and of the server's sessions are shown, since other programs may use the machine at the same time. ``status`` is measured
twice: when all targets are read, and when none has changed since; and so are passes of the drift sensor over unchanged targets:
one that reads their state tokens, as every twelfth does, and one of the others.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.history import BIN, Bench, Cost
from wish_rollout.sandbox.server import embedded

REPOSITORY = Path(__file__).parents[1]
FIRST = "0006"
CONFIGURATION = """
[release]
migrations = "migrations"

[[environment]]
name = "tenants"
targets = { file = "tenants.txt" }
parallel = 2
"""
SMALL, LARGE = 100, 1000
IDLE_PASS = Path(__file__).with_name("idle_pass.py")
MEMORY, DATABASE_BYTES = Path("/dev/shm"), 10 << 20  # noqa: S108
"""The databases are in memory, if they fit there, so that a slow disk is not what is measured."""
LIMITS = {"ratio": 0.25, "status": 30.0, "drift": 10.0, "memory": 400.0, "dagster": 20.0, "growth": 10.5}


class FleetBench(Bench):
    """One server and one project, whose only environment is a fleet."""

    def prepare(self) -> None:
        """Copy the project, and create Dagster's database and the database that is copied."""
        self.project = self.folder / "project"
        self.project.mkdir()
        for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, self.project / name)
        shutil.copytree(REPOSITORY / "migrations", self.project / "migrations")
        (self.project / "rollout.toml").write_text(CONFIGURATION, encoding="utf-8")
        dagster = self.fresh("bench_dagster").replace("postgresql:", "postgresql+psycopg2:", 1)
        template = urlsplit(self.admin)._replace(path="/t_{name}").geturl()
        os.environ.update(
            DAGSTER_POSTGRES_URL=dagster, DAGSTER_HOME=str(self.project), TENANTS_DATABASE_URL=template
        )
        os.environ["DATABASE_URL"] = self.fresh("bench_template")
        self.run(self.project, "alembic", "upgrade", FIRST)

    def create_targets(self, count: int) -> None:
        """Create so many databases at the first revision, and list them."""
        names = [f"{number:04}" for number in range(count)]
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for name in names:
                connection.execute(f'DROP DATABASE IF EXISTS "t_{name}"'.encode())
                connection.execute(
                    f'CREATE DATABASE "t_{name}" TEMPLATE bench_template STRATEGY file_copy'.encode()
                )
        (self.project / "tenants.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")

    def by_alembic(self) -> Cost:
        """Migrate all databases with two processes of Alembic at a time."""
        url = os.environ["TENANTS_DATABASE_URL"].replace("{name}", "%")
        command = f"xargs -P2 -I% env DATABASE_URL={url} {BIN / 'alembic'} upgrade head < tenants.txt"
        script = self.folder / "alembic.sh"
        script.write_text(f"#!/bin/sh\nset -e\n{command}\n", encoding="utf-8")
        script.chmod(0o700)
        return self.run(self.project, str(script))

    def dagster_bytes(self) -> int:
        """Return the size of Dagster's database."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size('bench_dagster')").fetchone()
        return int(row[0]) if row else 0

    def measure(self, count: int, *, with_alembic: bool) -> dict[str, Cost | float]:
        """Measure the rollout to so many databases, their status, and a rollout with nothing to do."""
        found: dict[str, Cost | float] = {}
        if with_alembic:
            self.create_targets(count)
            found["alembic"] = self.by_alembic()
        self.create_targets(count)
        self.run(self.project, "wish-rollout", "requests")  # creates Dagster's tables
        before = self.dagster_bytes()
        found["apply"] = self.run(self.project, "wish-rollout", "apply")
        found["dagster"] = (self.dagster_bytes() - before) / 1024 / count
        self.expect_head(count)
        found["status"] = self.run(self.project, "wish-rollout", "status", "tenants")
        found["status again"] = self.run(self.project, "wish-rollout", "status", "tenants")
        found["drift pass that reads tokens"] = self.run(self.project, "python", str(IDLE_PASS))
        found["drift pass"] = self.run(self.project, "python", str(IDLE_PASS))
        return found

    def expect_head(self, count: int) -> None:
        """Fail unless the ledger of every database has exactly one row."""
        for number in range(0, count, max(count // 10, 1)):
            url = os.environ["TENANTS_DATABASE_URL"].replace("{name}", f"{number:04}")
            with psycopg.connect(url) as connection:
                rows = connection.execute("SELECT act, revision_to FROM wish_rollout.ledger").fetchall()
            if rows != [("upgrade", "0007")]:
                raise SystemExit(f"t_{number:04} has the ledger {rows}")


def rows_of(measured: dict[int, dict[str, Cost | float]]) -> list[dict[str, object]]:
    """Return a row for each figure that has a limit."""
    rows = []
    for count, found in measured.items():
        if "alembic" in found:
            apply, alembic = cost(found, "apply"), cost(found, "alembic")
            text = f"{describe(apply, count)}; alembic {describe(alembic, count)}"
            rows.append(row(count, "apply against alembic", apply.elapsed / alembic.elapsed, "ratio", text))
            rows.append(row(count, "the same in processor time", apply.cpu / alembic.cpu, "ratio", ""))
        for name, limit in (
            ("status", "status"),
            ("status again", "status"),
            ("drift pass that reads tokens", "status"),
            ("drift pass", "drift"),
        ):
            each = cost(found, name)
            value = each.elapsed / count * 1000
            rows.append(row(count, f"{name} in ms a target", value, limit, describe(each, count)))
        rows.append(row(count, "memory of apply in MB", cost(found, "apply").memory, "memory", ""))
        dagster = found["dagster"]
        assert isinstance(dagster, float)
        rows.append(row(count, "growth of Dagster's database in kB a target", dagster, "dagster", ""))
    if {SMALL, LARGE} <= measured.keys():
        one, other = cost(measured[SMALL], "apply"), cost(measured[LARGE], "apply")
        text = f"{other.cpu / one.cpu:.2f} in processor time"
        rows.append(row(LARGE, f"apply against {SMALL}", other.elapsed / one.elapsed, "growth", text))
    return rows


def cost(found: dict[str, Cost | float], name: str) -> Cost:
    """Return the cost of a command."""
    value = found[name]
    assert isinstance(value, Cost)
    return value


def describe(cost: Cost, count: int) -> str:
    """Return seconds, and seconds for each database."""
    each = f"{cost.elapsed / count:.3f} s each"
    return f"{cost.elapsed:.1f} s elapsed, {each}, {cost.cpu / count:.3f} s processor each"


def row(count: int, name: str, ratio: float, limit: str, detail: str) -> dict[str, object]:
    """Return one row of the table."""
    kept = ratio <= LIMITS[limit]
    return {
        "targets": count,
        "name": name,
        "ratio": ratio,
        "limit": LIMITS[limit],
        "kept": kept,
        "detail": detail,
    }


def main() -> int:
    """Measure all numbers of databases; print and store the table; return 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--targets", type=int, nargs="+", default=[SMALL, LARGE])
    parser.add_argument(
        "--alembic", type=int, default=LARGE, help="measure alembic with at most so many databases"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-fleet.json"))
    options = parser.parse_args()
    memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > max(options.targets) * DATABASE_BYTES
    with tempfile.TemporaryDirectory(prefix="wish-fleet-", dir=MEMORY if memory else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = embedded(folder / "server")
        server.up()
        try:
            bench = FleetBench(server, folder)
            bench.prepare()
            measured = {
                count: bench.measure(count, with_alembic=count <= options.alembic)
                for count in options.targets
            }
        finally:
            server.remove()
    rows = rows_of(measured)
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"load average {', '.join(f'{each:.2f}' for each in os.getloadavg())}")  # noqa: T201
    for each in rows:
        verdict = "ok  " if each["kept"] else "MISS"
        figures = f"{each['ratio']:8.3f} (at most {each['limit']:g})"
        print(f"{verdict}  {each['targets']:>5}  {figures}  {each['name']}: {each['detail']}")  # noqa: T201
    return 0 if all(each["kept"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
