"""What a worker process does on one target: migrate, roll back, plan, or read it. Each returns JSON values."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.config import FleetMember
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DatabaseMissing, DatabaseUnreachable
from wish_rollout.core.errors.planning.rollbacks import AlreadyAtRevision
from wish_rollout.core.errors.statements import TableLocked
from wish_rollout.core.fleet.results import Outcome, TargetPlan, TargetResult, TargetStatus
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.records.ledger import seconds_since
from wish_rollout.rollout.archives.checksums import add_missing_checksums
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Actor
from wish_rollout.rollout.execution.migration import Migrated, migrate_environment
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.fleet.approvable_plans import (
    TO_APPROVE,
    PlannedTarget,
    choices_of,
    kind_of,
    plan_to_approve,
)
from wish_rollout.rollout.fleet.known_states import KnownState
from wish_rollout.rollout.fleet.taken_databases import NOTHING_TAKEN, TakenDatabases
from wish_rollout.rollout.fleet.target_errors import describe_error
from wish_rollout.rollout.fleet.target_status import assess_target, read_target
from wish_rollout.rollout.fleet.wave_approvals import target_gatekeeper
from wish_rollout.rollout.inspection.environment_status import verdict_without_state
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.rollback.rollback import rollback_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

APPLY, ROLLBACK, PLAN, STATUS = "apply", "rollback", "plan", "status"


def perform(
    project: Project,
    target: Target,
    order: Mapping[str, Any],
    actor: Actor = NOBODY,
    taken: TakenDatabases = NOTHING_TAKEN,
) -> dict[str, Any]:
    """Do the work of an order on a target, and return its result. Raises nothing.

    ``order``: ``kind``, one of the constants above or TO_APPROVE, and its options: ``adopt``, ``replan``, ``soak``, ``to``,
    ``gate``, ``known``. ``taken``: the databases that must not be changed.
    """
    kind, name = order["kind"], name_of(target)
    if kind == PLAN:
        return plan(project, target).as_dict()
    if kind == STATUS:
        return status(project, target, KnownState.from_dict(order.get("known") or {})).as_dict()
    if kind == TO_APPROVE:
        return planned(project, target, order, taken).as_dict()
    started = time.perf_counter()
    try:
        work = apply if kind == APPLY else rollback
        if target.environment.gated:
            actor = replace(actor, gatekeeper=target_gatekeeper(project, target, order))
        with target.with_one_session() as held:
            taken.refuse(held)
            result = work(project, held, order, actor)
    except Exception as error:  # noqa: BLE001  (whatever a script raises concerns this target only)
        result = TargetResult(name, Outcome.FAILED, error=describe_error(error))
    return replace(result, seconds=round(time.perf_counter() - started, 3)).as_dict()


def name_of(target: Target) -> str:
    """Return the name of a target without that of its fleet."""
    environment = target.environment
    return environment.target if isinstance(environment, FleetMember) else environment.name


def apply(project: Project, target: Target, order: Mapping[str, Any], actor: Actor) -> TargetResult:
    """Migrate a target to the head and verify it. A target that is there already is only verified."""
    migrated = migrate_environment(project, target, choices=choices_of(target, order), actor=actor)
    result = verified(project, target, migrated)
    if result.outcome is Outcome.UNCHANGED and order.get("soak"):
        with target.connect() as connection:
            return replace(result, since=seconds_since(connection, project.release_digest))
    return result


def rollback(project: Project, target: Target, order: Mapping[str, Any], actor: Actor) -> TargetResult:
    """Roll a target back and verify it. A target that is at the revision already is only verified."""
    try:
        migrated = rollback_environment(project, target, order["to"], actor=actor)
    except AlreadyAtRevision:
        return unchanged(project, target)
    result = verified(project, target, migrated)
    if migrated.archived and result.is_good:
        add_missing_checksums(project, target, actor.who)
    return result


def unchanged(project: Project, target: Target) -> TargetResult:
    """Return the result of a target on which there is nothing to do. Raises SchemaVerificationFailed."""
    verification = verify_environment(project, target)
    verification.raise_if_failed()
    position = format_position(verification.seen.facts.revisions)
    return TargetResult(
        name_of(target),
        Outcome.UNCHANGED,
        start=position,
        end=position,
        action=Action.NOTHING,
        fingerprint=project.fingerprinted_part(verification.seen.snapshot).fingerprint,
        instance=verification.seen.facts.instance,
    )


def verified(project: Project, target: Target, migrated: Migrated) -> TargetResult:
    """Return the result of a migration and its verification; also if that fails, it names the approval that was used.

    The schema is read again after the commit. That a second run of the scripts would do nothing is not tried on each
    target: it follows from the revision, which is compared.
    """
    is_changed = migrated.action != Action.NOTHING
    result = TargetResult(
        name_of(target),
        Outcome.DONE if is_changed else Outcome.UNCHANGED,
        start=format_position(tuple(migrated.start)),
        end=format_position(tuple(migrated.end)),
        action=migrated.action,
        since=0 if is_changed else None,
        nonce=migrated.nonce,
        ledger=migrated.ledger if migrated.nonce else "",
        database=migrated.database if migrated.nonce else "",
    )
    try:
        verification = verify_environment(project, target, expected=migrated.expected)
        verification.raise_if_failed()
    except RolloutError as error:
        return replace(result, outcome=Outcome.FAILED, since=None, error=describe_error(error))
    return replace(
        result,
        fingerprint=project.fingerprinted_part(verification.seen.snapshot).fingerprint,
        instance=verification.seen.facts.instance,
    )


def planned(
    project: Project, target: Target, order: Mapping[str, Any], taken: TakenDatabases
) -> PlannedTarget:
    """Return what an approval must cover of a target, or why it has no plan."""
    name = name_of(target)
    try:
        with target.with_one_session() as held:
            taken.refuse(held)
            return plan_to_approve(project, held, name, order)
    except AlreadyAtRevision:
        return PlannedTarget(name)
    except Exception as error:  # noqa: BLE001
        return PlannedTarget(name, error=describe_error(error))


def plan(project: Project, target: Target) -> TargetPlan:
    """Return what the release will do on a target, and why it cannot."""
    name = name_of(target)
    try:
        found, state = plan_target(project, target)
    except Exception as error:  # noqa: BLE001
        return TargetPlan(name, summary="no plan", error=describe_error(error))
    summary = found.summary().removeprefix(f"{target.name}: ")
    result = TargetPlan(name, kind_of(found), summary, found.pending, state.facts.instance)
    try:
        refuse_infeasible(target.environment, found, project, state)
    except RolloutError as error:
        return replace(result, error=describe_error(error))
    return result


def status(project: Project, target: Target, known: KnownState) -> TargetStatus:
    """Return the state of a target; one that cannot be read is unreachable or locked. ``known``: not read again if it holds."""
    name = name_of(target)
    try:
        reading = read_target(project, target, known)
        return (
            known.answered().status(name) if reading.state is None else assess_target(project, name, reading)
        )
    except (DatabaseMissing, DatabaseUnreachable, TableLocked) as error:
        return TargetStatus(name, verdict_without_state(error).value, error=describe_error(error))
    except Exception as error:  # noqa: BLE001
        return TargetStatus(name, Verdict.UNREACHABLE.value, error=describe_error(error))
