"""The steps that lose data, and those that can only run after one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.data_loss import change_loses, drop_loses
from wish_rollout.core.remedy.graph.step_graph import Step
from wish_rollout.core.remedy.writers.data_types import type_replacement

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import StepGraph
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup


def lossy_steps(draft: Draft, changes: ChangeSet, lookup: StepLookup, graph: StepGraph) -> set[Step]:
    """Return the steps that lose data, with all that follow them in the graph."""
    waiting = [step for step in graph.steps if _loses(draft, changes, step)]
    found = set(waiting)
    while waiting:
        step = waiting.pop()
        following = set(graph.after.get(step, ()))
        is_rebuilt = step.verb == "create" and step.key in changes.rebuilt
        if is_rebuilt and (drop := lookup.drop_of(step.key)):
            following.add(drop)
        detach = Step("detach", step.key)
        if step.verb == "attach" and detach in graph.steps:
            following.add(detach)
        waiting += following - found
        found |= following
    return found


def _loses(draft: Draft, changes: ChangeSet, step: Step) -> bool:
    """Return whether a step by itself loses data."""
    if step.verb == "drop":
        return not changes.replaced(step.key) and drop_loses(draft, step.key)
    if step.verb == "alter":
        return change_loses(draft, step.key, changes.changed[step.key])
    return step.verb == "move" and type_replacement.loses(draft, step.key[1])
