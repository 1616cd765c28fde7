"""Reading environments and saying what the release will do to each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.plans import EnvironmentsShareDatabase
from wish_rollout.core.plan.plan import Action, EnvironmentPlan, Plan
from wish_rollout.core.plan.verdict import DriftAssessment, Verdict, judge
from wish_rollout.core.release.release import say
from wish_rollout.core.schema.conflicting_objects import obstacles
from wish_rollout.core.schema.delta import Delta
from wish_rollout.postgres.catalog.database_state import look
from wish_rollout.postgres.records.journal import cut_off
from wish_rollout.rollout.planning.hazard_assessment import add_hazards
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.row_checks import add_row_findings
from wish_rollout.rollout.planning.shared_databases import refuse_same_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for objects in the way: environments to adopt, and to clean."""

    adopt: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()


NO_CHOICES = Choices()


def make_plan(
    project: Project, targets: Sequence[Target], choices: Choices = NO_CHOICES
) -> tuple[Plan, dict[str, RolloutError]]:
    """Look at every environment and plan each; give as well why a plan cannot be carried out, by environment.

    Raises the first thing that cannot be looked at.
    """
    plans: list[EnvironmentPlan] = []
    against: dict[str, RolloutError] = {}
    for target in targets:
        plan, seen = plan_target(project, target, choices)
        plans.append(plan)
        try:
            refuse_infeasible(target.environment, plan, project, seen)
        except RolloutError as error:
            against[target.name] = error
    try:
        refuse_same_database(project, {plan.environment: plan.facts.instance for plan in plans})
    except EnvironmentsShareDatabase as error:
        against[error.environment] = error
    return Plan(project.release_digest, project.release.head, tuple(plans)), against


def plan_target(
    project: Project, target: Target, choices: Choices = NO_CHOICES
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Look at one environment and plan it, hazards and rows included; give what was seen as well."""
    with target.connect() as connection:
        return plan_on_connection(project, target, connection, choices)


def plan_on_connection(
    project: Project,
    target: Target,
    connection: psycopg.Connection[Any],
    choices: Choices = NO_CHOICES,
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Do the same over a session in autocommit that the caller holds."""
    seen = look(connection, target.scope)
    plan = plan_for(project, target.environment, seen, choices)
    if plan.action is Action.UPGRADE and (found := cut_off(connection, journal_act_name(plan))):
        plan = replace(plan, resumes=found[1])
    return add_row_findings(project, connection, add_hazards(project, connection, plan)), seen


def journal_act_name(plan: EnvironmentPlan) -> str:
    """Name an act in the journal: the release, what is done with it and, for a rollback, where that leads."""
    how = f"down {say(plan.end)}" if plan.action is Action.ROLLBACK else plan.action.value
    return f"{plan.release_digest} {how}"


def plan_for(
    project: Project, env: Environment, seen: DatabaseState, choices: Choices = NO_CHOICES
) -> EnvironmentPlan:
    """Plan one environment from what was seen of it, but for its hazards and rows."""
    release, history = project.release, project.history
    assessment = judge(release, seen, history.at, project.count)
    start = seen.facts.revisions
    known = assessment.verdict is not Verdict.FOREIGN
    pending = release.pending(start) if known else ()
    promised = history.promised(start, release.head) if known else Delta(())
    found = obstacles(promised, history.at(release.head), seen.snapshot) if pending else ()
    action = _action(env, assessment, bool(pending), choices)
    return EnvironmentPlan(
        environment=env.name,
        gated=env.gated,
        release_digest=project.release_digest,
        action=action,
        verdict=assessment.verdict,
        start=start,
        end=release.head,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in pending),
        statements=history.statements(start) if known and action is not Action.ADOPT else (),
        promised=promised,
        drift=assessment.drift,
        obstacles=found,
        unmanaged=assessment.unmanaged,
        fingerprint=seen.snapshot.fingerprint,
        facts=seen.facts,
    )


def _action(env: Environment, assessment: DriftAssessment, pending: bool, choices: Choices) -> Action:
    if not pending or assessment.verdict is Verdict.FOREIGN:
        return Action.NOTHING
    if env.name in choices.adopt:
        return Action.ADOPT
    if env.name in choices.clean:
        return Action.CLEAN
    return Action.UPGRADE
