"""What an upgrade destroys: only rollbacks archive, so the plans of the upgrade and of its rollback name it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.archive.losses import derive_losses
from wish_rollout.core.plan.action import Action
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position, Revision
    from wish_rollout.rollout.project.project import Project

COMPUTED = ", and only those values that its downgrade computes"


def note_destroyed_values(project: Project, state: DatabaseState, plan: EnvironmentPlan) -> EnvironmentPlan:
    """Return the plan of an upgrade with a note on the tables, columns and values that it destroys."""
    revisions = project.release.pending(plan.upgraded_from) if plan.pending else ()
    schema = EnvironmentSchema(project, state)
    lost = _destroyed(schema, revisions, plan.upgraded_from, plan.end) if revisions else ""
    note = f"it destroys without an archive: {lost}; a later rollback brings back the structure{COMPUTED}"
    return replace(plan, notes=(*plan.notes, note)) if lost else plan


def describe_destroyed_values(
    schema: EnvironmentSchema, reverted: Sequence[Revision], end: Position, action: Action
) -> tuple[str, ...]:
    """Return a note on what the upgrade of reverted revisions has destroyed; () if that is nothing."""
    lost = _destroyed(schema, reverted[::-1], end, schema.position)
    computed = "" if action is Action.ROLLBACK_BY_REMEDY else COMPUTED
    note = (
        f"the upgrade destroyed without an archive: {lost}; the rollback brings back the structure{computed}"
    )
    return (note,) if lost else ()


def _destroyed(
    schema: EnvironmentSchema, revisions: Sequence[Revision], start: Position, end: Position
) -> str:
    """Return what the upgrades of some revisions, which are in their order, destroy; empty if that is nothing."""
    history = schema.project.history
    scripts = [(each, history.record(each.id).upgrade) for each in revisions]
    statements = [text for _, texts in scripts for text in texts]
    effects = schema.project.measurements.effects(scripts, "upgrade")
    losses = derive_losses(schema.at(start), schema.at(end), statements, effects).losses
    return ", ".join(map(str, losses))
