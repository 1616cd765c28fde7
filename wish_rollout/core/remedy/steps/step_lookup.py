"""Which step drops, creates or alters an object: its own, or that of what it comes or goes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import DEFINITION, whole_name
from wish_rollout.core.remedy.graph.schema_index import RELATIONS, WHOLES, parents_of
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.identity_sequences import heir
from wish_rollout.core.remedy.writers.relations.table_parts import original_trigger
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key

VIEWS = ("view", "materialized view")
COPIED = ("constraint", "trigger")


class StepLookup:
    """Finds the step of an object. ``split``: parts that are dropped, and defaults that are set, by themselves.

    ``loose``: domains that are used before their constraints exist.
    """

    def __init__(self, draft: Draft, changes: ChangeSet) -> None:
        self.draft = draft
        self.changes = changes
        self.split: set[Key] = set()
        self.loose: set[Key] = set()

    def drop_of(self, key: Key) -> Step | None:
        """Return the step that drops an object: its own, or that of what it goes along with."""
        while key in self.changes.dropped:
            above = self._goes_along(key)
            if above is None:
                return Step("drop", key)
            key = above
        return None

    def creation_of(self, key: Key) -> Step | None:
        """Return the step that creates or alters an object: its own, or that of what it comes with."""
        changes = self.changes
        if key in changes.created and key in self.draft.target:
            return self._comes_with(key) or Step("create", key)
        if key in changes.changed and key not in changes.rebuilt:
            return self._comes_with(key) or Step("alter", key)
        return Step("move", key) if key in changes.moved | changes.reset else None

    def _goes_along(self, key: Key) -> Key | None:  # noqa: C901, PLR0911 - one return for each reason
        kind, name = key
        dropped = self.changes.dropped
        live = self.draft.live
        if key in self.split:
            return None
        if kind == "default":
            owners = [("column", name), ("domain", name), *((of, split_last(name)[0]) for of in RELATIONS)]
            return next((each for each in owners if each in dropped), None)
        if kind == DEFINITION:
            return next((each for each in [("base type", name)] if each in dropped), None)
        whole = whole_name(key, live[key])
        if whole is not None:
            for of in WHOLES:
                if (of, whole) in dropped:
                    return of, whole
        if kind == "sequence":
            return self._owner_dropped(name)
        if kind == "column" and live[key].get("inherited"):
            return self.parent_column_dropped(name)
        if kind == "function":
            return self._base_type_of(key)
        if kind in COPIED and (original := self._original_dropped(key)):
            return original
        copied = ("index", str(live[key].get("copy of")))
        if copied in dropped and not self._is_of_separated(key):
            return copied
        attached = ("index", str(live[key].get("attached to")))
        return attached if attached in dropped else None

    def _is_of_separated(self, key: Key) -> bool:
        """Return whether an index is of a partition that keeps its copies while its table is created again."""
        return ("table", str(self.draft.live[key].get("table"))) in self.changes.separated

    def _original_dropped(self, key: Key) -> Key | None:
        """Return the dropped constraint or trigger of which this is an inherited copy: the copy is dropped with it."""
        kind, name = key
        live, (table, own) = self.draft.live, split_last(name)
        target = self.draft.target.get(("table", table))
        if target is not None and parents_of(target) != parents_of(live.get(("table", table), {})):
            return None
        if kind == "trigger":
            names = [original] if (original := original_trigger(live, name)) else []
        else:
            names = [*self._original_constraints(table, own)] if live[key].get("copy") else []
        if names and all((kind, each) in self.changes.dropped for each in names):
            return kind, names[0]
        return None

    def _original_constraints(self, table: str, own: str) -> Iterator[str]:
        """Yield the constraints of parents, and of their parents, from which a constraint is inherited."""
        live = self.draft.live
        for parent in parents_of(live.get(("table", table), {})):
            properties = live.get(("constraint", f"{parent}.{own}"))
            if properties is not None and not properties.get("copy"):
                yield f"{parent}.{own}"
            else:
                yield from self._original_constraints(parent, own)

    def _owner_dropped(self, sequence: str) -> Key | None:
        """Return the column or table with which a sequence is dropped."""
        owner = self.draft.live["sequence", sequence].get("owned by")
        if owner is None or heir(self.draft, sequence):
            return None
        owners = [("column", owner), ("table", split_last(owner)[0])]
        return next((each for each in owners if each in self.changes.dropped), None)

    def _base_type_of(self, function: Key) -> Key | None:
        """Return the base type that is dropped with its functions: each depends on the other."""
        before = self.changes.before
        for key in before.dependents.get(function, ()):
            base_type = ("base type", key[1])
            removed = key[0] == DEFINITION and base_type in self.changes.removed
            if removed and base_type in before.needs(function):
                return base_type
        return None

    def parent_column_dropped(self, column: str) -> Key | None:
        """Return the parent's column whose DROP COLUMN takes an inherited column along."""
        table, own = split_last(column)
        for of in ("table", "foreign table"):
            if "partition bound" in self.changes.changed.get((of, table), {}):
                continue  # it is separated meanwhile
            parents = parents_of(self.draft.live.get((of, table), {}))
            kept = parents_of(self.draft.target.get((of, table), self.draft.live.get((of, table), {})))
            for parent in parents:
                key = ("column", f"{parent}.{own}")
                if parent in kept and key in self.changes.dropped and not self.keeps_children(key[1]):
                    return key
        return None

    def keeps_children(self, column: str) -> bool:
        """Return whether a child keeps its own column of that name when the parent's is dropped."""
        table, own = split_last(column)
        columns = [f"{child}.{own}" for child in self.changes.before.children.get(table, ())]
        return any(self._stays(("column", each)) or self.keeps_children(each) for each in columns)

    def _stays(self, key: Key) -> bool:
        return key in self.draft.target and key not in self.changes.dropped

    def _comes_with(self, key: Key) -> Step | None:
        kind, name = key
        changes = self.changes
        if kind == "column":
            whole = split_last(name)[0]
            for of in RELATIONS:
                if (of, whole) in changes.created and (of, whole) in self.draft.target:
                    return Step("create", (of, whole))
                if of in VIEWS and (of, whole) in changes.changed and key in changes.added:
                    return Step("alter", (of, whole))
        if kind == "default" and key not in self.split:
            if ("domain", name) in changes.created:
                return Step("create", ("domain", name))
            if ("column", name) in changes.created and not self._of_view(name):
                return self._comes_with(("column", name)) or Step("create", ("column", name))
        return None

    def _of_view(self, column: str) -> bool:
        return any((of, split_last(column)[0]) in self.draft.target for of in VIEWS)

    def gone(self, drop: Step | None) -> Step | None:
        """Return the step after which the name of a dropped object is free."""
        if drop is not None and self.changes.replaced(drop.key):
            return Step("set aside", drop.key)
        return drop
