"""What a table keeps when it loses a parent: the copies of the parent's indexes and constraints become its own.

Manual, ALTER TABLE, DETACH PARTITION, NO INHERIT. A snapshot has no copies, only the names of indexes, as a note of
the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.steps.index_attachment import indexed_table, shape_of
from wish_rollout.core.remedy.steps.inherited_checks import inherited_checks
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.graph.dependencies import Dependencies
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

INDEX_NAMES = "index names"


def detached_parts(
    before: Dependencies, after: Dependencies, table: str
) -> Iterator[tuple[str, Key | None, Key]]:
    """Yield each part that a table keeps without its parent: the statement for it, the wanted object, and the parent's.

    The statement renames or drops the part; it is empty where the part is as wanted.
    """
    live = before.objects["table", table]
    if "partition of" not in live:
        yield from _kept_checks(before, after, table)
        return
    for key in _parts_above(before, table):
        properties = before.objects[key]
        if indexed_table(key, properties) is not None:
            own = copy_name(before, table, key[1] if key[0] == "index" else _index_of(key[1]))
        elif key[0] == "constraint" and not properties.get("no inherit"):
            own = _constraint_name(before, table, key[1])
        else:
            continue
        if own is not None and (key[0] != "index" or ("constraint", f"{table}.{own}") not in before.objects):
            wanted = next(
                (each for each in after.parts.get(table, ()) if _is_same(after, each, key, properties)), None
            )
            yield _statement(table, key[0], own, wanted), wanted, key


def _parts_above(before: Dependencies, table: str) -> Iterator[Key]:
    """Yield the parts of the tables of which a table is a partition, at all levels."""
    while above := before.objects.get(("table", table), {}).get("partition of"):
        table = str(above)
        yield from before.parts.get(table, ())


def copy_name(before: Dependencies, table: str, index: str) -> str | None:
    """Return the name of a partition's copy of an index of a table above, or None."""
    live = before.objects.get(("table", table), {})
    names: Mapping[str, str] = live.get(INDEX_NAMES, {})
    above = live.get("partition of")
    if index in names or above is None:
        return names.get(index)
    copy = copy_name(before, above, index)
    return names.get(f"{split_last(above)[0]}.{copy}")


def _constraint_name(before: Dependencies, table: str, constraint: str) -> str:
    """Return the name of a partition's copy of a check or foreign key of a table above: of a foreign key, it can be another."""
    whole, own = split_last(constraint)
    live = before.objects["table", table]
    above = str(live["partition of"])
    of_parent = own if above == whole else _constraint_name(before, above, constraint)
    return str(live.get(INDEX_NAMES, {}).get(f"{above}.{of_parent}", of_parent))


def _index_of(constraint: str) -> str:
    """Return the name of the index of a constraint."""
    table, own = split_last(constraint)
    return f"{split_last(table)[0]}.{own}"


def _kept_checks(
    before: Dependencies, after: Dependencies, table: str
) -> Iterator[tuple[str, Key | None, Key]]:
    """Yield the checks of parents that a table does not keep."""
    new = parents_of(after.objects["table", table])
    staying = {split_last(check[1])[1] for check in inherited_checks(before, table, new)}
    for check in inherited_checks(before, table):
        own = split_last(check[1])[1]
        if own not in staying and ("constraint", f"{table}.{own}") not in before.objects:
            staying.add(own)
            parts = after.parts.get(table, ())
            wanted = next(
                (each for each in parts if _is_same(after, each, check, before.objects[check])), None
            )
            yield _statement(table, "constraint", own, wanted), wanted, check


def _is_same(after: Dependencies, key: Key, other: Key, properties: Properties) -> bool:
    wanted = after.objects[key]
    if key[0] != other[0]:
        return False
    if indexed_table(key, wanted) is not None:
        return wanted.get("type") == properties.get("type") and shape_of(wanted) == shape_of(properties)
    return key[0] == "constraint" and wanted == properties


def _statement(table: str, kind: str, own: str, wanted: Key | None) -> str:
    schema = split_last(table)[0]
    if wanted is None:
        return (
            f"DROP INDEX {schema}.{own}" if kind == "index" else f"ALTER TABLE {table} DROP CONSTRAINT {own}"
        )
    new = split_last(wanted[1])[1]
    if new == own:
        return ""
    if kind == "index":
        return f"ALTER INDEX {schema}.{own} RENAME TO {new}"
    return f"ALTER TABLE {table} RENAME CONSTRAINT {own} TO {new}"
