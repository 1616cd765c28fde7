"""Names that pass from one object to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ROUTINES, plain_name
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.steps.name_claims import claims

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key


class NameOrder:
    """Adds to a graph that a name is free before another object gets it."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.graph = graph

    def add(self) -> None:
        """Put the drop of what has a name before the creation of what gets the name."""
        dropped: dict[tuple[str, str], list[Step | None]] = {}
        removed: dict[str, list[Step | None]] = {}
        for key in sorted(self.changes.dropped):
            step = self.lookup.drop_of(key)
            for name in claims(key, self.draft.live[key]):
                dropped.setdefault(name, []).append(self.lookup.gone(step))
            if key[0] in ROUTINES:
                removed.setdefault(plain_name(*key), []).append(step)
        for key in sorted(self.changes.created | self.changes.changed.keys() | self.changes.reset):
            if key in self.draft.target:
                step = self.lookup.creation_of(key)
                earlier = [
                    each for name in claims(key, self.draft.target[key]) for each in dropped.get(name, ())
                ]
                for each in [*earlier, *self._overloads(key, removed)]:
                    self.graph.order(each, step)
                    self.graph.order(each, Step("move", key))

    def _overloads(self, key: Key, removed: Mapping[str, list[Step | None]]) -> Iterator[Step | None]:
        """Yield the drops of routines whose name an object's text could mean as well."""
        for other in self.changes.after.needs(key):
            if other[0] in ROUTINES:
                yield from removed.get(plain_name(*other), ())
