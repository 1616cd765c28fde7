"""How fast the snapshot engine is, beside what one would use instead.

It makes databases of its own on a server and drops them. Each contender is a process of its own where it
is one in life, so that starting Python counts for us and not for psql. Figures are medians, in seconds.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg

from wish_rollout.postgres.change_token import change_token
from wish_rollout.postgres.reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.core.snapshot import Snapshot

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
    """Write tables of 12 columns, 3 indexes, a check and a foreign key each, and 20 enums."""
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
    """Give the URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def build(url: str, name: str, tables: int) -> str:
    """Make a database and its schema; give its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    made = database(url, name)
    with psycopg.connect(made, autocommit=True) as connection:
        statements = schema(tables)
        for start in range(0, len(statements), 200):
            connection.execute("; ".join(statements[start : start + 200]).encode())
        connection.execute("VACUUM ANALYZE")
    return made


def read(url: str) -> Snapshot:
    """Read a snapshot through a connection of its own."""
    with psycopg.connect(url) as connection:
        return read_snapshot(connection)


def median(act: Callable[[], object], runs: int) -> float:
    """Give the median time of an act, after one run that does not count."""
    act()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return round(statistics.median(times), 4)


def quiet(*command: str) -> str:
    """Run a program; give what it wrote."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(url: str, programs: Path, tables: int, runs: int) -> dict[str, float]:
    """Measure every contender on two equal databases of so many tables."""
    pair = [build(url, f"wish_bench_{side}", tables) for side in "ab"]
    plain = str(Path(__file__).parent / "plain.sql")
    found: dict[str, float] = {}

    def each(*command: str) -> None:
        for database_url in pair:
            quiet(str(programs / command[0]), *command[1:], "-d", database_url)

    def ours() -> None:
        quiet(str(Path(sys.executable).parent / "wish-rollout"), "diff", *pair)

    found["diff: a process"] = median(ours, runs)
    # nothing else that was started so far needs as much as this
    found["diff: peak MiB"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1)
    found["psql: plain queries of both"] = median(lambda: each("psql", "-qXAt", "-f", plain), runs)
    if tables <= 1000:  # it locks every table at once: ten thousand are more than a server allows by default
        found["pg_dump -s of both"] = median(lambda: each("pg_dump", "-s"), runs)
    with psycopg.connect(pair[0], autocommit=True) as connection:
        found["full read"] = median(lambda: read_snapshot(connection), runs)
        found["idle tick"] = median(lambda: change_token(connection), runs)
    if tables <= 1000:
        found["alembic check"] = median(lambda: alembic_check(pair[0]), min(runs, 2))
    with psycopg.connect(url, autocommit=True) as connection:
        for side in "ab":
            connection.execute(f"DROP DATABASE wish_bench_{side} WITH (FORCE)".encode())
    return found


_models: dict[str, object] = {}


def alembic_check(url: str) -> None:
    """Do what ``alembic check`` does, with models that match (reflected once, outside of the time)."""
    import sqlalchemy as sa
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        if url not in _models:
            metadata = sa.MetaData()
            metadata.reflect(connection)
            _models[url] = metadata
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        compare_metadata(context, _models[url])  # type: ignore[arg-type]
    engine.dispose()


PROMISES = (
    ("diff: a process", "psql: plain queries of both", 2.0),
    ("diff: a process", "pg_dump -s of both", 1.0),
    ("diff: a process", "alembic check", 1 / 8),
    ("idle tick", "full read", 0.2),
)
"""What the product promises: ours takes at most so many times theirs."""
MOST_MIB = 400
GROWTH = 11.0


def rows(tables: int, found: dict[str, float]) -> list[dict[str, object]]:
    """Give a line of the table for each promise that was measured."""
    return [
        row(f"{tables} tables: {ours} against {theirs}", found[ours], found[theirs], limit)
        for ours, theirs, limit in PROMISES
        if theirs in found
    ]


def row(name: str, ours: float, theirs: float, limit: float, unit: str = "s") -> dict[str, object]:
    """Give one line: two figures, their ratio, its limit, and whether that is kept."""
    ratio = round(ours / theirs, 3)
    detail = f"{ours:g} {unit} against {theirs:g} {unit}"
    return {"name": name, "detail": detail, "ratio": ratio, "limit": limit, "kept": ratio <= limit}


def measure_all(url: str, programs: Path, runs: int, most: int = 10_000) -> Iterator[dict[str, object]]:
    """Measure 1,000 tables and ``most``; give the lines as they come."""
    found = measure(url, programs, 1000, runs)
    yield from rows(1000, found)
    large = measure(url, programs, most, min(runs, 3))
    yield from rows(most, large)
    name = f"{most} tables against 1000: diff"
    yield row(name, large["diff: a process"], found["diff: a process"], GROWTH)
    yield row(f"{most} tables: peak memory", large["diff: peak MiB"], float(MOST_MIB), 1.0, "MiB")
