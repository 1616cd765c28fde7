"""The steps of a remedy and the dependencies between them, over both schemas at once.

A step that drops an object comes before the steps that drop what the object needs in the live schema. A step that
creates or alters an object comes after the steps that create or alter what it needs in the target schema. Circles
are broken as pg_dump breaks them: a part is dropped before its table, a default is set after its table is created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.step_graph import Step, StepGraph
from wish_rollout.core.remedy.steps.attachments import Attachments
from wish_rollout.core.remedy.steps.column_edges import ColumnEdges
from wish_rollout.core.remedy.steps.name_order import NameOrder
from wish_rollout.core.remedy.steps.rebuilding import find_rebuilt
from wish_rollout.core.remedy.steps.relation_edges import RelationEdges
from wish_rollout.core.remedy.steps.step_edges import StepEdges
from wish_rollout.core.remedy.steps.step_lookup import StepLookup
from wish_rollout.core.remedy.writers.columns.expressions import can_be_reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key

_SPLITTABLE = frozenset({"constraint", "trigger", "policy", "rule", "index", "default", "statistics"})
_ALTERED_ONLY = frozenset({"column", "domain", "enum", "composite type"})
_MOST_ROUNDS = 50


class StepBuilder:
    """Builds the graph of steps, and breaks its circles."""

    def __init__(self, draft: Draft, changes: ChangeSet) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = StepLookup(draft, changes)
        find_rebuilt(changes)

    def build(self) -> StepGraph:
        """Return the graph, without circles if that is possible."""
        graph = self._graph()
        for _ in range(_MOST_ROUNDS):
            broken = [self._break(circle) for circle in graph.circles()]
            if not any(broken):
                break
            graph = self._graph()
        return graph

    def _graph(self) -> StepGraph:
        graph = StepGraph()
        changes = self.changes
        made = sorted(changes.created | changes.changed.keys() | changes.moved | changes.reset)
        self._add_steps(graph, made)
        shared = (self.draft, changes, self.lookup, graph)
        attachments = Attachments(*shared)
        attachments.add()
        attachments.order_new_partitions()
        edges = StepEdges(*shared)
        for key in sorted(changes.dropped):
            edges.order_drop(key)
        for key in made:
            edges.order_creation(key)
        ColumnEdges(*shared).add()
        RelationEdges(*shared).add()
        NameOrder(*shared).add()
        return graph

    def _add_steps(self, graph: StepGraph, made: list[Key]) -> None:
        for key in sorted(self.changes.dropped):
            if (step := self.lookup.drop_of(key)) is not None and step.key == key:
                graph.add(step)
            if self.changes.replaced(key):
                graph.add(Step("set aside", key))
        for key in made:
            if (step := self.lookup.creation_of(key)) is not None:
                graph.add(step)
            if key in self.changes.moved | self.changes.reset:
                graph.add(Step("move", key))
            if key in self.changes.reset:
                graph.add(Step("set aside", key))
                graph.order(Step("set aside", key), Step("move", key))

    def _break(self, circle: set[Step]) -> bool:
        """Split off the parts that close a circle; else drop and create again what would be altered."""
        found = {key for step in circle for key in self._closing(step, circle)}
        self.lookup.split |= found
        return bool(found) or any(self._loosen(step) for step in sorted(circle))

    def _loosen(self, step: Step) -> bool:
        """Drop and create again what would be altered, or create a domain before its constraints."""
        changes, key = self.changes, step.key
        is_new = step.verb == "alter" and key[0] not in _ALTERED_ONLY and key not in changes.forced
        if is_new and changes.can_be_rebuilt(key):
            changes.forced.add(key)
            find_rebuilt(changes)
            return True
        if key[0] == "column" and step.verb == "alter" and key not in changes.forced_resets:
            if not can_be_reset(self.draft, key):
                return False
            changes.forced_resets.add(key)
            find_rebuilt(changes)
            return True
        if key[0] == "domain" and step.verb == "create" and key not in self.lookup.loose:
            self.lookup.loose.add(key)
            return True
        return False

    def _closing(self, step: Step, circle: set[Step]) -> Iterator[Key]:
        """Yield the parts that are dropped or created with a step, and because of which it is in a circle."""
        changes, lookup = self.changes, self.lookup
        others = circle - {step}
        for key in changes.dropped if step.verb == "drop" else ():
            if "attached to" in self.draft.live[key]:
                continue  # it is dropped with the parent's index only
            if key[0] in _SPLITTABLE and key != step.key and lookup.drop_of(key) == step:
                needed = changes.before.needs(key)
                steps = {lookup.drop_of(each) for each in needed} | {
                    lookup.creation_of(each) for each in needed
                }
                if steps & others:
                    yield key
        for key in changes.created if step.verb == "create" else ():
            if key[0] == "default" and lookup.creation_of(key) == step:
                creations = {lookup.creation_of(each) for each in changes.after.needs(key)}
                if creations & others:
                    yield key
