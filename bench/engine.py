"""How fast the snapshot engine is, beside what one would use instead. Prints a table, writes JSON.

    python bench/engine.py postgresql://postgres@/postgres --programs DIR [--tables 1000] [--json FILE]

It makes databases of its own on that server and drops them. Each contender is a process of its own where it
is one in life, so that starting Python counts for us and not for psql. Figures are medians, in seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg

from wish_rollout.core.delta import difference
from wish_rollout.postgres.change_token import change_token
from wish_rollout.postgres.reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

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


def child(one: str, other: str) -> None:
    """Compare two databases, and tell the peak of memory: the contender, as a process."""
    with ThreadPoolExecutor(2) as pool:
        delta = difference(*pool.map(read, (one, other)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"changes": len(delta.changes), "peak_mib": round(peak, 1)}))


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
        told = json.loads(quiet(sys.executable, __file__, "--child", *pair))
        if told["changes"]:
            message = f"two equal databases differ: {told}"
            raise SystemExit(message)
        found["diff: peak MiB"] = max(told["peak_mib"], found.get("diff: peak MiB", 0))

    found["diff: a process"] = median(ours, runs)
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


def ratios(found: dict[str, float]) -> dict[str, float]:
    """Give the ratios that the product promises, each with its limit in its name."""
    diff = found["diff: a process"]
    told = {
        "diff / plain queries (at most 2)": diff / found["psql: plain queries of both"],
        "idle tick / full read (at most 0.2)": found["idle tick"] / found["full read"],
    }
    if "pg_dump -s of both" in found:
        told["diff / pg_dump -s (at most 1)"] = diff / found["pg_dump -s of both"]
    if "alembic check" in found:
        told["alembic check / diff (at least 8)"] = found["alembic check"] / diff
    return {name: round(value, 3) for name, value in told.items()}


def show(title: str, rows: dict[str, float]) -> None:
    """Print one part of the table."""
    sys.stdout.write(f"\n{title}\n" + "".join(f"  {name:<48}{value:>10}\n" for name, value in rows.items()))
    sys.stdout.flush()


def main() -> None:
    """Measure, print, store."""
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="a database of a superuser, on the server to use")
    parser.add_argument("--programs", type=Path, required=True, help="where psql and pg_dump are")
    parser.add_argument("--tables", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to store the result")
    options = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    for tables in options.tables:
        found = measure(options.url, options.programs, tables, options.runs if tables <= 1000 else 3)
        result[f"{tables} tables"] = {**found, **ratios(found)}
        show(f"{tables} tables", result[f"{tables} tables"])
    if len(options.tables) > 1:
        least, most = (
            result[f"{n} tables"]["diff: a process"] for n in (options.tables[0], options.tables[-1])
        )
        result["growth"] = {"most / least tables (at most 11 for 10 times)": round(most / least, 2)}
        show("growth", result["growth"])
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
