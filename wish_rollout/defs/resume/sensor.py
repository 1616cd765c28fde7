"""The sensor that resumes a rollout or rollback after its approval."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.approval.policy import authorize
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.approvals import QuorumNotMet
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RecordedRequest
from wish_rollout.defs.resume.cursor import ResumeCursor, newest_events
from wish_rollout.defs.resume.expiries import notify_of_expired, waiting_entry
from wish_rollout.defs.resume.runs import request_run_once, resume_request
from wish_rollout.rollout.approval.approval_validity import refuse_void_request
from wish_rollout.rollout.approval.approvals import refuse_used_request, sort_approvals
from wish_rollout.rollout.approval.approver_rules import approval_rules, rules_of_environment
from wish_rollout.rollout.fleet.wave_approvals import authorize_wave
from wish_rollout.rollout.project.project import Project

SECONDS_BETWEEN_TICKS = 180
"""Each tick leaves about 1.4 kB in Dagster's database, whatever it does."""
MAX_SKIP_REASONS = 5
NOTHING_WAITS = "no request waits for an approval"
NO_NEW_APPROVAL = "no approval was recorded since the last tick"


def resume_sensor(config: Config, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Return the sensor that launches one run for each approved request of a gated environment.

    The run key is derived from the request's nonce, and Dagster launches only one run for a run key. So a restart of
    the daemon cannot launch a second run. A nonce in the database's ledger launches no run either, even if Dagster's
    records were lost. The cursor only avoids reads. The launched run verifies the approval again.
    """

    @dg.sensor(
        name=prefixed("resume_on_approval", config.project.name),
        jobs=jobs,
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Resumes a rollout or rollback when its request is approved and the change window is open. "
            "Each approved request starts one run."
        ),
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = ResumeCursor.from_text(context.cursor)
        return evaluate_requests(config, context.instance, cursor, context.log.error)

    return resume


@dataclass
class Decision:
    """What a tick does for an environment: the run to launch, and the reason of each request that may not resume.

    ``used``: nonces of open requests that are used. ``expiries``: of requests without an approval, which only an event can
    change. ``waiting``: the requests that wait, as ``waiting_entry`` returns them. ``is_approved``: whether another request
    has an approval, so that time or a database may change what it may do.
    """

    run: dg.RunRequest | None = None
    reasons: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    expiries: list[datetime] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    is_approved: bool = False


def evaluate_requests(
    config: Config,
    instance: dg.DagsterInstance,
    cursor: ResumeCursor,
    log: Callable[[str], None] = lambda _: None,
) -> dg.SensorResult:
    """Return the runs that resume approved requests, or the reason why there are none.

    ``log``: called with the text of each notification that could not be sent.
    If no open request has an approval, the next ticks only compare the newest events with the cursor.
    """
    gated = [env.name for env in config.environments if env.gated]
    events = newest_events(instance, gated, config.project.name)
    if cursor.is_idle(events, datetime.now(UTC)):
        reason = NO_NEW_APPROVAL if cursor.until else NOTHING_WAITS
        return dg.SensorResult(skip_reason=reason, cursor=cursor.to_text())
    project = Project.load(config.path)
    decisions = [next_resume_request(project, instance, name, cursor.used) for name in gated]
    runs = [each.run for each in decisions if each.run]
    reasons = [reason for each in decisions for reason in each.reasons]
    expiries = [expiry for each in decisions for expiry in each.expiries]
    waiting = tuple(entry for each in decisions for entry in each.waiting)
    notify_of_expired(project, instance, set(cursor.waiting) - set(waiting), log)
    is_idle = not runs and not any(each.is_approved for each in decisions)
    after = ResumeCursor(
        used=tuple(nonce for each in decisions for nonce in each.used),
        events=events if is_idle else "",
        until=min(expiries).isoformat() if is_idle and expiries else "",
        waiting=waiting,
    )
    skip = "; ".join(reasons[:MAX_SKIP_REASONS]) or NOTHING_WAITS
    return dg.SensorResult(run_requests=runs, skip_reason=None if runs else skip, cursor=after.to_text())


def next_resume_request(
    project: Project, instance: dg.DagsterInstance, name: str, used: Collection[str]
) -> Decision:
    """Return the run of an environment's first request that may resume, or the reason of each that may not.

    ``used``: nonces of requests that are known to be used. For a request without approvals, the database is not read.
    """
    documents = approval_store.read_approval_documents(instance, name, project.config.project.name)
    approved = {approval_store.approval_nonce(document) for document in documents}
    decision = Decision()
    for recorded in approval_store.read_open_requests(instance, name, project.config.project.name):
        if recorded.request.nonce in used:
            decision.used.append(recorded.request.nonce)
            continue
        decision.waiting.append(waiting_entry(recorded.request))
        if recorded.request.nonce not in approved:
            decision.reasons.append(_describe_missing_approvals(project, recorded))
            decision.expiries.append(recorded.request.expires)
            continue
        _decide_approved(project, instance, recorded, documents, decision)
        if decision.run:
            break
    return decision


def _decide_approved(
    project: Project,
    instance: dg.DagsterInstance,
    recorded: RecordedRequest,
    documents: Sequence[str],
    decision: Decision,
) -> None:
    """Add the run of a request that has an approval to a decision, or the reason why it may not resume."""
    try:
        refuse_ungranted_request(project, recorded, documents)
    except ApprovalUsed as error:
        decision.reasons.append(error.fill(error.summary))
        decision.used.append(recorded.request.nonce)
        return
    except RolloutError as error:
        decision.reasons.append(error.fill(error.summary))
        decision.is_approved = True
        return
    decision.is_approved = True
    decision.run, reason = request_run_once(instance, resume_request(recorded, project.config))
    if not decision.run:
        decision.reasons.append(reason)


def _describe_missing_approvals(project: Project, recorded: RecordedRequest) -> str:
    """Return how many approvals a request needs that has none, or why that cannot be said."""
    name = recorded.request.subject.environment
    try:
        policy = rules_of_environment(project, name).policy
    except RolloutError as error:
        return error.fill(error.summary)
    missing = QuorumNotMet(name, 0, policy.required_approvals(recorded.request), "nobody")
    return missing.fill(missing.summary)


def refuse_ungranted_request(project: Project, recorded: RecordedRequest, documents: Sequence[str]) -> None:
    """Raise if a request may not resume now: it is not approved, used, or no longer matches the database.

    The database is read only if the approvals are sufficient. The targets of a fleet are not read: the run compares the plan
    of each with the approved one.
    """
    name = recorded.request.subject.environment
    env = project.config.find_environment(name)
    if env.is_fleet:
        if recorded.wave is None:
            raise InvalidApprovalDocument("the targets of the request are not recorded")
        authorize_wave(project, env, recorded.request, recorded.wave, documents)
        return
    target = project.target(name, "wish-rollout resume sensor")
    rules = approval_rules(project, target)
    valid, _ = sort_approvals(rules, recorded.request.subject, documents)
    authorize(recorded.request, valid.get(recorded.request, []), rules.policy, datetime.now(UTC))
    with target.connect() as connection:
        refuse_used_request(connection, recorded.request)
    refuse_void_request(project, target, rules, recorded.request)
