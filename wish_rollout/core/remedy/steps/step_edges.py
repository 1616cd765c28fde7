"""The dependencies between the steps of objects that are dropped, created and altered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.data_loss import drop_loses
from wish_rollout.core.remedy.graph.names_in_texts import WITH_QUERY, lists_columns, properties_with_names
from wish_rollout.core.remedy.graph.parts import whole_name
from wish_rollout.core.remedy.graph.schema_index import RELATIONS, parents_of
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.steps.index_edges import IndexEdges
from wish_rollout.core.remedy.steps.parent_changes import is_separated
from wish_rollout.core.remedy.writers.relations.table_parents import has_other_order
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key

_WAITED_FOR = frozenset({"column", "domain", "composite type", "enum"})
"""Kinds that are altered only after what depends on them was dropped."""

_ALWAYS_ALTERED = frozenset({"position", "inherited", "comment", "privileges"})
"""Properties of a column that change whatever depends on it."""


class StepEdges:
    """Adds to a graph which step comes before which."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph
        self.indexes = IndexEdges(draft, changes, lookup, graph)

    def order_drop(self, key: Key) -> None:
        """Put the drop of an object before those of what it needs, and before it is created again."""
        drop = self.lookup.drop_of(key)
        changes = self.changes
        if key in changes.rebuilt:
            self.graph.order(self.lookup.gone(drop), self.lookup.creation_of(key))
            attached = ("index", str(self.draft.live[key].get("attached to")))
            if self.draft.target[key].get("attached to") != attached[1]:
                self.graph.order(self.lookup.creation_of(attached), self.lookup.creation_of(key))
        above = self._dropped_above(key)
        for other in above:
            self.graph.order(Step("drop", other), drop)  # only then can it be dropped by itself
        is_generated = "generated" in self.draft.live[key]
        for other in self._needed_by_drop(key):
            if other not in above:
                self.graph.order(drop, self.lookup.drop_of(other))
            if key in changes.rebuilt and other in changes.removed:
                self.graph.order(self.lookup.drop_of(other), self.lookup.creation_of(key))
            comes_first = is_generated or not drop_loses(self.draft, key)
            waits = (
                other[0] in _WAITED_FOR
                and not changes.changed.get(other, {"": None}).keys() <= _ALWAYS_ALTERED
            )
            if waits and other not in changes.dropped and comes_first:
                self.graph.order(drop, self.lookup.creation_of(other))
                self.graph.order(drop, Step("move", other))

    def _dropped_above(self, key: Key) -> set[Key]:
        """Return the columns of parents that are dropped by themselves, as a column is that is to be dropped."""
        table = split_last(key[1])[0]
        is_alone = key[0] == "column" and self.lookup.drop_of(key) == Step("drop", key)
        if not is_alone or is_separated(self.changes, table):
            return set()
        above = self._parent_columns(*split_last(key[1]))
        return {each for each in above if self.lookup.drop_of(each) == Step("drop", each)}

    def _needed_by_drop(self, key: Key) -> set[Key]:
        """Return what an object needs, with the parents' columns, for a generated column and that of a foreign table."""
        needed = {*self.changes.before.needs(key)}
        if "generated" in self.draft.live[key]:
            for other in [each for each in needed if each[0] == "column"]:
                needed |= {*self._parent_columns(*split_last(other[1]))}
        if key[0] == "column" and ("foreign table", split_last(key[1])[0]) in self.draft.live:
            needed |= {*self._parent_columns(*split_last(key[1]))}
        return needed

    def _parent_columns(self, table: str, own: str) -> Iterator[Key]:
        """Yield the columns of a table's parents at all levels that have the same name."""
        for kind in ("table", "foreign table"):
            for parent in parents_of(self.draft.live.get((kind, table), {})):
                if ("column", f"{parent}.{own}") in self.draft.live:
                    yield "column", f"{parent}.{own}"
                    yield from self._parent_columns(parent, own)

    def order_creation(self, key: Key) -> None:
        """Put the creation or change of an object after those of what it needs in the target schema."""
        changes = self.changes
        step = self.lookup.creation_of(key)
        if key not in changes.added and key not in changes.rebuilt:
            self._order_before_drops(key, step)
        if key not in self.draft.target:
            return
        for other in set(self._wanted_by(key)) - self._kept_apart(key):
            if other == ("index", self.draft.target[key].get("attached to")):
                self.graph.order(step, self.lookup.creation_of(other))  # CREATE INDEX attaches what fits
                continue
            if key[0] == other[0] == "column" and key in self.draft.live and other in changes.added:
                self.graph.order(
                    step, self.lookup.creation_of(other)
                )  # ADD COLUMN merges with the child's own column
                continue
            self.graph.order(self.lookup.creation_of(other), step)
            self.graph.order(self.lookup.creation_of(other), Step("move", key))
            self.graph.order(Step("move", other), step)
        self._order_part(key, step)
        self.indexes.order_creation(key)
        self._order_listed(key, step)
        for flag in ("not valid", "not enforced") if key[0] == "constraint" else ():
            table, own = split_last(key[1])
            for child in changes.after.children.get(table, ()) if self.draft.target[key].get(flag) else ():
                other = ("constraint", f"{child}.{own}")
                if not self.draft.target.get(other, {flag: True}).get(flag):
                    self.graph.order(self.lookup.creation_of(other), step)  # no valid one is added below

    def _order_part(self, key: Key, step: Step | None) -> None:
        """Drop columns of a parent before a partition is attached that has the others in another order."""
        kind, name = key
        parent = str(self.draft.target[key].get("partition of"))
        if kind == "table" and key in self.changes.created and has_other_order(self.draft, name, parent):
            for other in self.changes.before.parts.get(parent, ()):
                if other[0] == "column":
                    self.graph.order(self.lookup.drop_of(other), step)

    def _order_listed(self, key: Key, step: Step | None) -> None:
        """Create a query that gives all columns of a table other names when the table has no others any longer."""
        if key[0] not in WITH_QUERY or not lists_columns(properties_with_names(*key, self.draft.target[key])):
            return
        tables = {split_last(name)[0] for kind, name in self.changes.after.needs(key) if kind == "column"}
        for table in tables:
            for other in self.changes.before.parts.get(table, ()):
                if other[0] == "column" and other not in self.draft.target:
                    self.graph.order(self.lookup.drop_of(other), step)

    def _kept_apart(self, key: Key) -> set[Key]:
        """Return the parents of a table that stays: it is separated from them and attached by steps of its own."""
        if key[0] not in {"table", "foreign table"} or key in self.changes.created:
            return set()
        return {
            ("table", each)
            for objects in (self.draft.live, self.draft.target)
            for each in parents_of(objects.get(key, {}))
        }

    def _order_before_drops(self, key: Key, step: Step | None) -> None:
        """Put the change of an object before the drops of what it does not need any longer."""
        if key[0] == "column":
            for other in self._parent_columns(*split_last(key[1])):
                self.graph.order(self.lookup.drop_of(other), step)  # no statement alters an inherited column
        for other in self.changes.before.needs(key) - self._kept_apart(key):
            if key[0] == other[0] == "column" and self.draft.live[key].get("inherited"):
                self.graph.order(self.lookup.drop_of(other), step)  # only then is the child's column its own
                continue
            if key in self.changes.reset:
                for step_of_other in (
                    self.lookup.drop_of(other),
                    self.lookup.creation_of(other),
                    Step("move", other),
                ):
                    self.graph.order(Step("set aside", key), step_of_other)
                continue
            self.graph.order(step, self.lookup.drop_of(other))
            self.graph.order(Step("move", key), self.lookup.drop_of(other))

    def _wanted_by(self, key: Key) -> Iterator[Key]:
        """Yield what an object needs in the target schema, with what belongs to the whole of that."""
        kind, name = key
        after = self.changes.after
        is_new_table = kind in {"table", "foreign table"} and key in self.changes.created
        children_of = set(parents_of(self.draft.target[key])) if is_new_table else set()
        for other in after.needs(key):
            yield other
            of, whole = other
            is_own = (
                whole_name(key, self.draft.target[key]) == whole
                or name == whole
                or name.startswith(f"{whole}.")
            )
            if of == "domain" and not is_own and other not in self.lookup.loose:
                yield from after.parts.get(whole, ())
                yield from (each for each in [("default", whole)] if each in self.draft.target)
            if of in RELATIONS and (
                whole in children_of or (kind not in {"column", "table", "sequence"} and not is_own)
            ):
                for part in after.parts.get(whole, ()):
                    if part[0] == "column":
                        yield part
                        if whole in children_of and ("default", part[1]) in self.draft.target:
                            yield "default", part[1]
