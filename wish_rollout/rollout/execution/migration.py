"""The migration of one environment: under its lock, from the planned state to the promised schema."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.plan.action import Action
from wish_rollout.core.schema.delta_rendering import render_markdown
from wish_rollout.core.schema.names import parent_object
from wish_rollout.postgres.execution.object_removal import drop_objects
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.records.interrupted_acts import take_over_statements
from wish_rollout.postgres.records.version_table import set_revisions
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gate
from wish_rollout.rollout.execution.act_checks import NO_CHECKS, Checks
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Actor, Recorder
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.execution.script_execution import run_scripts
from wish_rollout.rollout.planning.act_names import journal_act_name
from wish_rollout.rollout.planning.drift_refusals import refuse_drift
from wish_rollout.rollout.planning.plan_comparison import refuse_changed
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices, plan_on_connection
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class Migrated:
    """The result of a migration of one environment, small enough to be passed from op to op.

    ``before``: the fingerprint before the migration. ``expected``: the fingerprint of that snapshot plus the
    promised delta. ``seconds``: duration of the migration itself. ``nonce``: of the request whose approval was used.
    ``ledger``: the last row of the ledger. ``delta``: the promised delta in Markdown, or "". ``changed``: the tables,
    or other objects, that it changes. ``archived``: the number of archived rows of each lost table or column.
    """

    environment: str
    action: str
    start: list[str]
    end: list[str]
    revisions: list[str]
    before: str
    expected: str
    release_digest: str
    plan_digest: str
    seconds: float
    delta: str
    changed: list[str]
    nonce: str = ""
    ledger: str = ""
    database: str = ""
    archived: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, recorder: Recorder, expected: str, revisions: list[str]) -> Migrated:
        """Return the result of a recorded act, with the fingerprint that it must lead to."""
        plan = recorder.plan
        return cls(
            environment=plan.environment,
            action=plan.action.value,
            start=list(plan.start),
            end=list(plan.end),
            revisions=revisions,
            before=plan.fingerprint,
            expected=expected,
            release_digest=plan.release_digest,
            plan_digest=plan.digest,
            seconds=recorder.seconds,
            nonce=recorder.grant.request.nonce if recorder.grant else "",
            ledger=str(recorder.head),
            database=plan.facts.database_identity,
            archived={each["object"]: each["rows"] for each in recorder.archive.get("objects", ())},
            delta=render_markdown(plan.promised) if plan.promised else "",
            changed=sorted(
                {parent_object(each.kind, each.name, {}) or each.name for each in plan.promised.changes}
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


def migrate_environment(
    project: Project,
    target: Target,
    *,
    planned: Mapping[str, Any] | None = None,
    choices: Choices = NO_CHOICES,
    actor: Actor = NOBODY,
) -> Migrated:
    """Migrate one environment to the head under its rollout lock, and record that in its ledger.

    ``planned``: the signed fields of the plan that was shown before. ``actor``: the requester; its gatekeeper
    decides about the plan that is computed again under the lock.

    Raises RolloutLockHeld, PlanChanged, every error of ``refuse_infeasible`` and of the gatekeeper,
    LedgerWriteFailed, StatementFailed, ScriptFailed; and ApproversNotConfigured for a gated environment if the
    actor has no gatekeeper.
    """
    actor.refuse_without_gatekeeper(target)
    with target.connect() as connection, rollout_mutex(target, connection):
        plan, seen = plan_on_connection(project, target, connection, choices, to_change=True)
        project = project.for_server(seen.facts.major)
        refuse_bypassed_gate(connection, target.environment, seen.facts, target.scope.version_table)
        refuse_infeasible(target.environment, plan, project, seen)
        recorder = Recorder(target, connection, plan, actor, fingerprinted=project.fingerprinted_part)
        if not plan.is_empty:
            refuse_changed(plan, planned)
            recorder.ask()
        done, revisions = act(project, recorder, seen)
        return Migrated.of(recorder, done, revisions)


def act(project: Project, recorder: Recorder, seen: DatabaseState) -> tuple[str, list[str]]:
    """Execute the plan; return the fingerprint that it must lead to, and the revisions that ran."""
    plan = recorder.plan
    if plan.action is Action.NOTHING:
        return plan.fingerprint, []
    before = project.fingerprinted_part(seen.snapshot)
    checks = NO_CHECKS
    if plan.action is Action.CLEAN:
        before, checks = project.history.at(plan.start), Checks(first=cleaning(project, recorder))
    if plan.adopted is not None:
        checks = Checks(first=adoption(project, recorder, plan.adopted))
    recorder.after = plan.resumed_fingerprint or plan.promised.apply(before).fingerprint
    if plan.action is Action.REPLAN:
        take_over_statements(recorder.connection, journal_act_name(project, plan), recorder.after)
    applied = run_scripts(project, recorder, seen, "up", checks)
    return recorder.after, applied.revisions


def adoption(project: Project, recorder: Recorder, position: Position) -> Callable[[], None]:
    """Return what runs first in an adoption's transaction: it sets the version table to the schema's position."""
    return lambda: set_revisions(recorder.connection, project.config.release.version_table, position)


def cleaning(project: Project, recorder: Recorder) -> Callable[[], None]:
    """Return the function that runs first in the migration's transaction and drops the conflicting objects.

    If a difference remains afterwards, the function raises SchemaDrifted: the transaction is rolled back and
    nothing is dropped. Unmanaged objects remain in the database, so the expected fingerprint is computed there.
    """
    target, connection, plan = recorder.target, recorder.connection, recorder.plan

    def first() -> None:
        drop_objects(connection, [(obstacle.kind, obstacle.name) for obstacle in plan.conflicting_objects])
        left = read_database_state(connection, target.scope)
        refuse_drift(target.name, EnvironmentSchema(project, left))
        recorder.after = plan.promised.apply(project.fingerprinted_part(left.snapshot)).fingerprint

    return first
