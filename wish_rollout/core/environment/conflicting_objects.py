"""Objects of a database that conflict with objects that a pending release would create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.names import parent_object
from wish_rollout.core.schema.snapshot import remove_objects, select_object
from wish_rollout.core.text.sql_tokens import read_name, tokenize_statements, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot

RELATIONS = frozenset(
    {"table", "view", "materialized view", "sequence", "index", "foreign table", "composite type"}
)
"""Kinds whose names are in pg_class (manual, 52.11)."""
TYPES = frozenset({"enum", "domain", "composite type", "range type", "base type"})
"""Kinds whose names are in pg_type, as are the row types of tables (manual, 52.64)."""
KINDS_WITH_ROW_TYPE = frozenset({"table", "view", "materialized view", "foreign table"})
ROUTINES = frozenset({"function", "procedure", "aggregate"})


@dataclass(frozen=True, slots=True)
class ConflictingObject:
    """An object whose name the release needs.

    ``difference``: the delta from the object to the one that the release would create; empty if it is the same.
    """

    kind: str
    name: str
    expected_kind: str
    difference: Delta

    @property
    def identical(self) -> bool:
        """Whether the object is exactly the one that the release would create."""
        return self.kind == self.expected_kind and not self.difference

    def __str__(self) -> str:
        if self.kind != self.expected_kind:
            return f"{self.kind} {self.name} (the release needs a {self.expected_kind})"
        if self.identical:
            return f"{self.kind} {self.name} (exactly as the release would create it)"
        return f"{self.kind} {self.name} (missing changes: {summarize_delta(self.difference)})"


def find_conflicting_objects(
    promised: Delta, wanted: Snapshot, live: Snapshot
) -> tuple[ConflictingObject, ...]:
    """Return the whole objects that the promised delta adds and the live schema has already.

    An object that the delta removes is no conflict: a release may rename a table and create a view with the
    table's old name.
    """
    by_name = {(catalog_namespace(kind), name): kind for kind, name in live.objects}
    # the row type of a relation has the relation's name in pg_type
    by_name |= {
        ("type", name): kind
        for kind, name in live.objects
        if kind in KINDS_WITH_ROW_TYPE and ("type", name) not in by_name
    }
    added = {change.name for change in promised.changes if change.change == "added"}
    removed = {(change.kind, change.name) for change in promised.changes if change.change == "removed"}
    found = []
    for change in promised.changes:
        properties = wanted.objects.get((change.kind, change.name), {})
        if change.change != "added" or parent_object(change.kind, change.name, properties) in added:
            continue
        kind = by_name.get((catalog_namespace(change.kind), change.name))
        if kind is not None and (kind, change.name) not in removed:
            missing = difference(
                select_object(live, kind, change.name), select_object(wanted, change.kind, change.name)
            )
            found.append(ConflictingObject(kind, change.name, change.kind, missing))
    return tuple(found)


def is_created_if_missing(found: ConflictingObject, statements: Iterable[str]) -> bool:
    """Return whether a statement creates this object only if it does not exist.

    Then an extension or a schema that the platform has created is used as it is.
    """
    if found.kind not in ("extension", "schema") or found.kind != found.expected_kind:
        return False
    phrase = ("create", found.kind, "if", "not", "exists")
    for text in statements:
        for tokens in tokenize_statements(text) if found.kind in text.lower() else ():
            if tokens[:5] == phrase and read_name(tokens, 5)[0] == (unquote_identifier(found.name),):
                return True
    return False


def catalog_namespace(kind: str) -> str:
    """Return the namespace of a kind's names: kinds with the same namespace cannot share a name."""
    for kinds, namespace in ((RELATIONS, "relation"), (TYPES, "type"), (ROUTINES, "routine")):
        if kind in kinds:
            return namespace
    return kind


def remove_conflicting_objects(snapshot: Snapshot, found: Iterable[ConflictingObject]) -> Snapshot:
    """Return a snapshot without the conflicting objects and their parts."""
    return remove_objects(snapshot, {(conflicting.kind, conflicting.name) for conflicting in found})
