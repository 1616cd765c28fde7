"""``make bench``: print the table, and store it as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import engine, road


def main() -> int:
    """Measure everything named; exit 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each measurement")
    parser.add_argument("--only", choices=["road", "engine"], help="measure just this")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    rows = []
    if options.only != "engine":
        rows.append(road.measure(options.runs))
        show(rows[-1])
    if options.only != "road":
        for row in engine.measure(options.runs):
            rows.append(row)
            show(row)
    options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    missed = [row for row in rows if not row["kept"]]
    return 1 if missed else 0


def show(row: dict[str, object]) -> None:
    """Print one line of the table."""
    verdict = "ok  " if row["kept"] else "MISS"
    figures = f"{row['ratio']:6.2f} (limit {row['limit']:g})"
    print(f"{verdict}  {figures}  {row['name']}: {row['detail']}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
