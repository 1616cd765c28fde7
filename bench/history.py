"""``make bench-history``: how the cost of a release grows with its history, against plain ``alembic upgrade head``.

Synthetic projects are written into a temporary folder. Each figure is the processor time of the command and of the
database server's sessions, since other programs may use the machine at the same time; and the elapsed time beside it.
What uses several processors is compared by the elapsed time, and is to be measured on a quiet machine.
Two figures have the lower limit of what they do beside them: ``apply`` runs a pipeline of Dagster, so the time of an empty job
of Dagster is subtracted; ``generate --record`` executes each downgrade as well, so it is compared with both ways of Alembic.
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
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

import wish_rollout
from bench.history_table import SMALLEST, Cost, table
from bench.synthetic_project import write_project, write_revision
from wish_rollout.sandbox.server import Server, embedded
from wish_rollout.sandbox.settings import ADMIN

BIN = Path(sys.executable).parent
LENGTHS = (10, 100, 300, 1000)


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
        self.smallest: tuple[Path, str] | None = None
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
        found["alembic upgrade head with nothing pending"] = self.run(project, "alembic", "upgrade", "head")
        found["alembic downgrade base"] = self.run(project, "alembic", "downgrade", "base")
        ini.write_text(text)
        found["generate --record"] = self.run(project, "wish-rollout", "generate", "--record")
        scripts = sum(path.stat().st_size for path in (project / "migrations/versions").glob("*.py"))
        meta = sum(path.stat().st_size for path in (project / "migrations/meta").iterdir())
        found["meta bytes"] = meta / scripts
        url = self.fresh(f"bench_local_{length}")
        found["plan from empty"] = self.run(project, "wish-rollout", "plan", url=url)
        found["an empty job of Dagster"] = self.run(
            Path(__file__).parents[1],
            "python",
            "-m",
            "bench.empty_dagster_job",
            str(project / "dagster_home"),
        )
        found["apply from empty"] = self.run(project, "wish-rollout", "apply", url=url)
        self.smallest = self.smallest or (project, url)
        for command in ("status", "plan", "apply"):
            # the machine may be slower than before, so the smallest project is measured again
            found[f"{command}{SMALLEST}"] = self.run(
                self.smallest[0], "wish-rollout", command, url=self.smallest[1]
            )
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


if __name__ == "__main__":
    sys.exit(main())
