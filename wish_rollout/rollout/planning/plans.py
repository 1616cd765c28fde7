"""Plans: the state of each environment, and what the release will do in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.environment.conflicting_objects import find_conflicting_objects, is_created_if_missing
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.plan import EnvironmentPlan
from wish_rollout.core.plan.release_plan import Plan
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.records.interrupted_acts import find_interrupted_rollback
from wish_rollout.postgres.records.journal import find_interrupted_act
from wish_rollout.rollout.planning.accepted_differences import (
    baseline_after,
    describe_differences,
    describe_version,
)
from wish_rollout.rollout.planning.act_names import journal_act_name
from wish_rollout.rollout.planning.backports import find_backport
from wish_rollout.rollout.planning.destroyed_values import note_destroyed_values
from wish_rollout.rollout.planning.half_done_releases import add_half_done
from wish_rollout.rollout.planning.hazard_assessment import add_hazards
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.row_checks import add_row_findings
from wish_rollout.rollout.planning.script_fields import script_fields
from wish_rollout.rollout.planning.shared_databases import refuse_same_database
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.environment.baseline import Baseline
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class Choices:
    """The operator's choices for existing objects that conflict with the release.

    ``adopt``: environments whose schema is recorded as that of the release. ``clean``: environments whose conflicting
    objects are dropped first. ``replan``: environments in which a half-done release is continued with changed scripts.
    """

    adopt: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    replan: tuple[str, ...] = ()


NO_CHOICES = Choices()


def make_plan(
    project: Project, targets: Sequence[Target], choices: Choices = NO_CHOICES
) -> tuple[Plan, dict[str, RolloutError]]:
    """Return the plan of all environments, and the error of each plan that cannot be executed, by environment.

    Raises the error of the first environment that cannot be read.
    """
    plans: list[EnvironmentPlan] = []
    refusals: dict[str, RolloutError] = {}
    for target in targets:
        plan, state = plan_target(project, target, choices)
        plans.append(plan)
        try:
            refuse_infeasible(target.environment, plan, project, state)
        except RolloutError as error:
            refusals[target.name] = error
    try:
        refuse_same_database(project, {plan.environment: plan.facts for plan in plans})
    except EnvironmentsShareDatabase as error:
        refusals[error.environment] = error
    return Plan(project.release_digest, project.release.head, tuple(plans)), refusals


def plan_target(
    project: Project, target: Target, choices: Choices = NO_CHOICES
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Return the plan of one environment, with hazards and row findings, and the state that was read."""
    with target.connect() as connection:
        return plan_on_connection(project, target, connection, choices)


def plan_on_connection(
    project: Project,
    target: Target,
    connection: psycopg.Connection[Any],
    choices: Choices = NO_CHOICES,
    *,
    to_change: bool = False,
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Return the same as ``plan_target``, with the caller's connection, which is in autocommit mode.

    ``to_change``: the connection will be used to execute the plan.
    """
    state = read_database_state(connection, target.scope, to_change=to_change)
    project = project.for_server(state.facts.major)
    plan = note_destroyed_values(project, state, plan_for(project, target.environment, state, choices))
    if plan.action in (Action.UPGRADE, Action.ADOPT) and (
        found := find_interrupted_act(connection, journal_act_name(project, plan))
    ):
        plan = replace(plan, resumed_fingerprint=found[1])
    elif plan.action is Action.UPGRADE:
        schema, replan = EnvironmentSchema(project, state), plan.environment in choices.replan
        plan = add_half_done(connection, plan, schema, act=journal_act_name(project, plan), replan=replan)
    if plan.drift:
        table = project.config.release.version_table
        plan = replace(plan, interrupted_rollback=find_interrupted_rollback(connection, table))
    return add_row_findings(project, connection, add_hazards(project, connection, plan)), state


def plan_for(
    project: Project, env: Environment, state: DatabaseState, choices: Choices = NO_CHOICES
) -> EnvironmentPlan:
    """Return the plan of one environment from its state, without hazards and row findings."""
    schema = EnvironmentSchema(project, state)
    project = schema.project
    release, history = project.release, project.history
    assessment = schema.assess()
    adopted = find_adoption(schema) if env.name in choices.adopt else None
    if adopted:
        schema = EnvironmentSchema(project, state, adopted)
    start = adopted.position if adopted else state.facts.revisions
    known = adopted is not None or assessment.verdict is not Verdict.FOREIGN
    pending = release.pending(start) if known else ()
    promised = schema.promised(start, release.head) if known else Delta(())
    created = history.promised(start, release.head) if pending else promised
    found = find_conflicting_objects(created, history.at(release.head), schema.live) if pending else ()
    statements = history.statements(start) if known else ()
    backport = "" if adopted or env.name in choices.clean else find_backport(schema)
    if backport:
        promised, found = difference(schema.live, schema.at(release.head)), ()
    found = tuple(each for each in found if not is_created_if_missing(each, statements))
    return EnvironmentPlan(
        environment=env.name,
        gated=env.gated,
        release_digest=project.release_digest,
        action=_action(env, adopted, choices, pending=bool(pending), known=known),
        verdict=assessment.verdict,
        start=state.facts.revisions,
        end=release.head,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in pending),
        statements=statements,
        promised=promised,
        drift=Delta(()) if adopted or backport else assessment.drift,
        conflicting_objects=found,
        unmanaged=assessment.unmanaged,
        fingerprint=project.fingerprinted_part(state.snapshot).fingerprint,
        facts=state.facts,
        **script_fields(project, pending),
        adopted=adopted.position if adopted else None,
        baseline=baseline_after(schema, release.head) if pending or adopted else None,
        notes=(
            *describe_version(project, state.facts.major),
            *(describe_differences(schema) if known else ()),
            *([backport] if backport else []),
        ),
        already_there=backport,
        journal_digest=project.journal_digest,
        irreversible={each.id: why for each in pending if (why := history.record(each.id).irreversible)},
    )


def find_adoption(schema: EnvironmentSchema) -> Baseline | None:
    """Return what ``--adopt`` records: the position that the schema belongs to, with its accepted differences.

    None if there is no such position, or if the database is there already and nothing new would be recorded.
    """
    found = schema.find_adoptable()
    recorded = schema.state.baseline
    if found and found.position == schema.position and (not recorded or recorded.accepted == found.accepted):
        return found if found.accepted and not recorded else None
    return found


def _action(
    env: Environment, adopted: Baseline | None, choices: Choices, *, pending: bool, known: bool
) -> Action:
    if adopted or (env.name in choices.adopt and (pending or not known)):
        return Action.ADOPT
    if not pending:
        return Action.NOTHING
    return Action.CLEAN if env.name in choices.clean else Action.UPGRADE
