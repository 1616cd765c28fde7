"""What a schema demands of rows, as values; ``core.rows.derived_requirements`` reads them off two snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROWS = "rows-do-not-fit"
"""The name by which a revision says in ``allow_hazards`` that it knows of such rows, and why they are no harm."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table's rows are before the release: its name then.

    ``columns``: the demanded columns by the names that they will have, each with the SQL that gives its value
    now; empty where all of them are there under these names.
    """

    table: str
    columns: tuple[tuple[str, str], ...] = ()

    def old(self, column: str) -> str:
        """Give a column's name before the release."""
        return dict(self.columns).get(column, column)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRequirement:
    """What all demands have: ``source``, where it is not simply the table."""

    source: Source | None = None


@dataclass(frozen=True, slots=True)
class EnumRequirement(RowRequirement):
    """Values must be labels of an enum."""

    table: str
    columns: tuple[str, ...]
    enum: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeRequirement(RowRequirement):
    """Values must be of another type. ``before``: the type that they have."""

    table: str
    columns: tuple[str, ...]
    before: str
    type: str


@dataclass(frozen=True, slots=True)
class NotNullRequirement(RowRequirement):
    """There may be no NULL. ``new``: the column is not there yet, and has no default."""

    table: str
    columns: tuple[str, ...]
    new: bool = False


@dataclass(frozen=True, slots=True)
class CheckRequirement(RowRequirement):
    """A CHECK must not be false. ``fits``: what values must be for the expression to be computed at all."""

    table: str
    columns: tuple[str, ...]
    name: str
    expression: str
    fits: TypeRequirement | None = None


@dataclass(frozen=True, slots=True)
class UniqueRequirement(RowRequirement):
    """No two rows may be alike; ``predicate``: among those that meet it."""

    table: str
    columns: tuple[str, ...]
    name: str
    nulls_alike: bool = False
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class ExclusionRequirement(RowRequirement):
    """No two rows may meet all of the operators, one a column: an exclusion constraint."""

    table: str
    columns: tuple[str, ...]
    name: str
    operators: tuple[str, ...]
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKeyRequirement(RowRequirement):
    """There must be a row that is referred to. ``references`` is None where that table is not there yet.

    ``full``: columns are NULL all together, or not at all (MATCH FULL).
    """

    table: str
    columns: tuple[str, ...]
    name: str
    references: Source | None
    referenced: tuple[str, ...]
    full: bool = False


Requirement = EnumRequirement | TypeRequirement | NotNullRequirement | CheckRequirement | UniqueRequirement | ExclusionRequirement | ForeignKeyRequirement


def source(demand: Requirement) -> Source:
    """Say where a demand's rows are before the release."""
    return demand.source or Source(demand.table)


def place(demand: Requirement) -> str:
    """Name what a demand stands on: the constraint, or the column."""
    own = getattr(demand, "name", "") or demand.columns[0]
    return f"{demand.table}.{own}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows that do not meet a demand. ``rows``: None where that could not be counted in time.

    ``sql`` shows them. ``allowed``: why the revisions let them be. ``rehearsed``: how the release ended on a
    scratch server with some of them, where nothing allows them.
    """

    demand: Requirement
    rows: int | None
    says: str
    sql: str
    allowed: str = ""
    rehearsed: str = ""

    @property
    def name(self) -> str:
        """Name the finding for an approval."""
        return f"{ROWS} {place(self.demand)}"

    def signed(self) -> dict[str, str]:
        """Give what an approval covers: not the count, which every insert changes."""
        return {"kind": ROWS, "subject": place(self.demand), "allowed": self.allowed}

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        told = {"rows": self.rows, "says": self.says, "sql": self.sql, "rehearsed": self.rehearsed}
        return {**self.signed(), **told}

    def __str__(self) -> str:
        return f"{self.says} (see them: {self.sql})"
