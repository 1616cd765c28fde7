"""Indexes of partitions that CREATE INDEX on the parent would attach (manual, CREATE INDEX, Partitioned Tables)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.graph.dependencies import Dependencies
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_KEY_TYPES = ("primary key", "unique")
_COMPARED = ("include", "method", "predicate", "nulls not distinct", "operators")


def fitting_indexes(graph: Dependencies, key: Key) -> Iterator[Key]:
    """Yield the parent's indexes that an index or constraint of a partition fits, and is not attached to."""
    properties = graph.objects[key]
    table = indexed_table(key, properties)
    if table is None or "copy of" in properties or "copy" in properties:
        return
    parent = graph.objects.get(("table", table), {}).get("partition of")
    while parent is not None:
        for other in graph.parts.get(parent, ()):
            wanted = graph.objects[other]
            if indexed_table(other, wanted) is not None and properties.get("attached to") != other[1]:
                same_kind = other[0] == "index" or properties.get("type") == wanted.get("type")
                if same_kind and shape_of(wanted) == shape_of(properties):
                    yield other
        parent = graph.objects.get(("table", parent), {}).get("partition of")


def attaching_indexes(graph: Dependencies, key: Key) -> Iterator[Key]:
    """Yield the parent's indexes whose creation attaches an index of a partition: an invalid one is created by ONLY."""
    return (other for other in fitting_indexes(graph, key) if not graph.objects[other].get("invalid"))


def indexed_table(key: Key, properties: Properties) -> str | None:
    """Return the table of an index, or of a constraint with an index."""
    if key[0] == "index":
        return str(properties["table"])
    if key[0] == "constraint" and properties["type"] in {*_KEY_TYPES, "exclusion"}:
        return split_last(key[1])[0]
    return None


def shape_of(properties: Properties) -> tuple[Any, ...]:
    """Return what has to be the same for an index to be attached."""
    unique = bool(properties.get("unique")) or properties.get("type") in _KEY_TYPES
    keys = properties.get("keys") or properties.get("columns")
    return (unique, keys, *(properties.get(name) for name in _COMPARED))
