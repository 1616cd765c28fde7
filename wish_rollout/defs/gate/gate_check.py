"""The check ``gate`` of a gated environment: whether a plan waits for approvals there, since when, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.defs.asset_keys import prefixed, stage_key
from wish_rollout.defs.events.limits import code_markdown, markdown
from wish_rollout.defs.gate import approval_store
from wish_rollout.rollout.approval.approval_progress import (
    newest_valid_request,
    read_approval_progress,
    unused_requests,
)
from wish_rollout.rollout.planning.plans import plan_target

if TYPE_CHECKING:
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

GATE = "gate"
GATE_DESCRIPTION = "No plan waits for an approval: the release is approved, or there is nothing to approve."


def gate_passed(project: Project, environment: str, text: str) -> dg.AssetCheckEvaluation:
    """Return the event of an open gate. ``text``: why it is open."""
    return dg.AssetCheckEvaluation(
        asset_key=_asset_key(project, environment),
        check_name=GATE,
        passed=True,
        description=text,
        metadata={"seen": text},
    )


def gate_waits(
    project: Project, environment: str, text: str, metadata: dict[str, Any]
) -> dg.AssetCheckEvaluation:
    """Return the event of a gate that waits: a warning."""
    return dg.AssetCheckEvaluation(
        asset_key=_asset_key(project, environment),
        check_name=GATE,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=text,
        metadata=metadata,
    )


def request_evaluation(
    instance: dg.DagsterInstance, project: Project, recorded: RecordedRequest, submitted: str = ""
) -> dg.AssetCheckEvaluation:
    """Return the event of a gate that waits for the approvals of a request. ``submitted``: an approval to count too."""
    name = recorded.request.subject.environment
    text = describe_wait(instance, project, recorded.request, submitted)
    return gate_waits(project, name, text, request_metadata(recorded, project.config.project.name))


def waiting_observation(project: Project, recorded: RecordedRequest, text: str) -> dg.AssetObservation:
    """Return the event of ``schema/<env>``, or ``fleet/<env>``, that tells that a request waits."""
    key = _asset_key(project, recorded.request.subject.environment)
    return dg.AssetObservation(
        key, description=text, metadata=request_metadata(recorded, project.config.project.name)
    )


def _asset_key(project: Project, environment: str) -> dg.AssetKey:
    return stage_key(project.config, project.config.find_environment(environment))


def describe_wait(
    instance: dg.DagsterInstance, project: Project, request: Request, submitted: str = ""
) -> str:
    """Return the number of approvals, the approvers, and since when the request waits."""
    name = request.subject.environment
    since = f"{request.requested:%Y-%m-%d %H:%M} UTC"
    try:
        documents = approval_store.read_approval_documents(instance, name, project.config.project.name)
        documents += [submitted] if submitted else []
        progress = read_approval_progress(project, request, documents, read_database=False)
    except RolloutError as error:
        return f"waits since {since}; the approvals cannot be counted: {error.fill(error.summary)}"
    approvers = f" ({', '.join(progress.approvers)})" if progress.approvers else ""
    return f"waits since {since}: {len(progress.approvers)} of {progress.needed} approvals{approvers}"


def request_metadata(recorded: RecordedRequest, project: str) -> dict[str, Any]:
    """Return the metadata of an open request: what to do, since when, the request and its plan.

    ``project``: its name, the prefix of its jobs.
    """
    request = recorded.request
    name = request.subject.environment
    return {
        "what to do": what_to_do(name, project),
        "since": dg.MetadataValue.timestamp(request.requested),
        "expires": dg.MetadataValue.timestamp(request.expires),
        "requester": request.requester,
        "request": code_markdown(request.text()),
        "nonce": request.nonce,
        "plan": markdown(recorded.markdown or "not recorded", f"wish-rollout requests {name}"),
    }


def what_to_do(name: str, project: str) -> dg.MarkdownMetadataValue:
    """Return the ways to answer a request, in short lines, because Dagster does not wrap them."""
    command = f"wish-rollout approve {name} --reason '…'"
    return dg.MetadataValue.md(
        f"To approve:\n\n```\n{command}\n```\n\n"
        f"On another machine, with the request as `request.txt`:\n\n"
        f"```\n{command} \\\n  --request request.txt --run-config approve.yaml\n```\n\n"
        f"Paste `approve.yaml` into the launchpad of `{prefixed('approve', project)}`.\n\n"
        f"To reject: the job `{prefixed('reject', project)}`, with the nonce below."
    )


def current_gate_evaluation(
    instance: dg.DagsterInstance, project: Project, target: Target
) -> dg.AssetCheckEvaluation:
    """Return the evaluation of the gate as it is now. Reads Dagster's events and the database."""
    name = target.name
    recorded = approval_store.read_open_requests(instance, name, project.config.project.name)
    unused = unused_requests(project, name, [each.request for each in recorded]) if recorded else []
    waiting = [each for each in recorded if unused is None or each.request in unused]
    plan, _ = plan_target(project, target)
    rollbacks = [each for each in waiting if each.request.subject.act in ROLLBACKS]
    if plan.is_empty and not rollbacks:
        return gate_passed(project, name, f"nothing to approve: {name} is at the head of the release")
    candidates = rollbacks if plan.is_empty else waiting
    if candidates:
        newest = newest_valid_request(project, [each.request for each in candidates])
        return request_evaluation(
            instance, project, next(each for each in candidates if each.request is newest)
        )
    return gate_waits(project, name, not_requested(plan), {"what to do": "launch the job rollout"})


def current_wave_evaluation(
    instance: dg.DagsterInstance, project: Project, fleet: str
) -> dg.AssetCheckEvaluation:
    """Return the evaluation of the gate of a fleet as it is now. Reads Dagster's events and no target."""
    waiting = approval_store.read_open_requests(instance, fleet, project.config.project.name)
    if waiting:
        return request_evaluation(instance, project, waiting[0])
    return gate_passed(project, fleet, f"no request of {fleet} waits for an approval")


def not_requested(plan: EnvironmentPlan) -> str:
    """Return the text for a plan that nobody has requested an approval for."""
    return f"{plan.summary()}; no approval is requested: a run of rollout requests it"
