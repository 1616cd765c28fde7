"""The dependencies between the steps of objects that are dropped, created and altered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.data_loss import drop_loses
from wish_rollout.core.remedy.graph.parts import whole_name
from wish_rollout.core.remedy.graph.schema_index import RELATIONS, ancestors, parents_of
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.graph.structure import partitions_below
from wish_rollout.core.remedy.identity_sequences import heir, identity_before
from wish_rollout.core.remedy.steps.index_attachment import attaching_indexes, indexed_table, shape_of
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


class StepEdges:
    """Adds to a graph which step comes before which."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def order_columns(self) -> None:
        """Add the columns of a table in their order."""
        last: dict[str, Step] = {}
        added = [key for key in self.changes.created if key[0] == "column" and key in self.draft.target]
        for key in sorted(
            added, key=lambda each: (split_last(each[1])[0], self.draft.target[each]["position"])
        ):
            table = split_last(key[1])[0]
            step = self._addition_of(key)
            if step in self.graph.steps:
                if table in last:
                    self.graph.order(last[table], step)
                last[table] = step

    def _addition_of(self, key: Key) -> Step:
        """Return the step that adds a column: its own, or that of the parent's column."""
        if self.draft.target[key].get("inherited"):
            for other in sorted(self.changes.after.needs(key)):
                if other[0] == "column" and Step("create", other) in self.graph.steps:
                    return self._addition_of(other)
        return Step("create", key)

    def order_drop(self, key: Key) -> None:
        """Put the drop of an object before those of what it needs, and before it is created again."""
        drop = self.lookup.drop_of(key)
        changes = self.changes
        if key in changes.rebuilt:
            self.graph.order(self.lookup.gone(drop), self.lookup.creation_of(key))
            attached = ("index", str(self.draft.live[key].get("attached to")))
            if self.draft.target[key].get("attached to") != attached[1]:
                self.graph.order(self.lookup.creation_of(attached), self.lookup.creation_of(key))
        is_separated = "partition bound" in changes.changed.get(("table", split_last(key[1])[0]), {})
        if key[0] == "column" and drop == Step("drop", key) and not is_separated:
            for other in self._parent_columns(*split_last(key[1])):
                if self.lookup.drop_of(other) == Step("drop", other):
                    self.graph.order(Step("drop", other), drop)  # only then can it be dropped by itself
        is_generated = "generated" in self.draft.live[key]
        for other in self._needed_by_drop(key):
            self.graph.order(drop, self.lookup.drop_of(other))
            if key in changes.rebuilt and other in changes.removed:
                self.graph.order(self.lookup.drop_of(other), self.lookup.creation_of(key))
            is_in_the_way = is_generated or not drop_loses(self.draft, key)
            if other[0] in _WAITED_FOR and other not in changes.dropped and is_in_the_way:
                self.graph.order(drop, self.lookup.creation_of(other))
                self.graph.order(drop, Step("move", other))

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
        for index in attaching_indexes(changes.after, key):
            self.graph.order(self.lookup.creation_of(index), step)  # it gets copies of its own first
        for flag in ("not valid", "not enforced") if key[0] == "constraint" else ():
            table, own = split_last(key[1])
            for child in changes.after.children.get(table, ()) if self.draft.target[key].get(flag) else ():
                other = ("constraint", f"{child}.{own}")
                if not self.draft.target.get(other, {flag: True}).get(flag):
                    self.graph.order(self.lookup.creation_of(other), step)  # no valid one is added below

    def _order_part(self, key: Key, step: Step | None) -> None:
        """Drop columns of a parent before a part is attached, and foreign parts before a parent has an index."""
        kind, name = key
        parent = str(self.draft.target[key].get("partition of"))
        if kind == "table" and key in self.changes.created and has_other_order(self.draft, name, parent):
            for other in self.changes.before.parts.get(parent, ()):
                if other[0] == "column":
                    self.graph.order(self.lookup.drop_of(other), step)
        if table := indexed_table(key, self.draft.target[key]):
            for child in self.changes.before.children.get(table, ()):
                self.graph.order(self.lookup.drop_of(("foreign table", child)), step)
            self._order_key(key, table, step)

    def _order_key(self, key: Key, table: str, step: Step | None) -> None:
        """Add a key after that of a parent was dropped, with its copy, and after partitions that cannot have it."""
        wanted = shape_of(self.draft.target[key])
        for below in partitions_below(self.changes.before, table):
            if wanted[0] and "partition by" in self.draft.live[below]:
                self.graph.order(self.lookup.drop_of(below), step)
        for above in ancestors(self.draft.live, table):
            for other in self.changes.before.parts.get(above, ()):
                live = self.draft.live[other]
                if indexed_table(other, live) and shape_of(live) == wanted:
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

    def order_handover(self) -> None:
        """Put a sequence aside before its column becomes an identity column, and the other way round."""
        for key in sorted(self.changes.removed):
            if key[0] == "sequence" and (column := heir(self.draft, key[1])):
                self.graph.order(self.lookup.drop_of(key), self.lookup.creation_of(("column", column)))
        for key in sorted(self.changes.added):
            if key[0] == "sequence" and key in self.draft.target and identity_before(self.draft, key[1]):
                owner = ("column", self.draft.target[key]["owned by"])
                self.graph.order(self.lookup.creation_of(key), self.lookup.creation_of(owner))
