"""Unmanaged objects: objects in the database that the release does not manage, and whether they are drift.

Only complete objects can be unmanaged, with their dependent parts. A column, an index, a constraint or a
trigger on a managed object is drift, and so is an object that belongs to a managed one in another way: a
partition or child of a managed table, a sequence owned by a managed column, statistics on a managed table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wish_rollout.core.environment.conflicting_objects import catalog_namespace
from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names
from wish_rollout.core.schema.snapshot import Snapshot, remove_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wish_rollout.core.schema.snapshot import Json, Key

RUNTIME_NOTE = "made at run time; [scope] runtime_partitions"
PUBLISHED = frozenset({"tables", "schemas"})
"""The properties of a publication that list what it publishes."""
ManagedNames = frozenset[tuple[str, str]]
"""Namespace and name of each managed object."""


class UnmanagedPolicy(StrEnum):
    """What happens with unmanaged objects."""

    FAIL = "fail"
    """They are drift."""
    REPORT = "report"
    """They are not drift, and are reported."""
    IGNORE = "ignore"
    """They are not drift, and are not reported."""


@dataclass(frozen=True, slots=True)
class ManagedSchema:
    """The managed part of a live schema, and the unmanaged objects to report."""

    snapshot: Snapshot
    unmanaged: tuple[str, ...] = ()


def keep_all(live: Snapshot) -> ManagedSchema:
    """Return the whole schema as managed."""
    return ManagedSchema(live)


def managed_names(snapshots: Iterable[Snapshot]) -> ManagedNames:
    """Return the namespace and name of all whole objects in some snapshots."""
    return frozenset(
        (catalog_namespace(kind), name)
        for snapshot in snapshots
        for (kind, name), properties in snapshot.objects.items()
        if parent_object(kind, name, properties) is None
    )


def select_managed(
    live: Snapshot,
    policy: UnmanagedPolicy,
    known: Callable[[], ManagedNames],
    runtime_partitions: UnmanagedPolicy = UnmanagedPolicy.FAIL,
) -> ManagedSchema:
    """Return the part of a live schema that is compared with the promised one.

    ``known`` returns the managed names; it is called only if a policy needs them. ``runtime_partitions``: what happens
    with partitions and child tables of managed tables that no revision creates.
    """
    reported: list[str] = []
    live = without_published_tables(live, known)
    if runtime_partitions is not UnmanagedPolicy.FAIL and (found := find_runtime_partitions(live, known)):
        if runtime_partitions is UnmanagedPolicy.REPORT:
            reported += [f"table {name} ({_role_in(live, name)} {RUNTIME_NOTE})" for name in found]
        live = remove_objects(live, {("table", name) for name in found})
    if policy is UnmanagedPolicy.FAIL:
        return ManagedSchema(live, tuple(reported))
    managed = known()
    unmanaged = {key for key, properties in live.objects.items() if _is_unmanaged(key, properties, managed)}
    if policy is UnmanagedPolicy.REPORT:
        reported += [f"{kind} {name}" for kind, name in unmanaged]
    return ManagedSchema(remove_objects(live, unmanaged) if unmanaged else live, tuple(sorted(reported)))


def without_published_tables(live: Snapshot, known: Callable[[], ManagedNames]) -> Snapshot:
    """Return a schema without the lists of tables of publications that no revision creates.

    A release that renames or drops a table changes such a list, and so does the owner of the replication.
    """
    lists = {
        key: {name: value for name, value in properties.items() if name not in PUBLISHED}
        for key, properties in live.objects.items()
        if key[0] == "publication" and not PUBLISHED.isdisjoint(properties)
    }
    foreign = {key: properties for key, properties in lists.items() if key not in known()} if lists else {}
    return Snapshot({**live.objects, **foreign}, live.readable_properties) if foreign else live


def find_runtime_partitions(live: Snapshot, known: Callable[[], ManagedNames]) -> list[str]:
    """Return the partitions and child tables of managed tables that no revision creates, and the partitions of these.

    Extensions and scheduled jobs create them, for example one a day (manual, 5.12 Table Partitioning, 5.11 Inheritance).
    """
    parents = {
        name: found for name, properties in live.of_kind("table") if (found := _parents_of(properties))
    }
    if not parents:
        return []
    managed = known()
    unknown = {name for name in parents if ("relation", name) not in managed}

    def belongs_to_managed(name: str) -> bool:
        if name in unknown:
            return any(map(belongs_to_managed, parents[name]))
        return ("relation", name) in managed

    return sorted(filter(belongs_to_managed, unknown))


def _role_in(live: Snapshot, name: str) -> str:
    return "partition" if "partition of" in live.objects["table", name] else "child table"


def _parents_of(properties: Mapping[str, Json]) -> set[str]:
    parent = properties.get("partition of")
    return {*properties.get("inherits", ()), *([parent] if parent else [])}


def _is_unmanaged(key: Key, properties: Mapping[str, Json], managed: ManagedNames) -> bool:
    kind, name = key
    if kind == "default privileges":  # they determine the privileges of the project's new objects
        return False
    if parent_object(kind, name, properties) is not None or (catalog_namespace(kind), name) in managed:
        return False
    return not any(("relation", table) in managed for table in _tables_of(kind, properties))


def _tables_of(kind: str, properties: Mapping[str, Json]) -> set[str]:
    """Return the tables that an object belongs to."""
    if kind == "table":
        return _parents_of(properties)
    if kind == "sequence" and "owned by" in properties:
        return {split_last(properties["owned by"])[0]}
    return find_qualified_names({"definition": properties["definition"]}) if kind == "statistics" else set()
