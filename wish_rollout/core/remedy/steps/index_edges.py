"""The order of indexes, keys and the partitions that get copies of them. Manual, CREATE INDEX, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors
from wish_rollout.core.remedy.graph.structure import partitions_below
from wish_rollout.core.remedy.steps.index_attachment import attaching_indexes, indexed_table, shape_of

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import Step, StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key


class IndexEdges:
    """Adds to a graph the order of indexes and of constraints that have one."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def order_creation(self, key: Key) -> None:
        """Put the creation of an index in its place."""
        step = self.lookup.creation_of(key)
        for index in attaching_indexes(self.changes.after, key):
            self.graph.order(self.lookup.creation_of(index), step)  # it gets copies of its own first
        table = indexed_table(key, self.draft.target[key])
        if table is None:
            return
        for child in self.changes.before.children.get(table, ()):
            self.graph.order(self.lookup.drop_of(("foreign table", child)), step)
        if self.draft.target[key].get("invalid"):
            for child in self.changes.after.children.get(table, ()):
                self.graph.order(
                    self.lookup.creation_of(("table", child)), step
                )  # a new one would get a copy
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
