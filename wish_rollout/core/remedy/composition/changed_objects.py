"""The statements that create or alter one object. Owner, privileges and comment come last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.composition.references import LATER
from wish_rollout.core.remedy.graph.parts import SEPARATED, reported
from wish_rollout.core.remedy.graph.schema_index import RELATIONS
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.writers import privileges, schemas
from wish_rollout.core.remedy.writers.by_kind import WRITERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.graph.step_graph import Step
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key

BESIDE = ("owner", "privileges", "comment", "index comment", "depends on extensions")
_ONLY_RECORDED = ("replica identity", "referenced index", "index names")


class ChangedObjects:
    """Writes the statements of one object. ``last``: those that come after everything that the owner has to do."""

    def __init__(
        self, draft: Draft, changes: ChangeSet, lookup: StepLookup, marked: Collection[Step]
    ) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.marked = marked
        self.last: list[Statement] = []

    def create(self, key: Key) -> list[str]:
        """Return the statements that create an object."""
        kind, name = key
        if kind == "default privileges":
            return self._default_privileges(key)
        properties = dict(self.draft.target[key])
        for only_recorded in _ONLY_RECORDED:
            properties.pop(only_recorded, None)
        beside: Pairs = {}
        if kind != "column":
            beside = {part: (None, properties.pop(part)) for part in BESIDE if part in properties}
        made = WRITERS[kind].create(self.draft, name, properties)
        for left in properties:
            self.draft.gap(*reported(key), f"its {left} is not covered")
        self._beside(key, beside, created=True)
        return made

    def alter(self, key: Key) -> list[str]:
        """Return the statements that alter an object."""
        kind, name = key
        if kind == "default privileges":
            return self._default_privileges(key)
        if key in self.changes.attached_indexes:
            return [
                f"ALTER INDEX {name} ATTACH PARTITION {each}" for each in self.changes.attached_indexes[key]
            ]
        pairs = dict(self.changes.changed[key])
        if key in self.changes.reset:
            pairs.pop("generated", None)  # a step of its own restores it
        for later in LATER:
            pairs.pop(later, None)
        writer = WRITERS.get(kind)
        beside: Pairs = {}
        if kind != "column":
            beside = {part: pairs.pop(part) for part in BESIDE if part in pairs}
        made = writer.alter(self.draft, name, pairs) if writer and writer.alter else []
        for left in pairs:
            self.draft.gap(*reported(key), f"its {left} cannot be changed afterwards")
        self._beside(key, beside)
        return made

    def _default_privileges(self, key: Key) -> list[str]:
        before, after = (
            each.get(key, {}).get("privileges", {}) for each in (self.draft.live, self.draft.target)
        )
        return schemas.default_privileges(self.draft, key[1], before, after)

    def _beside(self, key: Key, pairs: Pairs, *, created: bool = False) -> None:
        """Write owner, privileges and comment, which come after everything that the owner has to do."""
        kind, name = key
        if kind in SEPARATED:
            return
        step = self.lookup.creation_of(key)
        marked = step in self.marked and created
        regrant = {"privileges", "owner"} & pairs.keys() and kind in RELATIONS and not created
        if pairs or created:
            made = privileges.finish(self.draft, kind, name, pairs, created=created)
            self.last += [Statement(sql, kind, name, marked) for sql in made]
        for left in pairs:
            self.draft.gap(kind, name, f"its {left} is not covered")
        if regrant:
            for column in self.draft.columns(self.draft.target, name):
                held = self.draft.target["column", column].get("privileges")
                self.draft.column_privileges.setdefault(column, (held, held))
