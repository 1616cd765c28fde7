"""The jobs ``approve`` and ``reject``, which answer a request for approval."""

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.requests import NoApprovalRequest
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs import run_config
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import approval_event, rejection_event
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify
from wish_rollout.rollout.approval.approval_validity import check_submitted_approval

APPROVE = OpJob(
    "approve", "approve_plan", "Verifies a signed approval of one plan, and records it.", run_config.APPROVE
)
REJECT = OpJob(
    "reject", "reject_request", "Rejects a request for approval, which closes the request.", run_config.REJECT
)


def approval_jobs(config: Config) -> list[dg.JobDefinition]:
    """Return the jobs ``approve`` and ``reject``."""
    return [APPROVE.define(config, approve_plan), REJECT.define(config, reject_request)]


def approve_plan(context: dg.OpExecutionContext) -> None:
    """Verify and record a signed approval of the current plan; raise a Failure if it is not valid."""
    project, document = context.resources.project.project, context.op_config["approval"]
    with rollout_errors_as_failures():
        env = project.config.find_environment(context.op_config["environment"])
        rejected = approval_store.read_rejections(context.instance, env.name)
        signed = check_submitted_approval(project, target_of(context, env.name), document, rejected)
        event = approval_event(document)
    context.log_event(event)
    if signed.statement.break_glass:
        title = f"{env.name}: {event.description}"
        context.log.critical(title)
        text = signed.statement.request.text()
        notify(context, project.config, Notification(Event.BREAK_GLASS, env.name, title, text))


def reject_request(context: dg.OpExecutionContext) -> None:
    """Record the rejection of an open request; raise a Failure if there is none with this nonce."""
    values = context.op_config
    nonce, rejector, reason = values["nonce"], values["who"], values["reason"]
    if not (rejector.strip() and reason.strip()):
        raise dg.Failure("who and reason are required to reject a request", allow_retries=False)
    with rollout_errors_as_failures():
        config = context.resources.project.project.config
        name = config.find_environment(values["environment"]).name
        recorded = approval_store.read_open_requests(context.instance, name)
        if nonce not in [each.request.nonce for each in recorded]:
            raise NoApprovalRequest(name)
    context.log_event(rejection_event(name, nonce, rejector, reason))
