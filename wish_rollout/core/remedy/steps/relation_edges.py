"""The order of steps of several tables: own columns and checks of children, columns with row types, persistence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors, parents_of, relation
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.graph.structure import partitions_below
from wish_rollout.core.remedy.row_types import rewritten_type, row_type_users
from wish_rollout.core.remedy.writers.data_types.row_type_limits import has_value
from wish_rollout.core.remedy.writers.relations.table_parts import original_trigger
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup


class RelationEdges:
    """Adds to a graph the order of steps that no dependency of one object on another tells."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def add(self) -> None:
        """Add all."""
        self._order_own_columns()
        self._order_other_types()
        self._order_own_checks()
        self._order_row_types()
        self._order_foreign_keys()
        self._order_persistence()
        self._order_copied_triggers()

    def _order_own_columns(self) -> None:
        """Add a column of a child's own before that of its parent, which ADD COLUMN merges with it."""
        for key in sorted(self.changes.added):
            if (
                key[0] == "column"
                and key in self.draft.target
                and not self.draft.target[key].get("inherited")
            ):
                table, own = split_last(key[1])
                for parent in parents_of(relation(self.draft.target, table)):
                    if parent in parents_of(relation(self.draft.live, table)):
                        above = self.lookup.creation_of(("column", f"{parent}.{own}"))
                        self.graph.order(self.lookup.creation_of(key), above)

    def _order_other_types(self) -> None:
        """Drop a parent's column before a child is created that has one of another type, and the other way round."""
        live, target = self.draft.live, self.draft.target
        for key in sorted(each for each in self.changes.created & target.keys() if each[0] == "column"):
            table, own = split_last(key[1])
            for other in [*ancestors(target, table), *self._below(table)]:
                each = ("column", f"{other}.{own}")
                if each in self.changes.dropped and live[each]["type"] != target[key]["type"]:
                    self.graph.order(self.lookup.drop_of(each), self.lookup.creation_of(key))

    def _below(self, table: str) -> Iterator[str]:
        """Yield the live tables that inherit from a table, at all levels."""
        for child in self.changes.before.children.get(table, ()):
            yield child
            yield from self._below(child)

    def _order_own_checks(self) -> None:
        """Drop a check of a child's own after that of its parent, and before the parent gets another one of the name."""
        for key in sorted(self.changes.dropped):
            if key[0] == "constraint" and self.lookup.drop_of(key) == Step("drop", key):
                table, own = split_last(key[1])
                for parent in ancestors(self.draft.live, table):
                    above = ("constraint", f"{parent}.{own}")
                    self.graph.order(Step("drop", above), Step("drop", key))
                    self.graph.order(Step("drop", key), Step("create", above))

    def _order_row_types(self) -> None:
        """Change rows and attributes while no column has their type, even if that column is dropped with its values."""
        new_users = row_type_users(self.draft.target)
        rewritten = [(key, rewritten_type(key, pairs)) for key, pairs in self.changes.changed.items()]
        rewritten += [
            (key, split_last(key[1])[0])
            for key in self.changes.added & self.draft.target.keys()
            if key[0] == "column" and has_value(self.draft, key[1])
        ]
        for key, name in rewritten:
            if name is not None:
                step = self.lookup.creation_of(key)
                for other in self.draft.row_type_users.get(name, ()):
                    self.graph.order(self.lookup.drop_of(other), step)
                    self.graph.order(self.lookup.creation_of(other), step)
                for other in new_users.get(name, set()) & self.changes.created:
                    self.graph.order(step, self.lookup.creation_of(other))

    def _order_foreign_keys(self) -> None:
        """Drop partitions before a foreign key references their table: it would need them."""
        for key in sorted(self.changes.created & self.draft.target.keys()):
            if self.draft.target[key].get("type") == "foreign key":
                for below in partitions_below(self.changes.before, self.draft.target[key]["references"]):
                    self.graph.order(self.lookup.drop_of(below), self.lookup.creation_of(key))

    def _order_persistence(self) -> None:
        """Make referenced tables logged first, and unlogged last: no logged table references an unlogged one."""
        for key, pairs in sorted(self.changes.changed.items()):
            if key[0] != "table" or "persistence" not in pairs:
                continue
            for other in self.changes.before.dependents.get(key, ()):
                if self.draft.live[other].get("references") == key[1]:
                    step = self.lookup.creation_of(key)
                    referencing = self.lookup.creation_of(("table", split_last(other[1])[0]))
                    if other in self.changes.rebuilt:
                        for each in (step, referencing):
                            self.graph.order(self.lookup.drop_of(other), each)
                            self.graph.order(each, self.lookup.creation_of(other))
                        continue
                    self.graph.order(
                        *((referencing, step) if pairs["persistence"][1] else (step, referencing))
                    )

    def _order_copied_triggers(self) -> None:
        """Set when a partition's copy of a trigger fires after the trigger of the table above was created."""
        for key in sorted(self.changes.created | self.changes.changed.keys()):
            if key[0] == "trigger" and (original := original_trigger(self.draft.target, key[1])):
                above = self.lookup.creation_of(("trigger", original))
                self.graph.order(above, self.lookup.creation_of(key))
