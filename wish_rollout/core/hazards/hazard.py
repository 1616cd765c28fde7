"""What a hazard is, and what it is judged from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import PART_KINDS, split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.hazards.script_statements import Script
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot

STORED = ("table", "materialized view")
"""Kinds that hold rows of their own."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A live table: its rows (exact where few, else the planner's estimate), its bytes with indexes."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Live:
    """What the database is like now, as far as hazards ask.

    ``tables``: those that are there. ``scans``: how often an index was used since statistics were reset.
    ``volatile``: functions by bare name that may give another value for each row. ``utc``: whether the session's
    time zone is UTC.
    """

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    scans: Mapping[str, int] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    utc: bool = False


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger of a step to the database as it is: not what it leads to, but what it does on its way.

    ``lock``: the table lock that is held meanwhile (manual, 13.3.1). ``instead``: Alembic code that is safe.
    ``allowed``: the reason that the revision gives for going on all the same; empty: not allowed.
    """

    kind: str
    revision: str
    subject: str
    table: str
    lock: str
    rows: int
    bytes: int
    why: str
    instead: str
    allowed: str = ""

    @property
    def name(self) -> str:
        """Name the hazard for an approval: its kind, and what it is about."""
        return f"{self.kind} {self.subject}"

    def signed(self) -> dict[str, str]:
        """Give what an approval covers: not the counts, which every insert changes."""
        names = ("kind", "revision", "subject", "table", "lock", "allowed")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            **self.signed(),
            "rows": self.rows,
            "bytes": self.bytes,
            "why": self.why,
            "instead": self.instead,
        }

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.subject} in revision {self.revision}, on {self.table} "
            f"({self.rows:,} rows, {size(self.bytes)}), under {self.lock}"
        )


def size(count: int) -> str:
    """Write a number of bytes for a person."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a hazard, whatever it is on."""

    lock: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Step:
    """One pending revision: its delta, with what it renames taken out, and the tables that hold rows.

    ``renamed``: old → new name of tables and columns. ``live``: what is there, by the name that it has
    before this revision; what an earlier pending revision makes is not in it.
    """

    revision: str
    delta: Delta
    before: Snapshot
    after: Snapshot
    script: Script
    live: Live
    renamed: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def holds_rows(self, table: str) -> bool:
        """Whether a table is there and not empty."""
        facts = self.live.tables.get(table)
        return facts is not None and facts.rows > 0

    def changes(self, kind: str, *words: str) -> Iterator[tuple[str, Change]]:
        """Give the changes of a kind on tables that hold rows before and stay, as (table, change)."""
        for change in self.delta.changes:
            if change.kind == kind and (not words or change.change in words):
                table = self.table_of(change)
                if self.holds_rows(table) and any((kind, table) in self.after.objects for kind in STORED):
                    yield table, change

    @staticmethod
    def table_of(change: Change) -> str:
        """Name the table that a change is on; for a domain's constraint the domain, which holds no rows."""
        if change.kind in PART_KINDS:
            return split_last(change.name)[0]
        if change.kind == "index":
            before, after = change.properties.get("table", (None, None))
            return str(after or before or "")
        return change.name

    def hazard(self, kind: str, subject: str, table: str, told: Told) -> Hazard:
        """Make a hazard on a table, with its counts."""
        facts = self.live.tables.get(table, TableFacts(0, 0))
        texts = (told.lock, facts.rows, facts.bytes, told.why, told.instead)
        return Hazard(kind, self.revision, subject, table, *texts)
