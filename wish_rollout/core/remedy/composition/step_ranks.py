"""The order of steps that do not depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.writers.by_kind import LAST, WRITERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import Step
    from wish_rollout.core.remedy.steps.change_set import ChangeSet


class StepRanks:
    """Ranks steps: early drops, then what is created or altered, then other drops, and last those that lose data."""

    def __init__(self, draft: Draft, changes: ChangeSet, marked: Collection[Step]) -> None:
        self.draft = draft
        self.changes = changes
        self.marked = marked

    def rank(self, step: Step) -> tuple[Any, ...]:
        """Return a value by which steps are sorted: phase, kind, position, name."""
        kind, name = step.key
        writer = WRITERS.get(kind)
        rank = writer.rank if writer else LAST
        if step.verb == "detach":
            return (0, 0, 0, name)
        if step.verb == "drop":
            return self._rank_of_drop(step, rank, is_early=writer is not None and writer.early)
        if step.verb == "attach":
            return (1, WRITERS["column"].rank + 1, 0, name)
        if step.verb in {"set aside", "move"}:
            return (1, rank, 0, name)
        foreign_key = self.draft.target[step.key].get("type") == "foreign key"
        return (1, rank, self.draft.target[step.key].get("position", 0) + foreign_key, name)

    def _rank_of_drop(self, step: Step, rank: int, *, is_early: bool) -> tuple[Any, ...]:
        live = self.draft.live[step.key]
        early = (step.key in self.changes.rebuilt or is_early) and not self.changes.replaced(step.key)
        phase = 3 if step in self.marked else 0 if early else 2
        return (phase, -rank, -live.get("position", 0), live.get("type") != "foreign key", step.key[1])
