"""Checks that a table has from its parents. Manual, CREATE TABLE, INHERITS; ALTER TABLE, INHERIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.graph.dependencies import Dependencies
    from wish_rollout.core.schema.snapshot import Key


def inherited_checks(graph: Dependencies, table: str, among: list[str] | None = None) -> Iterator[Key]:
    """Yield the checks of a table's parents, or of some of them, that the table inherits."""
    for kind in ("table", "foreign table"):
        for parent in parents_of(graph.objects.get((kind, table), {})):
            if among is not None and parent not in among:
                continue
            for key in graph.parts.get(parent, ()):
                properties = graph.objects[key]
                if (
                    key[0] == "constraint"
                    and properties["type"] == "check"
                    and not properties.get("no inherit")
                ):
                    yield key
            yield from inherited_checks(graph, parent)


def inherited_copies(graph: Dependencies, key: Key) -> list[Key]:
    """Return the copies of a constraint in the tables below, as far as a snapshot has them: with a comment."""
    if key[0] != "constraint":
        return []
    table, own = split_last(key[1])
    found = []
    for child in graph.children.get(table, ()):
        copy = ("constraint", f"{child}.{own}")
        if graph.objects.get(copy, {}).get("copy"):
            found.append(copy)
        found += inherited_copies(graph, copy)
    return found
