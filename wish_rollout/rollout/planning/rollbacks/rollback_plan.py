"""The plan of a rollback: its target revision, its statements, and the errors that prevent it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.losses import derive_losses
from wish_rollout.core.errors.planning.rollbacks import RevisionIrreversible, RollbackAcrossMerge
from wish_rollout.core.plan.action import Action
from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.rollout.planning.accepted_differences import baseline_after
from wish_rollout.rollout.planning.destroyed_values import describe_destroyed_values
from wish_rollout.rollout.planning.drift_refusals import refuse_drift, refuse_position
from wish_rollout.rollout.planning.half_done_releases import half_done_rollback
from wish_rollout.rollout.planning.hazard_assessment import add_hazards
from wish_rollout.rollout.planning.plans import plan_for
from wish_rollout.rollout.planning.refusals import refuse_unwritable
from wish_rollout.rollout.planning.rollbacks.interrupted_rollbacks import (
    refuse_other_differences,
    starts_from_live_schema,
)
from wish_rollout.rollout.planning.rollbacks.rollback_losses import (
    kept_for,
    published_archives,
    refuse_losses_early,
)
from wish_rollout.rollout.planning.rollbacks.rollback_remedy import command_instead, rollback_remedy
from wish_rollout.rollout.planning.rollbacks.rollback_result import RollbackResult, rollback_result
from wish_rollout.rollout.planning.rollbacks.rollback_target import find_goal, resolve_rollback_target
from wish_rollout.rollout.planning.script_fields import declarations, no_scripts
from wish_rollout.rollout.planning.shared_databases import refuse_same_database
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position, Revision
    from wish_rollout.rollout.planning.rollbacks.rollback_target import RollbackGoal
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def plan_rollback(
    project: Project, target: Target, to: str | None, *, by_remedy: bool = False
) -> EnvironmentPlan:
    """Return the plan of a rollback of one environment, with hazards.

    ``to``: the target revision, ``base``, or None for the previous revision. ``by_remedy``: execute the remedy instead
    of the downgrades. Raises what ``plan_rollback_on`` raises.
    """
    with target.connect() as connection:
        return plan_rollback_on(project, target, connection, to, by_remedy=by_remedy)[0]


def plan_feasible_rollback(
    project: Project, target: Target, to: str | None, *, by_remedy: bool = False
) -> EnvironmentPlan:
    """Return the same as ``plan_rollback``, and raise if the rollback would fail after its approval.

    So no approval is requested for a rollback that cannot be executed. Raises also what ``refuse_unwritable`` raises,
    and what ``refuse_losses_early`` raises.
    """
    with target.connect() as connection:
        plan, state = plan_rollback_on(project, target, connection, to, by_remedy=by_remedy)
        project = project.for_server(state.facts.major)
        refuse_unwritable(target.environment, plan, project, state)
        if not plan.resumed_fingerprint:  # an interrupted rollback may have dropped the columns to count
            refuse_losses_early(target.environment, connection, plan)
    return plan


def plan_rollback_on(
    project: Project,
    target: Target,
    connection: psycopg.Connection[Any],
    to: str | None,
    *,
    by_remedy: bool = False,
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Return the plan and the state that was read, with the caller's connection, which is in autocommit mode.

    An interrupted rollback by downgrades is continued: its target is the default of ``to``. The remedy completes it from
    the schema as it is. Raises EnvironmentsShareDatabase, InvalidHazardAllowance, and what ``plan_rollback_from_state``
    raises.
    """
    state = read_database_state(connection, target.scope)
    project = project.for_server(state.facts.major)
    refuse_same_database(project, {target.name: state.facts})
    goal = find_goal(EnvironmentSchema(project, state), connection, to, by_remedy=by_remedy)
    plan = plan_rollback_from_state(project, target, state, goal)
    return add_hazards(project, connection, plan), state


def plan_rollback_from_state(
    project: Project, target: Target, state: DatabaseState, goal: RollbackGoal
) -> EnvironmentPlan:
    """Return the plan of a rollback from the environment's state, without hazards.

    ``project``: with the promises for the environment's server. Raises RollbackAcrossMerge, RevisionIrreversible,
    RollbackChanged, RollbackInterrupted, ScriptUnreadable, and what ``refuse_position``, ``refuse_drift``,
    ``resolve_rollback_target`` and ``rollback_remedy`` raise.
    """
    refuse_position(target.environment, state.facts.revisions, project)
    upgrade = plan_for(project, target.environment, state)
    end = resolve_rollback_target(project.release, upgrade.start, goal.to, target.name)
    schema = EnvironmentSchema(project, state)
    continues = bool(goal.finished and schema.assess().drift)
    if goal.interrupted:
        refuse_other_differences(target.name, schema, end, goal.interrupted)
    elif not goal.resumes and not continues:
        refuse_drift(target.name, schema)
    reverted = project.release.revisions_to_revert(upgrade.start, end)
    for revision in reverted:
        if len(revision.parents) > 1:
            raise RollbackAcrossMerge(target.name, revision.id, " and ".join(revision.parents))
    plan = replace(
        upgrade,
        end=end,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in reverted),
        conflicting_objects=(),
        resumed_fingerprint=goal.resumes,
        archive_keep=kept_for(target.environment),
    )
    if goal.by_remedy:
        result, statements = rollback_remedy(target.environment, schema, reverted, end)
        plan = replace(plan, **no_scripts(), action=Action.ROLLBACK_BY_REMEDY)
    else:
        result, statements = _downgrades(target.environment, schema, reverted, end)
        project.scripts.load()
        half_done = half_done_rollback(target.name, schema, end, goal.finished) if continues else None
        plan = replace(plan, **declarations(project, reverted), action=Action.ROLLBACK, half_done=half_done)
    lost = describe_destroyed_values(schema, reverted, end, plan.action)
    scripts = ((each, project.history.record(each.id).downgrade) for each in reverted)
    effects = statements if goal.by_remedy else project.measurements.effects(scripts, "downgrade")
    return _leading_to(replace(plan, notes=(*plan.notes, *lost)), schema, result, statements, effects)


def _leading_to(
    plan: EnvironmentPlan,
    schema: EnvironmentSchema,
    result: RollbackResult,
    statements: tuple[str, ...],
    effects: Sequence[str],
) -> EnvironmentPlan:
    """Return a plan with its statements, what they promise, and what they destroy, which ``effects`` shows."""
    before = schema.live if starts_from_live_schema(plan) else schema.at(plan.start)
    continued = plan.half_done.describe() if plan.half_done else ()
    losses = derive_losses(before, result.expected, statements, effects)
    published = published_archives(schema.state.snapshot) if losses.losses and plan.archive_keep else ()
    return replace(
        plan,
        statements=statements,
        promised=difference(before, result.expected),
        baseline=baseline_after(schema, plan.end, result.expected),
        notes=(*plan.notes, *result.notes, *continued, *published),
        losses=losses,
    )


def _downgrades(
    environment: Environment, schema: EnvironmentSchema, reverted: Sequence[Revision], end: Position
) -> tuple[RollbackResult, tuple[str, ...]]:
    """Return what the downgrades lead to, and their statements. Raises RevisionIrreversible."""
    history = schema.project.history
    for revision in reverted:
        if reason := history.record(revision.id).irreversible:
            instead = command_instead(environment, schema, reverted, end)
            raise RevisionIrreversible(environment.name, revision.id, reason, instead)
    statements = tuple(text for each in reverted for text in history.record(each.id).downgrade)
    return rollback_result(schema, end), statements
