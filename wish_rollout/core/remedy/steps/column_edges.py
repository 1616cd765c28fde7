"""The order in which columns are added, and in which a sequence goes from one column to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.identity_sequences import heir, identity_before
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key


class ColumnEdges:
    """Adds to a graph the order of columns."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def add(self) -> None:
        """Add all."""
        self._order_columns()
        self._order_handover()

    def _order_columns(self) -> None:
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

    def _order_handover(self) -> None:
        """Put a sequence aside before its column becomes an identity column, and the other way round."""
        for key in sorted(self.changes.removed):
            if key[0] == "sequence" and (column := heir(self.draft, key[1])):
                self.graph.order(self.lookup.drop_of(key), self.lookup.creation_of(("column", column)))
        for key in sorted(self.changes.added):
            if key[0] == "sequence" and key in self.draft.target and identity_before(self.draft, key[1]):
                owner = ("column", self.draft.target[key]["owned by"])
                self.graph.order(self.lookup.creation_of(key), self.lookup.creation_of(owner))
