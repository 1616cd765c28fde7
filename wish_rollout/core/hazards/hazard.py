"""Hazards as values, and the facts from which they are assessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from wish_rollout.core.schema.names import PART_KINDS, split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.hazards.executed_statements import ExecutedStatement
    from wish_rollout.core.hazards.script_statements import Script
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot

Danger = Literal["held", "row locks", "lost", "breaks", "slower"]
"""A lock that blocks queries is held while rows are read or written; all rows of a table are locked; rows or values are
lost; statements of the running application fail or return other rows; queries become slower."""
STORED = ("table", "materialized view")
"""Kinds of objects that store rows."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Rows of a live table (exact for a small table, else the planner's estimate), and its bytes with indexes."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StatementEstimate:
    """The planner's estimate for a statement on the live database.

    ``written``: table → number of rows that are updated or deleted. ``scanned``: the tables that are read completely.
    """

    written: Mapping[str, int] = field(default_factory=dict)
    scanned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """The facts about the live database from which hazards are assessed. Names are as in a snapshot.

    ``tables``: the existing ones. ``scans``: index → number of scans since the statistics were reset. ``volatile``:
    names, without schema, of functions that may return another value for each row. ``utc``: whether the session's
    time zone is UTC. ``in_use``: whether any table has rows. ``estimates``: statement → the planner's estimate.
    ``sequences``: sequence → its last value.
    """

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    scans: Mapping[str, int] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    utc: bool = False
    in_use: bool = True
    estimates: Mapping[str, StatementEstimate] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hazard:
    """A danger of a revision to a database in use.

    ``lock``: the strongest lock on ``table`` (manual, 13.3.1), or ``none``. ``instead``: Alembic code that is safe.
    ``allowed``: the reason for which the revision allows the hazard, or "". ``dangers``: see ``Danger``.
    ``line``: of the revision's script, or 0 if it is unknown.
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
    dangers: tuple[Danger, ...] = ()
    line: int = 0

    @property
    def name(self) -> str:
        """The name of the hazard in an approval: its kind and its subject."""
        return f"{self.kind} {self.subject}"

    def signed(self) -> dict[str, str]:
        """Return the fields that an approval covers: all but the counts, which every INSERT changes."""
        names = ("kind", "revision", "subject", "table", "lock", "allowed")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return {
            **self.signed(),
            "dangers": list(self.dangers),
            "line": self.line,
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
    """Return a number of bytes with a unit."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}"


@dataclass(frozen=True, slots=True)
class HazardText:
    """The part of a hazard that does not depend on the table."""

    lock: str
    why: str
    instead: str
    dangers: tuple[Danger, ...] = ("held",)


@dataclass(frozen=True, slots=True)
class RevisionStep:
    """A pending revision with everything that the rules read.

    ``delta``: without what is only renamed. ``renamed``: (kind, old name) → new name, of tables and columns.
    ``live``: the facts under the names before and after the revision's renames. ``executed``: the statements with their
    measurements.
    """

    revision: str
    delta: Delta
    before: Snapshot
    after: Snapshot
    script: Script
    live: LiveFacts
    renamed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    executed: tuple[ExecutedStatement, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether a measurement decides what the statements lock and read: then rules only name the hazards."""
        return any(statement.measured for statement in self.executed)

    def holds_rows(self, table: str) -> bool:
        """Return whether a table exists in the live database and has rows."""
        facts = self.live.tables.get(table)
        return facts is not None and facts.rows > 0

    def changes(self, kind: str, *verbs: str) -> Iterator[tuple[str, Change]]:
        """Yield the changes of a kind, as (table, change), on tables that have rows and are not dropped."""
        for change in self.delta.changes:
            if change.kind == kind and (not verbs or change.change in verbs):
                table = self.table_of(change)
                if self.holds_rows(table) and any((kind, table) in self.after.objects for kind in STORED):
                    yield table, change

    @staticmethod
    def table_of(change: Change) -> str:
        """Return the table of a change; for a constraint of a domain the domain, which has no rows."""
        if change.kind in PART_KINDS:
            return split_last(change.name)[0]
        if change.kind == "index":
            before, after = change.properties.get("table", (None, None))
            return str(after or before or "")
        return change.name

    def hazard(self, kind: str, subject: str, table: str, text: HazardText) -> Hazard:
        """Return a hazard on a table, with its rows and size."""
        facts = self.live.tables.get(table, TableFacts(0, 0))
        return Hazard(
            kind,
            self.revision,
            subject,
            table,
            text.lock,
            facts.rows,
            facts.bytes,
            text.why,
            text.instead,
            dangers=text.dangers,
        )
