"""``make bench``: measure, print one line for each ratio, and write them to bench.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import archives, backfill, commit_verification, engine, pipeline
from wish_rollout.config import load_config
from wish_rollout.rollout.servers.project_sandbox import start
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> int:
    """Run the benchmarks; return 1 if a ratio is above its limit, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="number of counted runs")
    parser.add_argument(
        "--only",
        choices=["pipeline", "engine", "backfill", "archives", "commit"],
        help="run only this benchmark",
    )
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for row in measured(options.runs, options.only):
        rows.append(row)
        show(row)
        options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["kept"] for row in rows) else 1


def measured(runs: int, only: str | None) -> Iterator[dict[str, object]]:
    """Yield the rows of the table: the pipeline, its parts, then the snapshot engine, on the sandbox of the project."""
    if only in (None, "pipeline"):
        yield pipeline.measure(runs)
    if only in (None, "backfill"):
        yield backfill.measure(start(load_config()), min(runs, 3))
    if only in (None, "commit"):
        yield commit_verification.measure(start(load_config()), runs)
    if only in (None, "archives"):
        yield from archives.measure_all(start(load_config()), min(runs, 3))
    if only in (None, "engine"):
        server = start(load_config())
        yield from engine.measure_all(server.url("postgres", ADMIN), server.bindir, runs)


def show(row: dict[str, object]) -> None:
    """Print a row of the table."""
    verdict = "ok  " if row["kept"] else "MISS"
    figures = f"{row['ratio']:7.3f} (at most {row['limit']:g})"
    print(f"{verdict}  {figures}  {row['name']}: {row['detail']}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
