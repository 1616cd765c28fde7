"""The jobs ``approve`` and ``reject``, which answer a request for approval."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.policy import SignedStatement
from wish_rollout.core.errors.gate.requests import NoApprovalRequest
from wish_rollout.core.errors.planning.plans import EnvironmentNotGated
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs import run_config
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RecordedRequest, approval_event, rejection_event
from wish_rollout.defs.gate.gate_check import gate_waits, request_evaluation
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify
from wish_rollout.rollout.approval.approval_progress import requests_of_database
from wish_rollout.rollout.approval.approval_validity import check_submitted_approval, refuse_rejected_request
from wish_rollout.rollout.approval.approvals import approval_text
from wish_rollout.rollout.fleet.wave_approvals import check_wave_approval
from wish_rollout.rollout.project.project import Project


def approval_jobs(config: Config) -> list[dg.JobDefinition]:
    """Return the jobs ``approve`` and ``reject``."""
    approve = OpJob(
        "approve",
        "approve_plan",
        "Verifies a signed approval of one plan, and records it.",
        run_config.approve(config),
        {"environment": run_config.first_environment(config, gated=True), "approval": ""},
    )
    reject = OpJob(
        "reject",
        "reject_request",
        "Rejects a request for approval, which closes the request.",
        run_config.reject(config),
        {
            "environment": run_config.first_environment(config, gated=True),
            "nonce": "",
            "who": "",
            "reason": "",
        },
    )
    return [approve.define(config, approve_plan), reject.define(config, reject_request)]


def approve_plan(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Verify and record a signed approval of the current plan; raise a Failure if it is not valid."""
    project, document = project_of(context), context.op_config["approval"]
    with rollout_errors_as_failures():
        env = project.config.find_environment(context.op_config["environment"])
        prefix = project.config.project.name
        rejected = approval_store.read_rejections(context.instance, env.name, prefix)
        if env.is_fleet:
            signed = check_fleet_approval(context.instance, project, env, document, rejected)
        else:
            signed = check_submitted_approval(project, target_of(context, env.name), document, rejected)
        event = approval_event(document, prefix)
        request = signed.statement.request
        evaluation = request_evaluation(
            context.instance, project, find_recorded(context.instance, project, request), document
        )
    yield event
    yield evaluation
    if signed.statement.break_glass:
        title = f"{env.name}: {event.description}"
        context.log.critical(title)
        text = request.text()
        notify(context, project.config, Notification(Event.BREAK_GLASS, env.name, title, text))
    yield dg.Output(None)


def check_fleet_approval(
    instance: dg.DagsterInstance,
    project: Project,
    env: Environment,
    document: str,
    rejected: Mapping[str, str],
) -> SignedStatement:
    """Return the verified statement of a submitted approval of a fleet, compared with the recorded request.

    No target is read: a rollout compares the plan of each with the approved one. Raises EnvironmentNotGated,
    RequestRejected, NoApprovalRequest, and what ``check_wave_approval`` raises.
    """
    if not env.gated:
        raise EnvironmentNotGated(env.name)
    signed = ApprovalStatement.from_text(approval_text(document)).request
    refuse_rejected_request(signed, rejected)
    for each in approval_store.read_open_requests(instance, env.name, project.config.project.name):
        if each.wave and each.request.nonce == signed.nonce:
            return check_wave_approval(project, env, each.request, each.wave, document)
    raise NoApprovalRequest(env.name)


def find_recorded(instance: dg.DagsterInstance, project: Project, request: Request) -> RecordedRequest:
    """Return a request as it was recorded, with its plan; without a plan if it is not recorded."""
    name, prefix = request.subject.environment, project.config.project.name
    recorded = approval_store.read_open_requests(instance, name, prefix)
    return next((each for each in recorded if each.request == request), RecordedRequest(request))


def reject_request(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Record the rejection of an open request; raise a Failure if there is none with this nonce."""
    values = context.op_config
    nonce, rejector, reason = values["nonce"], values["who"], values["reason"]
    if not (rejector.strip() and reason.strip()):
        raise dg.Failure("who and reason are required to reject a request", allow_retries=False)
    with rollout_errors_as_failures():
        project = project_of(context)
        name = project.config.find_environment(values["environment"]).name
        prefix = project.config.project.name
        recorded = approval_store.read_unrejected_requests(context.instance, name, prefix)
        own = requests_of_database(project, name, [each.request for each in recorded]) if recorded else []
        if nonce not in [request.nonce for request in own]:
            raise NoApprovalRequest(name)
    event = rejection_event(name, nonce, rejector, reason, prefix)
    yield event
    what_to_do = {"what to do": "launch the job rollout or rollback to request an approval again"}
    yield gate_waits(project, name, str(event.description), what_to_do)
    text = f"{event.description}\n\nThe request {nonce:.12}… is closed. Nothing was changed."
    notify(context, project.config, Notification(Event.REJECTED, name, f"{name}: request rejected", text))
    yield dg.Output(None)
