"""The table of ``make bench-history``: the figures, each with its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = {
    "record": 3.0,
    "apply": 2.0,
    "bytes": 4.0,
    "memory": 250.0,
    "growth": 3.5,
    "constant": 1.2,
    "check": 3.0,
}


SMALLEST = " in the smallest project"
"""The end of the name of what was measured again in the smallest project, next to a longer one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: processor seconds with the server's, elapsed seconds, and its peak memory in MB."""

    cpu: float
    elapsed: float
    memory: float


def table(measured: dict[int, dict[str, Cost | float]]) -> list[dict[str, object]]:
    """Return a row for each figure and its limit."""
    rows: list[dict[str, object]] = []
    smallest = measured[min(measured)]
    for length, found in measured.items():
        plain = found["alembic upgrade head"]
        assert isinstance(plain, Cost)
        for name, cost in found.items():
            if name.endswith(SMALLEST):
                continue
            if not isinstance(cost, Cost):
                rows.append(row(length, name, cost, LIMITS["bytes"], "times the scripts' bytes"))
                continue
            detail = f"{cost.cpu:.2f} s processor, {cost.elapsed:.2f} s elapsed, {cost.memory:.0f} MB"
            if name == "generate --record":
                rows.append(row(length, f"{name}: elapsed", cost.elapsed / plain.elapsed, None, detail))
            if name.startswith("check"):
                rows.append(row(length, f"{name}: processor seconds", cost.cpu, LIMITS["check"], detail))
            elif "pending" in name:
                again = name.removesuffix(" with nothing pending") + SMALLEST
                first = found.get(again, smallest[name])
                assert isinstance(first, Cost)
                limit = None if name.startswith("alembic") else LIMITS["constant"]
                rows.append(row(length, name, cost.cpu / first.cpu, limit, detail))
            else:
                rows.append(row(length, name, cost.cpu / plain.cpu, None, detail))
            rows.append(row(length, f"{name}: memory in MB", cost.memory, LIMITS["memory"], ""))
        rows.extend(against_lower_limits(length, found, plain))
    if {300, 1000} <= measured.keys():
        for name in ("generate --record", "apply from empty", "plan from empty"):
            one, other = measured[300][name], measured[1000][name]
            assert isinstance(one, Cost)
            assert isinstance(other, Cost)
            rows.append(row(1000, f"{name} against 300", other.cpu / one.cpu, LIMITS["growth"], ""))
    return rows


def against_lower_limits(
    length: int, found: dict[str, Cost | float], plain: Cost
) -> Iterator[dict[str, object]]:
    """Yield the rows of what is compared with the least that it has to do."""
    names = ("alembic downgrade base", "an empty job of Dagster", "generate --record", "apply from empty")
    down, job, record, apply = (found[name] for name in names)
    assert isinstance(down, Cost)
    assert isinstance(job, Cost)
    assert isinstance(record, Cost)
    assert isinstance(apply, Cost)
    ratio = record.elapsed / (plain.elapsed + down.elapsed)
    yield row(
        length, "generate --record: elapsed, against upgrade and downgrade", ratio, LIMITS["record"], ""
    )
    ratio = (apply.cpu - job.cpu) / plain.cpu
    yield row(length, "apply from empty, without an empty job of Dagster", ratio, LIMITS["apply"], "")


def row(length: int, name: str, figure: float, limit: float | None, detail: str) -> dict[str, object]:
    """Return one row of the table."""
    kept = limit is None or figure <= limit
    return {"length": length, "name": name, "figure": figure, "limit": limit, "kept": kept, "detail": detail}
