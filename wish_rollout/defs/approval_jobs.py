"""The jobs that answer a request: approve and reject."""

import dagster as dg

from wish_rollout.core.errors.requests import NoApprovalRequest
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs import run_config
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import approval_event, rejection_event
from wish_rollout.defs.resources import target_of
from wish_rollout.defs.runs.failures import told
from wish_rollout.defs.runs.notifications import tell
from wish_rollout.rollout.approval.approval_validity import check_submitted_approval


def approve_job(keys: set[str]) -> dg.JobDefinition:
    """Take in a person's signed approval of exactly what stands."""

    @dg.op(
        name="approve_plan",
        config_schema=run_config.APPROVE,
        required_resource_keys=keys,
        out=dg.Out(dg.Nothing),
    )
    def approve_plan(context: dg.OpExecutionContext) -> None:
        project, document = context.resources.project.project, context.op_config["approval"]
        with told():
            env = project.config.declared(context.op_config["environment"])
            turned_down = approval_store.read_rejections(context.instance, env.name)
            signed = check_submitted_approval(project, target_of(context, env.name), document, turned_down)
            event = approval_event(document)
        context.log_event(event)
        if signed.statement.break_glass:
            said = f"{env.name}: {event.description}"
            context.log.critical(said)
            request = signed.statement.request
            notice = Notification(Event.BREAK_GLASS, env.name, said, request.text())
            tell(context, project.config, notice)

    @dg.job(name="approve", description="Takes in a signed approval of exactly one plan.")
    def job() -> None:
        approve_plan()

    return job


def reject_job(keys: set[str]) -> dg.JobDefinition:
    """Record that a request was turned down, which ends it."""

    @dg.op(
        name="reject_request",
        config_schema=run_config.REJECT,
        required_resource_keys=keys,
        out=dg.Out(dg.Nothing),
    )
    def reject_request(context: dg.OpExecutionContext) -> None:
        asked = context.op_config
        nonce = asked["nonce"]
        if not (asked["who"].strip() and asked["reason"].strip()):
            raise dg.Failure("a rejection says who rejects, and why", allow_retries=False)
        with told():
            name = context.resources.project.project.config.declared(asked["environment"]).name
            open_ones = approval_store.requests(context.instance, name)
            if nonce not in [each.request.nonce for each in open_ones]:
                raise NoApprovalRequest(name)
        context.log_event(rejection_event(name, nonce, asked["who"], asked["reason"]))

    @dg.job(name="reject", description="Turns a request for approval down, which ends it.")
    def job() -> None:
        reject_request()

    return job
