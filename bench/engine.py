"""The speed of snapshots and comparisons, compared with psql, pg_dump and ``alembic check``.

The benchmark creates its databases on a server and drops them. Programs are measured as processes, so the start
of Python is part of the figure of wish-rollout. Figures are medians in seconds.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg

from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.changes.change_token import change_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COLUMNS = (
    "text",
    "text NOT NULL",
    "integer NOT NULL DEFAULT 0",
    "numeric(10, 2)",
    "timestamptz DEFAULT now()",
    "boolean",
    "jsonb",
    "varchar(40)",
    "date",
)


def schema(tables: int) -> list[str]:
    """Return the SQL for 20 enums, and tables with 12 columns, 3 indexes, a CHECK and a foreign key each."""
    statements = [f"CREATE TYPE e{n} AS ENUM ('a', 'b', 'c')" for n in range(20)]
    columns = ", ".join(f"c{place} {text}" for place, text in enumerate(COLUMNS))
    for n in range(tables):
        statements += [
            (
                f"CREATE TABLE t{n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent bigint,"
                f" kind e{n % 20} NOT NULL DEFAULT 'a', {columns},"
                f" CONSTRAINT check{n} CHECK (c2 >= 0),"
                f" CONSTRAINT parent{n} FOREIGN KEY (parent) REFERENCES t{n // 2} (id))"
            ),
            f"CREATE INDEX i{n}a ON t{n} (c0)",
            f"CREATE INDEX i{n}b ON t{n} (kind, c2 DESC)",
            f"CREATE UNIQUE INDEX i{n}c ON t{n} (parent) WHERE c5",
        ]
    return statements


def database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def build(url: str, name: str, tables: int) -> str:
    """Create a database with the schema; return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    database_url = database(url, name)
    with psycopg.connect(database_url, autocommit=True) as connection:
        statements = schema(tables)
        for start in range(0, len(statements), 200):
            connection.execute("; ".join(statements[start : start + 200]).encode())
        connection.execute("VACUUM ANALYZE")
    return database_url


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def quiet(*command: str, **variables: str) -> str:
    """Run a program with additional environment variables; return its stdout."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ).stdout


def measure(url: str, programs: Path, tables: int, runs: int) -> dict[str, list[float]]:
    """Measure every program on two databases with the same schema; return the seconds of each run by program.

    The programs take turns, so a slow phase of the machine affects all of them.
    """
    pair = [build(url, f"wish_bench_{side}", tables) for side in "ab"]
    diff = str(Path(sys.executable).parent / "wish-rollout"), "diff", *pair
    quiet(*diff)
    # no earlier child process uses as much memory
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    found: dict[str, list[float]] = {"diff: peak MiB": [round(peak, 1)]}
    with psycopg.connect(pair[0], autocommit=True) as connection:
        acts = {"diff: a process": lambda: quiet(*diff), **peers(pair, programs, tables)}
        acts["full read"] = lambda: read_snapshot(connection)
        acts["idle tick"] = lambda: change_token(connection)
        for count in range(runs + 1):
            for name, act in acts.items():
                seconds = timed(act)
                if count:  # the first round is not counted
                    found.setdefault(name, []).append(seconds)
    with psycopg.connect(url, autocommit=True) as connection:
        for side in "ab":
            connection.execute(f"DROP DATABASE wish_bench_{side} WITH (FORCE)".encode())
    return found


def peers(pair: Sequence[str], programs: Path, tables: int) -> dict[str, Callable[[], object]]:
    """Return the other programs by name.

    pg_dump locks all tables in one transaction, and 10,000 exceed the default of max_locks_per_transaction, so
    it is measured up to 1,000 tables.
    """
    plain = str(Path(__file__).parent / "plain.sql")

    def both(*command: str) -> None:
        for database_url in pair:
            quiet(str(programs / command[0]), *command[1:], "-d", database_url)

    found: dict[str, Callable[[], object]] = {
        "psql: plain queries of both": lambda: both("psql", "-qXAt", "-f", plain)
    }
    if tables <= 1000:
        found["pg_dump -s of both"] = lambda: both("pg_dump", "-s")
        found["alembic check"] = lambda: alembic_check(pair[0], tables)
    return found


def alembic_check(url: str, tables: int) -> None:
    """Run ``alembic check`` of a database against models with the same schema."""
    here = Path(__file__).parent
    alembic = str(Path(sys.executable).parent / "alembic")
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as ini:
        ini.write(f"[alembic]\nscript_location = {here / 'peer'}\nprepend_sys_path = {here.parent}\n")
        ini.flush()
        driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
        quiet(alembic, "-c", ini.name, "check", BENCH_URL=driver, BENCH_TABLES=str(tables))


LIMITS = (
    ("diff: a process", "psql: plain queries of both", 2.0),
    ("diff: a process", "pg_dump -s of both", 1.0),
    ("diff: a process", "alembic check", 1 / 8),
    ("idle tick", "full read", 0.2),
)
"""Measurement, the measurement it is compared with, and the largest allowed ratio."""
MAX_MIB = 400
GROWTH = 11.0


def rows(tables: int, found: dict[str, list[float]]) -> list[dict[str, object]]:
    """Return a row of the table for each limit whose programs were measured."""
    return [
        row(f"{tables} tables: {ours} against {theirs}", found[ours], found[theirs], limit)
        for ours, theirs, limit in LIMITS
        if theirs in found
    ]


def row(
    name: str, ours: Sequence[float], theirs: Sequence[float], limit: float, unit: str = "s"
) -> dict[str, object]:
    """Return a row: both medians, the median of the ratios of each round, the limit, and whether it is kept."""
    ratio = round(statistics.median(a / b for a, b in zip(ours, theirs, strict=False)), 3)
    detail = f"{statistics.median(ours):.3g} {unit} against {statistics.median(theirs):.3g} {unit}"
    return {"name": name, "detail": detail, "ratio": ratio, "limit": limit, "kept": ratio <= limit}


def measure_all(url: str, programs: Path, runs: int, most: int = 10_000) -> Iterator[dict[str, object]]:
    """Measure 1,000 tables, then ``most`` tables; yield the rows."""
    found = measure(url, programs, 1000, runs)
    yield from rows(1000, found)
    large = measure(url, programs, most, min(runs, 3))
    yield from rows(most, large)
    name = f"{most} tables against 1000: diff"
    yield row(name, large["diff: a process"], found["diff: a process"], GROWTH)
    yield row(f"{most} tables: peak memory", large["diff: peak MiB"], [float(MAX_MIB)], 1.0, "MiB")
