"""Tables and sequences that are separated from what they belong to, or attached to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors, parents_of
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.partition_bounds import may_overlap
from wish_rollout.core.remedy.steps.index_attachment import attaching_indexes, indexed_table
from wish_rollout.core.remedy.steps.parent_changes import comes_later, later_checks, referencing_keys
from wish_rollout.core.remedy.writers.relations.table_parts import is_copy
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key

_COPIED = frozenset({"index", "constraint", "trigger"})
_PARENTS = ("partition of", "partition bound", "inherits")


class Attachments:
    """Adds the steps ``detach`` and ``attach``, and their places in the order."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def add(self) -> None:
        """Add the steps that separate tables from parents first, and attach them to new ones last."""
        detached: list[tuple[Key, list[str]]] = []
        attached: list[tuple[Key, list[str], list[str]]] = []
        for key, pairs in sorted(self.changes.changed.items()):
            if key[0] == "sequence" and "owned by" in pairs:
                self._detach_sequence(key)
            if self._has_new_parents(key):
                old, new = parents_of(self.draft.live[key]), parents_of(self.draft.target[key])
                if old and ("partition of" in pairs or "inherits" not in pairs or not new):
                    self.graph.add(Step("detach", key))
                    detached.append((key, old))
                if new:
                    self.graph.add(Step("attach", key))
                    attached.append((key, old, new))
        for key, old in detached:
            self._order_detach(key, old)
            for other in referencing_keys(self.changes, key):
                self.graph.order(self.lookup.drop_of(other), Step("detach", key))
                self.graph.order(Step("attach", key), self.lookup.creation_of(other))
        for key, old, new in attached:
            self._order_attach(key, old, new)

    def _has_new_parents(self, key: Key) -> bool:
        """Return whether a table that stays is separated from parents or attached to others."""
        is_table = key[0] in {"table", "foreign table"} and key not in self.changes.rebuilt
        return is_table and any(name in self.changes.changed[key] for name in _PARENTS)

    def order_new_partitions(self) -> None:
        """Create partitions after others have gone."""
        for key in sorted(self.changes.created & self.draft.target.keys()):
            is_table = key[0] in {"table", "foreign table"}
            if is_table and (parent := self.draft.target[key].get("partition of")):
                self._order_siblings(Step("create", key), parent)

    def _detach_sequence(self, key: Key) -> None:
        owner = self.draft.live[key].get("owned by")
        if owner is not None and (
            drop := self.lookup.drop_of(("column", owner))
            or self.lookup.drop_of(("table", split_last(owner)[0]))
        ):
            self.graph.add(Step("detach", key))
            self.graph.order(Step("detach", key), drop)

    def _order_detach(self, key: Key, old: list[str]) -> None:
        step = Step("detach", key)
        for table in ancestors(self.draft.live, key[1]):
            self.graph.order(step, Step("detach", (key[0], table)))  # whose parts it still has a copy of
        for table in [key[1], *old]:
            for other in [(key[0], table), *self.changes.before.parts.get(table, ())]:
                if (
                    other[0] in {"index", "constraint"}
                    and table != key[1]
                    and self._is_attached_again(key, table)
                ):
                    self.graph.order(self.lookup.drop_of(other), step)  # and the table's copy with it
                elif other != key or key in self.changes.dropped:
                    self.graph.order(step, self.lookup.drop_of(other))
                self.graph.order(step, self.lookup.creation_of(other))

    def _is_attached_again(self, key: Key, parent: str) -> bool:
        """Return whether a table is separated from a parent only to be attached to it with another bound."""
        return parent in parents_of(self.draft.target[key])

    def _order_attach(self, key: Key, old: list[str], new: list[str]) -> None:
        step = Step("attach", key)
        for parent in (each for each in old if ("table", each) not in self.changes.rebuilt):
            self.graph.order(step, self.lookup.drop_of((key[0], parent)))
        if "partition of" in self.draft.target[key]:
            self._order_columns(step, [], new)
            self._order_siblings(step, new[0])
            self._order_children(step)
        else:
            self._order_columns(step, old, new)
        self._order_drops(step, set(old) - set(new))
        later = later_checks(self.changes, key)
        for other in later:
            self.graph.order(self.lookup.drop_of(other), step)
            self.graph.order(step, self.lookup.creation_of(other))
        self._order_parts(key, new, later)

    def _order_parts(self, key: Key, new: list[str], later: list[Key]) -> None:
        """Create the parts of a table and its new parents first, except those that the table gets from a parent."""
        step = Step("attach", key)
        for table in (key[1], *new):
            for other in [(key[0], table), *self.changes.after.parts.get(table, ())]:
                if other[0] == "column" and comes_later(self.changes, key, split_last(other[1])[1], new):
                    if table != key[1]:
                        self.graph.order(step, self.lookup.creation_of(other))
                elif other[0] in _COPIED and self._follows(key, other, new):
                    self.graph.order(step, self.lookup.creation_of(other))
                elif (
                    other not in later
                    and self.draft.target[other].get("type") != "foreign key"
                    and other[0] != "trigger"
                ):
                    self.graph.order(self.lookup.creation_of(other), step)
                    self.graph.order(Step("move", other), step)

    def _follows(self, key: Key, other: Key, new: list[str]) -> bool:
        """Return whether a part is created after a table was attached: a copy, or an index that is to have no part there."""
        if is_copy(self.draft.target, other):
            return True
        table = indexed_table(other, self.draft.target[other])
        if table not in {key[1], *new}:
            return False
        if table == key[1] and any(True for _ in attaching_indexes(self.changes.after, other)):
            return True
        return (table in new and bool(self.draft.target[other].get("invalid"))) or any(
            each[0] == "column" and comes_later(self.changes, key, split_last(each[1])[1], new)
            for each in self.changes.after.needs(other)
        )

    def _order_siblings(self, step: Step, parent: str) -> None:
        """Create or attach a partition after the drop or separation of others whose bounds overlap with its own."""
        bound = self.draft.target[step.key]["partition bound"]
        for sibling in self.changes.before.children.get(parent, ()):
            for key in (("table", sibling), ("foreign table", sibling)):
                live = self.draft.live.get(key) if key != step.key else None
                if live is not None and may_overlap(str(live.get("partition bound")), bound):
                    self.graph.order(self.lookup.drop_of(key), step)
                    self.graph.order(Step("detach", key), step)

    def _order_children(self, step: Step) -> None:
        """Attach a table as a partition after it has lost its children, which no partition can have."""
        if "partition by" not in self.draft.live.get(step.key, {}):
            for child in self.changes.before.children.get(step.key[1], ()):
                self.graph.order(self.lookup.drop_of(("table", child)), step)
                self.graph.order(Step("detach", ("table", child)), step)
                self.graph.order(Step("attach", ("table", child)), step)

    def _order_drops(self, step: Step, leaving: set[str]) -> None:
        """Drop the parts of a table before it is attached, and afterwards the columns that it has from a former parent."""
        key, live = step.key, self.draft.live
        is_partition = "partition of" in self.draft.target[key]
        for other in self.changes.before.parts.get(key[1], ()):
            own = split_last(other[1])[1]
            is_parents = any(("column", f"{each}.{own}") in live for each in leaving)
            if other[0] == "column" and is_parents and not is_partition:
                self.graph.order(step, self.lookup.drop_of(other))  # only then is it the table's own
            elif other[0] == "constraint" and any(
                ("constraint", f"{each}.{own}") in live for each in leaving
            ):
                self.graph.order(step, self.lookup.drop_of(other))  # an inherited one cannot be dropped
            elif other[0] in {"constraint", "index"} or (
                other[0] == "column" and (is_partition or not live[other].get("inherited"))
            ):
                self.graph.order(self.lookup.drop_of(other), step)

    def _order_columns(self, step: Step, old: list[str], new: list[str]) -> None:
        """Change the columns of former parents later, and drop before what a table does not have of its new ones."""
        for parent in set(old) - set(new):
            for parts in (self.changes.before.parts, self.changes.after.parts):
                for other in parts.get(parent, ()):
                    if other[0] == "column":
                        self.graph.order(step, self.lookup.drop_of(other))
                        self.graph.order(step, self.lookup.creation_of(other))
        for parent in set(new) - set(old):
            for other in self.changes.before.parts.get(parent, ()):
                if other[0] == "column":
                    self.graph.order(self.lookup.drop_of(other), step)
