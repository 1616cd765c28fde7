"""An interrupted rollback that the remedy completes: it starts from the schema that the downgrades have left half done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.rollbacks import RollbackInterrupted
from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import parse_position
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.promise_comparison import changed_keys, delta_of_keys

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema


def starts_from_live_schema(plan: EnvironmentPlan) -> bool:
    """Return whether a rollback leads from the live schema, because that is not the schema of its revision."""
    return plan.half_done is not None or (plan.action is Action.ROLLBACK_BY_REMEDY and bool(plan.drift))


def refuse_other_differences(
    environment: str, schema: EnvironmentSchema, end: Position, interrupted: str
) -> None:
    """Raise RollbackInterrupted if the live schema has differences that the interrupted rollback cannot have made.

    The remedy would remove them. An object can only differ where the schemas before and after a rollback differ in it.
    ``interrupted``: the target of the interrupted rollback; ``end``: the target of the remedy.
    """
    start = schema.at(schema.position)
    before, live = start.objects, schema.assess().drift.apply(start).objects
    ends = {end, parse_position(interrupted)}
    own = {key for each in ends for key in changed_keys(before, schema.at(each).objects)}
    if others := sorted(changed_keys(before, live) - own):
        delta = delta_of_keys(before, live, others)
        found = summarize_delta(delta) if delta else ", ".join(f"{kind} {name}" for kind, name in others)
        raise RollbackInterrupted(environment, interrupted, found)
