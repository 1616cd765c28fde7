"""Tables and columns by their OIDs before and after a statement whose text does not say what it does to them.

The text of DO, CALL or a SELECT of a function does not show which table it renames, detaches or empties. The server's
numbers do: a table keeps its OID when it is renamed (manual, pg_class), a column its number (pg_attribute).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BETWEEN = "wish_rollout_renamed_{}"
"""Names that tables and columns have between two renames, so that two of them can exchange their names."""


@dataclass(frozen=True, slots=True)
class TableIdentity:
    """A table at one moment.

    ``name``: qualified and quoted. ``file``: its ``relfilenode``, or 0. ``columns``: number → quoted name and type.
    ``parents``: OIDs of the tables that it is a partition or a child of. ``is_partition``: of its parent.
    """

    name: str
    file: int = 0
    columns: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    parents: frozenset[int] = frozenset()
    is_partition: bool = False


Identities = dict[int, TableIdentity]
"""OID → table."""


def equivalent_statements(before: Identities, after: Identities, scanned: frozenset[str]) -> tuple[str, ...]:
    """Return statements that do to the tables and columns of ``before`` what a statement did, in a fixed order.

    ``scanned``: the names of tables that it has read. New storage means that a table was emptied, unless it was read, and
    its columns explain that it was rewritten.
    """
    kept = {oid: (each, after[oid]) for oid, each in before.items() if oid in after}
    found = [*_detachments(before, after)]
    found += [f"DROP TABLE {each.name}" for oid, each in before.items() if oid not in after]
    for old, new in kept.values():
        if old.file != new.file and not (old.name in scanned and _has_other_types(old, new)):
            found.append(f"TRUNCATE {old.name}")
        found += _column_changes(old, new)
    return (*found, *_table_renames([pair for pair in kept.values() if pair[0].name != pair[1].name]))


def _has_other_types(old: TableIdentity, new: TableIdentity) -> bool:
    """Return whether a column was added or has another type. TRUNCATE reads a table too, for each of its indexes."""
    types = {number: kind for number, (_, kind) in old.columns.items()}
    return any(types.get(number) != kind for number, (_, kind) in new.columns.items())


def _detachments(before: Identities, after: Identities) -> Iterator[str]:
    for oid, table in before.items():
        for parent in table.parents:
            if oid not in after or parent not in before or parent in after[oid].parents:
                continue
            child, former = table.name, before[parent].name
            if table.is_partition:
                yield f"ALTER TABLE {former} DETACH PARTITION {child}"
            else:
                yield f"ALTER TABLE {child} NO INHERIT {former}"


def _column_changes(old: TableIdentity, new: TableIdentity) -> Iterator[str]:
    alter = f"ALTER TABLE {old.name}"
    renamed = {}
    for number, (name, kind) in old.columns.items():
        if number not in new.columns:
            yield f"{alter} DROP COLUMN {name}"
            continue
        later, later_kind = new.columns[number]
        if kind != later_kind:
            yield f"{alter} ALTER COLUMN {name} TYPE {later_kind} USING {name}::{later_kind}"
        if name != later:
            renamed[name] = later
    between = {name: BETWEEN.format(place) for place, name in enumerate(renamed)}
    yield from (f"{alter} RENAME COLUMN {name} TO {between[name]}" for name in renamed)
    yield from (f"{alter} RENAME COLUMN {between[name]} TO {later}" for name, later in renamed.items())


def _table_renames(pairs: list[tuple[TableIdentity, TableIdentity]]) -> Iterator[str]:
    schemas = [split_last(old.name)[0] for old, _ in pairs]
    between = [BETWEEN.format(place) for place in range(len(pairs))]
    for (old, _), name in zip(pairs, between, strict=True):
        yield f"ALTER TABLE {old.name} RENAME TO {name}"
    for (_, new), schema, name in zip(pairs, schemas, between, strict=True):
        later, own = split_last(new.name)
        if later != schema:
            yield f"ALTER TABLE {schema}.{name} SET SCHEMA {later}"
        yield f"ALTER TABLE {later}.{name} RENAME TO {own}"
