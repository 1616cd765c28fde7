"""Views that need a function that needs the view: the query of such a view is an object of its own.

The view is created with a query without tables first, and gets its own query after the function, as pg_dump does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.dependencies import Dependencies
from wish_rollout.core.remedy.graph.parts import QUERY
from wish_rollout.core.remedy.graph.schema_index import ROUTINES
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


def separate_queries(before: Snapshot, after: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Return two schemas in which each view that is circular in one of them has its query as an object."""
    names = {*_circular_views(before.objects), *_circular_views(after.objects)}
    return _separated(before, names), _separated(after, names)


def placeholder(objects: Mapping[Key, Properties], view: str) -> str:
    """Return a query without tables that gives the columns of a view."""
    columns = sorted(
        (properties["position"], split_last(name)[1], properties)
        for (kind, name), properties in objects.items()
        if kind == "column" and split_last(name)[0] == view
    )
    return "SELECT " + ", ".join(
        f"NULL::{each['type']}{_collation(each)} AS {own}" for _, own, each in columns
    )


def _collation(column: Properties) -> str:
    return f" COLLATE {column['collation']}" if "collation" in column else ""


def _circular_views(objects: Mapping[Key, Properties]) -> Iterator[str]:
    named = {
        name
        for (kind, _), properties in objects.items()
        if kind in ROUTINES
        for name in find_qualified_names(properties, "body")
        if ("view", name) in objects
    }
    above: dict[str, set[str]] = {}
    for (kind, name), properties in objects.items():
        if kind == "view":
            found = find_qualified_names({"definition": properties["definition"]})
            above[name] = {each for each in found if ("view", each) in objects}
    named |= {name for name in above if any(name in above[each] for each in above[name])}
    graph = Dependencies(objects) if named else None
    for name in named:
        if graph is not None and _is_circular(graph, ("view", name)):
            yield name


def _is_circular(graph: Dependencies, view: Key) -> bool:
    """Return whether an object needs itself."""
    waiting = [view]
    found: set[Key] = set()
    while waiting:
        needed = graph.needs(waiting.pop()) - found
        found |= needed
        waiting += needed
    return view in found


def _separated(schema: Snapshot, names: Iterable[str]) -> Snapshot:
    objects = dict(schema.objects)
    for name in names:
        if view := objects.get(("view", name)):
            objects[QUERY, name] = {"definition": view["definition"]}
            objects["view", name] = {**view, "definition": placeholder(schema.objects, name)}
    return Snapshot(objects, schema.readable_properties)
