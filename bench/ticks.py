"""``make bench-ticks``: what sensors cost that have nothing to do, compared with an earlier version of this project.

Both versions roll their own migrations out to an embedded server of their own, and their sensors are evaluated in turns
by the code of Dagster's daemon, with a gRPC code server. A round is a tick of each sensor. The compared version is
taken from the repository's history.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from bench.__main__ import show
from bench.history import server_seconds
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REPOSITORY = Path(__file__).parents[1]
BASELINE = "6061ba9cc52e051ce37c77f79efa0a02089a6934"
"""The version before drift sensors reported episodes: a sensor for each environment, and no retention."""
DAY = 86_400
TIME_LIMIT, GROWTH_LIMIT = 1 / 3, 1 / 4
WORKSPACE = "load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: wish_rollout}}\n"
COPIES = """
insert into job_ticks (job_origin_id, selector_id, status, type, timestamp, tick_body, create_timestamp, update_timestamp)
select job_origin_id, selector_id, status, type, timestamp, tick_body, create_timestamp, update_timestamp
from job_ticks, generate_series(1, %s)
"""
"""More ticks of the same kinds, so that partly filled pages do not count."""
SIZES = """
select avg(pg_column_size(t.*)) + 28 + (select pg_indexes_size('job_ticks')::float / count(*) from job_ticks)
from job_ticks t where selector_id = %s
"""
"""The bytes that a tick of a sensor leaves: its row with header and line pointer, and its share of the indexes."""


@dataclass
class Build:
    """A version of the project in a folder of its own, rolled out, with its code server and its daemon."""

    database: str
    code_server: int
    daemon: subprocess.Popen[str]

    def evaluate(self, sensors: str, rounds: int) -> dict[str, Any]:
        """Evaluate the sensors whose names begin so; return processor seconds and ticks.

        The processor time is that of the daemon, the code server, and the sessions of the database server, since other
        programs may use the machine at the same time.
        """
        assert self.daemon.stdin
        assert self.daemon.stdout
        before = self._seconds()
        self.daemon.stdin.write(f"{rounds} {sensors}\n")
        self.daemon.stdin.flush()
        found: dict[str, Any] = json.loads(self.daemon.stdout.readline())
        found["cpu"] += self._seconds() - before
        return found

    def _seconds(self) -> float:
        """Return the processor time of the code server and of the database server with all sessions so far."""
        return process_seconds(self.code_server) + server_seconds(self.postmaster)

    @cached_property
    def postmaster(self) -> int:
        """The process ID of the database server."""
        with psycopg.connect(self.database) as connection:
            session = Path(f"/proc/{connection.info.backend_pid}/stat").read_text(encoding="utf-8")
        return int(session.rpartition(")")[2].split()[1])

    def growth(self, sensors: Iterable[dict[str, Any]]) -> float:
        """Return the bytes that the ticks of these sensors leave in a day, after vacuuming."""
        total = 0.0
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(COPIES, [100])
            connection.execute("vacuum full job_ticks")
            for each in sensors:
                found = connection.execute(SIZES, [each["selector"]]).fetchone()
                assert found
                total += float(found[0]) * DAY / each["interval"]
        return total


def process_seconds(pid: int) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def python(root: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run Python in a build's folder; return its stdout."""
    command = [sys.executable, *arguments]
    result = subprocess.run(
        command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return result.stdout.decode()


def unpack(revision: str, folder: Path) -> None:
    """Write the files of a revision of the repository; of the working tree for ``""``."""
    if revision:
        archive = subprocess.run(
            ["git", "archive", revision], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


@contextmanager
def build(revision: str) -> Iterator[Build]:
    """Roll a version out on a server of its own, and run its code server and daemon while the block runs."""
    with tempfile.TemporaryDirectory(prefix="ticks-") as name:
        root = Path(name)
        unpack(revision, root)
        environment = {**os.environ, "PYTHONPATH": name, "WISH_ROLLOUT_SANDBOX": "1", "DAGSTER_HOME": name}
        python(root, environment, "-m", "wish_rollout", "sandbox", "rollout")
        exports = python(root, environment, "-m", "wish_rollout", "sandbox", "env")
        environment |= dict(line.removeprefix("export ").split("=", 1) for line in exports.splitlines())
        port = choose_free_port()
        (root / "grpc.yaml").write_text(WORKSPACE.format(port=port), encoding="utf-8")
        server = (
            "dagster",
            "api",
            "grpc",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-m",
            "wish_rollout.definitions",
        )
        with running(root, environment, *server, "--location-name", "wish_rollout") as code:
            await_server(root, environment, port)
            with running(
                root, environment, str(Path(__file__).with_name("tick_daemon.py")), "grpc.yaml"
            ) as daemon:
                url = environment["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
                yield Build(url, code.pid, daemon)
        python(root, environment, "-m", "wish_rollout", "sandbox", "remove")


def await_server(root: Path, environment: dict[str, str], port: int) -> None:
    """Wait until a code server answers, for at most a minute."""
    end = time.monotonic() + 60
    check = ("-m", "dagster", "api", "grpc-health-check", "-h", "127.0.0.1", "-p", str(port))
    while True:
        try:
            python(root, environment, *check)
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                raise
        else:
            return


@contextmanager
def running(root: Path, environment: dict[str, str], *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program or module in a build's folder while the block runs."""
    arguments = command if command[0].endswith(".py") else ("-m", *command)
    with (root / "processes.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if command[0].endswith(".py") else log,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def measure(old: Build, new: Build, batches: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the rows: cost of the ticks of each kind, and growth of Dagster's database in a day.

    The builds take turns, with so many rounds at once.
    """
    builds = {"old": old, "new": new}
    sensors: dict[str, dict[str, Any]] = {name: {} for name in builds}
    for kind, title in (("resume", "a resume tick"), ("drift", "the drift ticks of all environments")):
        for each in builds.values():  # the first rounds read the schemas and load code
            each.evaluate(kind, 3)
        cpu: dict[str, list[float]] = {name: [] for name in builds}
        elapsed: dict[str, list[float]] = {name: [] for name in builds}
        for _ in range(batches):
            for name, each in builds.items():
                found = each.evaluate(kind, rounds)
                cpu[name].append(found["cpu"] / rounds)
                elapsed[name] += map(
                    sum, zip(*(one["seconds"] for one in found["sensors"].values()), strict=True)
                )
                sensors[name] |= found["sensors"]
        yield row(f"{title}: processor time", cpu["new"], cpu["old"], TIME_LIMIT, "ms", 1000)
        yield row(f"{title}: elapsed time", elapsed["new"], elapsed["old"], TIME_LIMIT, "ms", 1000)
    daily = {name: each.growth(sensors[name].values()) for name, each in builds.items()}
    count = {name: sum(DAY / each["interval"] for each in sensors[name].values()) for name in builds}
    title = f"growth of Dagster's database in a day, by {count['new']:.0f} ticks against {count['old']:.0f}"
    yield row(title, [daily["new"]], [daily["old"]], GROWTH_LIMIT, "MB", 1e-6)


def row(  # noqa: PLR0913, PLR0917
    name: str, ours: list[float], theirs: list[float], limit: float, unit: str, factor: float
) -> dict[str, Any]:
    """Return a row of the table: the medians, and the median of the ratios of each round."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    figures = [statistics.median(values) * factor for values in (ours, theirs)]
    detail = f"{figures[0]:.3g} {unit} against {figures[1]:.3g} {unit}"
    return {"name": name, "detail": detail, "ratio": ratio, "limit": limit, "kept": ratio <= limit}


def main() -> int:
    """Run the benchmark; return 1 if a ratio is above its limit, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.ticks", description=__doc__)
    parser.add_argument("--batches", type=int, default=10, help="number of turns of each version")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds of a turn")
    parser.add_argument("--old", default=BASELINE, help="revision of the repository to compare with")
    parser.add_argument("--out", type=Path, default=Path("bench-ticks.json"))
    options = parser.parse_args()
    with build(options.old) as old, build("") as new:
        rows = list(measure(old, new, options.batches, options.rounds))
    for each in rows:
        show(each)
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(each["kept"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
