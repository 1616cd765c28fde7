"""What a partition keeps when it is detached: its copies of the parent's indexes and constraints become its own.

Manual, ALTER TABLE, DETACH PARTITION. A snapshot has no copies, only their names, as a note of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.steps.index_attachment import indexed_table, shape_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.graph.dependencies import Dependencies
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

INDEX_NAMES = "index names"


def detached_parts(
    before: Dependencies, after: Dependencies, table: str
) -> Iterator[tuple[str, Key | None, str]]:
    """Yield each part that a detached partition keeps: the statement for it, the wanted object, and its kind.

    The statement renames or drops the part; it is empty where the part is as wanted.
    """
    live = before.objects["table", table]
    names = live.get(INDEX_NAMES, {})
    for key in before.parts.get(live["partition of"], ()):
        properties = before.objects[key]
        if indexed_table(key, properties) is not None:
            index = (
                key[1]
                if key[0] == "index"
                else f"{split_last(split_last(key[1])[0])[0]}.{split_last(key[1])[1]}"
            )
            own = names.get(index)
        elif key[0] == "constraint" and not properties.get("no inherit"):
            own = split_last(key[1])[1]
        else:
            continue
        if own is not None:
            wanted = next(
                (each for each in after.parts.get(table, ()) if _is_same(after, each, key, properties)), None
            )
            yield _statement(table, key[0], own, wanted), wanted, key[0]


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
