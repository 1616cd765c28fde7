"""Requirements of a new schema for existing rows, as values, and the rows that were found to violate them.

``core.rows.derived_requirements`` derives the requirements from two snapshots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROWS = "rows-do-not-fit"
"""The hazard kind by which a revision allows such rows in ``allow_hazards``, with the reason."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """The table that has the rows before the release.

    ``columns``: the required columns by their new names, each with the SQL expression of its current value;
    empty if all of them exist under these names.
    """

    table: str
    columns: tuple[tuple[str, str], ...] = ()

    def current_expression(self, column: str) -> str:
        """Return the SQL expression of a column's current value: the current name of an existing column."""
        return dict(self.columns).get(column, column)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRequirement:
    """The base of all requirements. ``source_of``: where the rows are now, unless in the table itself."""

    source: RowSource | None = None


@dataclass(frozen=True, slots=True)
class ColumnsRequirement(RowRequirement):
    """A requirement for some columns of a table, by their new names."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnumRequirement(ColumnsRequirement):
    """Values must be labels of an enum."""

    enum: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeRequirement(ColumnsRequirement):
    """Values must be valid for another type. ``before``: the current type."""

    before: str
    type: str


@dataclass(frozen=True, slots=True)
class NotNullRequirement(ColumnsRequirement):
    """Values must not be NULL. ``is_new_column``: the column does not exist yet, and has no default."""

    is_new_column: bool = False


@dataclass(frozen=True, slots=True)
class CheckRequirement(ColumnsRequirement):
    """A CHECK expression must not be false.

    ``type_requirement``: the requirement that values must meet for the expression to be computable.
    """

    name: str
    expression: str
    type_requirement: TypeRequirement | None = None


@dataclass(frozen=True, slots=True)
class UniqueRequirement(ColumnsRequirement):
    """No two rows may have the same values. ``predicate``: only among the rows that satisfy it."""

    name: str
    nulls_not_distinct: bool = False
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class ExclusionRequirement(ColumnsRequirement):
    """No two rows may satisfy all operators, one a column (manual, CREATE TABLE, EXCLUDE)."""

    name: str
    operators: tuple[str, ...]
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKeyRequirement(ColumnsRequirement):
    """The referenced row must exist.

    ``references``: the referenced table, or None if it does not exist yet. ``match_full``: the columns are
    either all NULL or all not NULL (MATCH FULL).
    """

    name: str
    references: RowSource | None
    referenced: tuple[str, ...]
    match_full: bool = False


Requirement = (
    EnumRequirement
    | TypeRequirement
    | NotNullRequirement
    | CheckRequirement
    | UniqueRequirement
    | ExclusionRequirement
    | ForeignKeyRequirement
)


def source_of(requirement: Requirement) -> RowSource:
    """Return where a requirement's rows are before the release."""
    return requirement.source or RowSource(requirement.table)


def requirement_name(requirement: Requirement) -> str:
    """Return the qualified name of the constraint, or of the first column, that a requirement belongs to."""
    part = getattr(requirement, "name", "") or requirement.columns[0]
    return f"{requirement.table}.{part}"


@dataclass(frozen=True, slots=True)
class RowFinding:
    """Rows that violate a requirement.

    ``rows``: their number; None if they could not be counted in time. ``sql``: a query that shows them.
    ``allowed``: the reason for which the revisions allow them. ``rehearsal_result``: how a rehearsal of the
    release with some of them ended, unless they are allowed.
    """

    requirement: Requirement
    rows: int | None
    description: str
    sql: str
    allowed: str = ""
    rehearsal_result: str = ""

    @property
    def name(self) -> str:
        """The name of the finding in an approval."""
        return f"{ROWS} {requirement_name(self.requirement)}"

    def signed(self) -> dict[str, str]:
        """Return the fields that an approval covers: not the count, which every insert changes."""
        return {"kind": ROWS, "subject": requirement_name(self.requirement), "allowed": self.allowed}

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return {
            **self.signed(),
            "rows": self.rows,
            "says": self.description,
            "sql": self.sql,
            "rehearsed": self.rehearsal_result,
        }

    def __str__(self) -> str:
        return f"{self.description} (see them: {self.sql})"
