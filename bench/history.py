"""``make bench-history``: how the cost of a release grows with its history, against plain ``alembic upgrade head``.

Synthetic projects are written into a temporary folder. Each figure is the processor time of the command and of the
database server's sessions, since other programs may use the machine at the same time; and the elapsed time beside it.
What uses several processors is compared by the elapsed time, and is to be measured on a quiet machine.
The programs and the scripts are compiled before, as those of an installed package and of a second command are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

import wish_rollout
from bench.synthetic_project import write_project, write_revision
from wish_rollout.sandbox.server import Server, embedded
from wish_rollout.sandbox.settings import ADMIN

BIN = Path(sys.executable).parent
LENGTHS = (10, 100, 300, 1000)
LIMITS = {
    "record": 3.0,
    "apply": 2.0,
    "bytes": 4.0,
    "memory": 250.0,
    "growth": 3.5,
    "constant": 1.2,
    "check": 3.0,
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: processor seconds with the server's, elapsed seconds, and its peak memory in MB."""

    cpu: float
    elapsed: float
    memory: float


def server_seconds(postmaster: int) -> float:
    """Return the processor time of a server's present and former sessions. ``postmaster``: its process ID."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        if int(path.parent.name) == postmaster:
            ticks += own + children
        elif int(fields[1]) == postmaster:
            ticks += own
    return ticks / os.sysconf("SC_CLK_TCK")


class Bench:
    """One server, and what is measured on it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.admin = server.url("postgres", ADMIN)
        self.folder = folder
        with psycopg.connect(self.admin) as connection:
            row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        assert row is not None
        self.postmaster = int(row[0].split()[0])

    def fresh(self, name: str) -> str:
        """Create an empty database; return its URL."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return urlsplit(self.admin)._replace(path=f"/{name}").geturl()

    def run(self, project: Path, *command: str, url: str = "") -> Cost:
        """Run a command in a project, whose environment ``local`` is at ``url``."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        server, started = server_seconds(self.postmaster), time.perf_counter()
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=project,
            env={**inherited, "LOCAL_DATABASE_URL": url or self.admin},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(
                f"{' '.join(command)} failed: {(process.stderr.read() if process.stderr else b'').decode()}"
            )
        own = usage.ru_utime + usage.ru_stime
        return Cost(
            own + server_seconds(self.postmaster) - server,
            time.perf_counter() - started,
            usage.ru_maxrss / 1024,
        )

    def measure(self, length: int) -> dict[str, Cost | float]:
        """Measure every command on a project of so many revisions."""
        project = self.folder / f"p{length}"
        project.mkdir()
        write_project(project, length, self.admin)
        self.run(
            project, "python", "-m", "compileall", "-q", str(Path(wish_rollout.__file__).parent), str(project)
        )
        found: dict[str, Cost | float] = {}
        ini = project / "alembic.ini"
        text = ini.read_text()
        plain = self.fresh("bench_plain").replace("postgresql:", "postgresql+psycopg:")
        ini.write_text(
            "".join(
                f"sqlalchemy.url = {plain}\n" if "sqlalchemy.url" in line else line
                for line in text.splitlines(True)
            )
        )
        found["alembic upgrade head"] = self.run(project, "alembic", "upgrade", "head")
        ini.write_text(text)
        found["generate --record"] = self.run(project, "wish-rollout", "generate", "--record")
        scripts = sum(path.stat().st_size for path in (project / "migrations/versions").glob("*.py"))
        meta = sum(path.stat().st_size for path in (project / "migrations/meta").iterdir())
        found["meta bytes"] = meta / scripts
        url = self.fresh("bench_local")
        found["plan from empty"] = self.run(project, "wish-rollout", "plan", url=url)
        found["apply from empty"] = self.run(project, "wish-rollout", "apply", url=url)
        for command in ("status", "plan", "apply"):
            found[f"{command} with nothing pending"] = self.run(project, "wish-rollout", command, url=url)
        write_revision(project / "migrations/versions", length + 1)
        self.run(project, "wish-rollout", "generate", "--record")
        found["check of a new revision"] = self.run(project, "wish-rollout", "check", url=url)
        for command in ("plan", "apply"):
            found[f"{command} with one pending"] = self.run(project, "wish-rollout", command, url=url)
        return found


def main() -> int:
    """Measure all lengths; print and store the table; return 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--out", type=Path, default=Path("bench-history.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wish-history-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = embedded(folder / "server")
        server.up()
        try:
            bench = Bench(server, folder)
            measured = {length: bench.measure(length) for length in options.lengths}
        finally:
            server.remove()
    rows = list(table(measured))
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    for row in rows:
        kept = "    " if row["limit"] is None else "ok  " if row["kept"] else "MISS"
        limit = "" if row["limit"] is None else f" (at most {row['limit']:g})"
        print(f"{kept}  {row['length']:>5}  {row['name']}: {row['figure']:.2f}{limit}  {row['detail']}")  # noqa: T201
    return 0 if all(row["kept"] for row in rows) else 1


def table(measured: dict[int, dict[str, Cost | float]]) -> list[dict[str, object]]:
    """Return a row for each figure and its limit."""
    rows: list[dict[str, object]] = []
    smallest = measured[min(measured)]
    for length, found in measured.items():
        plain = found["alembic upgrade head"]
        assert isinstance(plain, Cost)
        for name, cost in found.items():
            if not isinstance(cost, Cost):
                rows.append(row(length, name, cost, LIMITS["bytes"], "times the scripts' bytes"))
                continue
            detail = f"{cost.cpu:.2f} s processor, {cost.elapsed:.2f} s elapsed, {cost.memory:.0f} MB"
            limit = LIMITS["apply"] if name == "apply from empty" else None
            if name == "generate --record":
                kept = LIMITS["record"] if length >= 100 else None
                rows.append(row(length, f"{name}: elapsed", cost.elapsed / plain.elapsed, kept, detail))
            if name.startswith("check"):
                rows.append(row(length, f"{name}: processor seconds", cost.cpu, LIMITS["check"], detail))
            elif "pending" in name:
                first = smallest[name]
                assert isinstance(first, Cost)
                rows.append(row(length, name, cost.cpu / first.cpu, LIMITS["constant"], detail))
            else:
                rows.append(row(length, name, cost.cpu / plain.cpu, limit if length >= 100 else None, detail))
            rows.append(row(length, f"{name}: memory in MB", cost.memory, LIMITS["memory"], ""))
    if {300, 1000} <= measured.keys():
        for name in ("generate --record", "apply from empty", "plan from empty"):
            one, other = measured[300][name], measured[1000][name]
            assert isinstance(one, Cost)
            assert isinstance(other, Cost)
            rows.append(row(1000, f"{name} against 300", other.cpu / one.cpu, LIMITS["growth"], ""))
    return rows


def row(length: int, name: str, figure: float, limit: float | None, detail: str) -> dict[str, object]:
    """Return one row of the table."""
    kept = limit is None or figure <= limit
    return {"length": length, "name": name, "figure": figure, "limit": limit, "kept": kept, "detail": detail}


if __name__ == "__main__":
    sys.exit(main())
