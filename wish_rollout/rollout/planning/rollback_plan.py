"""The plan of a rollback: its target revision, its statements, and the errors that prevent it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.losses import derive_losses
from wish_rollout.core.errors.planning.rollbacks import (
    AlreadyAtRevision,
    InvalidRollbackTarget,
    RevisionIrreversible,
    RollbackAcrossMerge,
)
from wish_rollout.core.errors.releases import UnknownRevision
from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import Position, format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.records.interrupted_acts import find_interrupted_rollback, read_earlier_statements
from wish_rollout.postgres.records.journal import act_name, find_interrupted_act
from wish_rollout.rollout.planning.accepted_differences import baseline_after
from wish_rollout.rollout.planning.drift_refusals import refuse_drift, refuse_position
from wish_rollout.rollout.planning.half_done_releases import half_done_rollback
from wish_rollout.rollout.planning.hazard_assessment import add_hazards
from wish_rollout.rollout.planning.plans import plan_for
from wish_rollout.rollout.planning.refusals import refuse_unwritable
from wish_rollout.rollout.planning.rollback_losses import kept_for, refuse_losses_early
from wish_rollout.rollout.planning.rollback_result import rollback_result
from wish_rollout.rollout.planning.shared_databases import refuse_same_database
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Release
    from wish_rollout.rollout.planning.half_done_releases import Finished
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An interrupted rollback.

    ``expected``: with the same scripts, the fingerprint of the schema that it must lead to. ``finished``: with other
    scripts, the statements that it has executed.
    """

    expected: str = ""
    finished: Finished = field(default_factory=dict)


NOT_INTERRUPTED = Interrupted()


def plan_rollback(project: Project, target: Target, to: str | None) -> EnvironmentPlan:
    """Return the plan of a rollback of one environment, with hazards.

    ``to``: the target revision, ``base``, or None for the previous revision. Raises what ``plan_rollback_on`` raises.
    """
    with target.connect() as connection:
        return plan_rollback_on(project, target, connection, to)[0]


def plan_feasible_rollback(project: Project, target: Target, to: str | None) -> EnvironmentPlan:
    """Return the same as ``plan_rollback``, and raise if the rollback would fail after its approval.

    So no approval is requested for a rollback that cannot be executed. Raises also what ``refuse_unwritable`` raises,
    and what ``refuse_losses_early`` raises.
    """
    with target.connect() as connection:
        plan, state = plan_rollback_on(project, target, connection, to)
        project = project.for_server(state.facts.major)
        refuse_unwritable(target.environment, plan, project, state)
        if not plan.resumed_fingerprint:  # an interrupted rollback may have dropped the columns to count
            refuse_losses_early(target.environment, connection, plan)
    return plan


def plan_rollback_on(
    project: Project, target: Target, connection: psycopg.Connection[Any], to: str | None
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Return the plan and the state that was read, with the caller's connection, which is in autocommit mode.

    An interrupted rollback is continued: its target is the default of ``to``. Raises EnvironmentsShareDatabase,
    InvalidHazardAllowance, and what ``plan_rollback_from_state`` raises.
    """
    state = read_database_state(connection, target.scope)
    project = project.for_server(state.facts.major)
    refuse_same_database(project, {target.name: state.facts})
    name = act_name(project.config.release.version_table, project.journal_digest, "down ")
    resumed = find_interrupted_act(connection, name)
    table = project.config.release.version_table
    to = to or (resumed[0] if resumed else find_interrupted_rollback(connection, table)) or None
    resumes = resumed[1] if resumed and resumed[0] == to else ""
    finished = {} if resumes or to is None else read_earlier_statements(connection, name + to)
    plan = plan_rollback_from_state(project, target, state, to, Interrupted(resumes, finished))
    return add_hazards(project, connection, plan), state


def plan_rollback_from_state(
    project: Project,
    target: Target,
    state: DatabaseState,
    to: str | None,
    interrupted: Interrupted = NOT_INTERRUPTED,
) -> EnvironmentPlan:
    """Return the plan of a rollback from the environment's state, without hazards.

    ``project``: with the promises for the environment's server. ``interrupted``: the rollback that is continued. Raises
    RollbackAcrossMerge, RollbackChanged, and what ``refuse_position``, ``refuse_drift`` and ``resolve_rollback_target``
    raises.
    """
    from wish_rollout.revisions.script_folder.declarations import (
        DATA_DEPENDENT,
        DRIVER_STATEMENTS,
        declared_reasons,
    )

    refuse_position(target.environment, state.facts.revisions, project)
    upgrade = plan_for(project, target.environment, state)
    end = resolve_rollback_target(project.release, upgrade.start, to, target.name)
    schema = EnvironmentSchema(project, state)
    continues = bool(interrupted.finished and schema.assess().drift)
    if not interrupted.expected and not continues:
        refuse_drift(target.name, schema)
    reverted = project.release.revisions_to_revert(upgrade.start, end)
    for revision in reverted:
        if len(revision.parents) > 1:
            raise RollbackAcrossMerge(target.name, revision.id, " and ".join(revision.parents))
        if reason := project.history.record(revision.id).irreversible:
            raise RevisionIrreversible(target.name, revision.id, reason)
    half_done = half_done_rollback(target.name, schema, end, interrupted.finished) if continues else None
    result = rollback_result(schema, end)
    before = schema.live if half_done else schema.at(upgrade.start)
    statements = tuple(text for each in reverted for text in project.history.record(each.id).downgrade)
    return replace(
        upgrade,
        action=Action.ROLLBACK,
        end=end,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in reverted),
        statements=statements,
        promised=difference(before, result.expected),
        conflicting_objects=(),
        resumed_fingerprint=interrupted.expected,
        data_dependent=declared_reasons(project.scripts, DATA_DEPENDENT, [each.id for each in reverted]),
        driver_statements=declared_reasons(
            project.scripts, DRIVER_STATEMENTS, [each.id for each in reverted]
        ),
        baseline=baseline_after(schema, end, result.expected),
        notes=(*upgrade.notes, *result.notes, *(half_done.describe() if half_done else ())),
        half_done=half_done,
        losses=derive_losses(before, result.expected, statements),
        archive_keep=kept_for(target.environment),
    )


def resolve_rollback_target(release: Release, start: Position, to: str | None, environment: str) -> Position:
    """Return the target of a rollback: the named revision, which must be an ancestor of ``start``, or its parent.

    Raises InvalidRollbackTarget, UnknownRevision, AlreadyAtRevision.
    """
    if to is None:
        if not start:
            raise InvalidRollbackTarget(environment, "base", "before base")
        return release.revision(start[-1]).parents
    if to == "base":
        end: Position = ()
    elif to in {revision.id for revision in release.revisions}:
        end = (to,)
    else:
        raise UnknownRevision(to, ", ".join(["base", *(revision.id for revision in release.revisions)]))
    if end == start:
        raise AlreadyAtRevision(environment, format_position(start))
    if not release.ancestors(start) >= release.ancestors(end):
        raise InvalidRollbackTarget(environment, format_position(start), format_position(end))
    return end
