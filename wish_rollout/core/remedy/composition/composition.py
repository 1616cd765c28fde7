"""The statements of a remedy, in the order of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.column_placement import note_places
from wish_rollout.core.remedy.composition.changed_objects import ChangedObjects
from wish_rollout.core.remedy.composition.copy_comments import comments_again
from wish_rollout.core.remedy.composition.drop_statements import DropStatements
from wish_rollout.core.remedy.composition.lossy_steps import lossy_steps
from wish_rollout.core.remedy.composition.references import References
from wish_rollout.core.remedy.composition.step_ranks import StepRanks
from wish_rollout.core.remedy.data_loss import change_loses, columns_holding
from wish_rollout.core.remedy.graph.parts import reported
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.steps.step_builder import StepBuilder
from wish_rollout.core.remedy.writers import sequences
from wish_rollout.core.remedy.writers.columns import expressions
from wish_rollout.core.remedy.writers.data_types import type_replacement
from wish_rollout.core.remedy.writers.relations import table_parents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.steps.change_set import ChangeSet

_CREATES = frozenset({"create", "alter", "move", "attach", "set aside"})
_HEAVY = (" TYPE ", "DROP ATTRIBUTE ", "ALTER ATTRIBUTE ")


class Composition:
    """The statements from one schema to another; columns have the same names in both already."""

    def __init__(self, draft: Draft, changes: ChangeSet) -> None:
        self.draft = draft
        self.changes = changes
        builder = StepBuilder(draft, changes)
        self.graph, self.lookup = builder.build(), builder.lookup
        draft.inlined = {
            key
            for key in changes.created
            if key[0] == "default" and (step := self.lookup.creation_of(key)) and step.key != key
        }
        self.marked = lossy_steps(draft, changes, self.lookup, self.graph)
        self.drops = DropStatements(draft, changes, self.lookup)
        self.objects = ChangedObjects(draft, changes, self.lookup, self.marked)
        self.references = References(draft, changes, self.lookup, self.marked)

    def statements(self) -> Iterator[Statement]:
        """Yield all statements in order."""
        note_places(self.draft, self.changes)
        steps = self.graph.sorted(StepRanks(self.draft, self.changes, self.marked).rank)
        held = [step for step in steps if step.key[0] == "event trigger" and step.verb in _CREATES]
        steps = [step for step in steps if step not in held]
        end = max((place for place, step in enumerate(steps) if step.verb in _CREATES), default=-1) + 1
        for step in steps[:end]:
            yield from self._step(step)
        yield from self.objects.last
        yield from comments_again(self.draft, self.changes)
        yield from self.references.statements()
        for step in steps[end:]:
            yield from self._step(step)
        yield from self._last_of_all(held)

    def _last_of_all(self, steps: list[Step]) -> Iterator[Statement]:
        """Yield the statements of event triggers, which would fire for those that follow."""
        written = len(self.objects.last)
        for step in steps:
            yield from self._step(step)
        yield from self.objects.last[written:]

    def _step(self, step: Step) -> Iterator[Statement]:
        key = step.key
        kind, name = reported(key)
        marked = step in self.marked
        if step.verb == "drop":
            yield from self.drops.write(key, marked=marked)
            return
        lossy_words: tuple[str, ...] = ("",)
        if step.verb == "alter" and change_loses(self.draft, key, self.changes.changed[key]):
            lossy_words = _HEAVY
        also = tuple(columns_holding(self.draft.live, name)) if marked and kind == "composite type" else ()
        for sql in self._sql(step):
            lossy = marked and any(word in sql for word in lossy_words)
            yield Statement(sql, kind, name, lossy, also if lossy else ())

    def _sql(self, step: Step) -> list[str]:
        """Return the statements of a step that drops nothing."""
        key = step.key
        kind, name = reported(key)
        if step.verb == "create":
            return self.objects.create(key)
        if step.verb == "alter":
            return self.objects.alter(key)
        if key in self.changes.reset and step.verb in {"set aside", "move"}:
            return (expressions.reset if step.verb == "set aside" else expressions.restore)(self.draft, name)
        if step.verb == "move":
            return type_replacement.move(self.draft, name)
        if step.verb == "set aside":
            return type_replacement.set_aside(self.draft, kind, name)
        return self._separated_or_attached(step)

    def _separated_or_attached(self, step: Step) -> list[str]:
        kind, name = step.key
        if kind == "sequence":
            return [sequences.owned(name, {})]
        kept = [sql for sql in self.changes.after_detach.get(name, ()) if sql]
        if step.verb == "detach":
            return table_parents.detach(self.draft, name) + kept
        made = table_parents.attach(self.draft, name)
        return made if Step("detach", step.key) in self.graph.steps else made + kept
