"""The jobs that answer a request: approve and reject."""

import dagster as dg
from pydantic import Field

from wish_rollout.core.approval_errors import NoRequest
from wish_rollout.core.notice import Event, Notice
from wish_rollout.defs import approvals
from wish_rollout.defs.failures import told
from wish_rollout.defs.jobs import EnvironmentConfig
from wish_rollout.defs.notifying import tell
from wish_rollout.defs.resources import target_of
from wish_rollout.rollout.standing import take_in


class ApproveConfig(EnvironmentConfig):
    """A signed approval."""

    approval: str = Field(
        description="the whole file that `wish-rollout approve ENV --out FILE` wrote: the text and its signature"
    )


class RejectConfig(EnvironmentConfig):
    """Who turns down which request, and why."""

    nonce: str = Field(min_length=1, description="the request's nonce, as `wish-rollout requests` shows it")
    who: str = Field(min_length=1, description="who rejects")
    reason: str = Field(min_length=1, description="why")


def approve_job(keys: set[str]) -> dg.JobDefinition:
    """Take in a person's signed approval of exactly what stands."""

    @dg.op(name="approve_plan", required_resource_keys=keys, out=dg.Out(dg.Nothing))
    def approve_plan(context: dg.OpExecutionContext, config: ApproveConfig) -> None:
        project = context.resources.project.project
        with told():
            env = project.config.declared(config.environment)
            turned_down = approvals.rejections(context.instance, env.name)
            signed = take_in(project, target_of(context, env.name), config.approval, turned_down)
            event = approvals.approval_event(config.approval)
        context.log_event(event)
        if signed.statement.break_glass:
            said = f"{env.name}: {event.description}"
            context.log.critical(said)
            request = signed.statement.request
            notice = Notice(Event.BREAK_GLASS, env.name, said, request.text())
            tell(context, project.config, notice)

    @dg.job(name="approve", description="Takes in a signed approval of exactly one plan.")
    def job() -> None:
        approve_plan()

    return job


def reject_job(keys: set[str]) -> dg.JobDefinition:
    """Record that a request was turned down, which ends it."""

    @dg.op(name="reject_request", required_resource_keys=keys, out=dg.Out(dg.Nothing))
    def reject_request(context: dg.OpExecutionContext, config: RejectConfig) -> None:
        with told():
            name = context.resources.project.project.config.declared(config.environment).name
            open_ones = approvals.requests(context.instance, name)
            if config.nonce not in [asked.request.nonce for asked in open_ones]:
                raise NoRequest(name)
        context.log_event(approvals.rejection_event(name, config.nonce, config.who, config.reason))

    @dg.job(name="reject", description="Turns a request for approval down, which ends it.")
    def job() -> None:
        reject_request()

    return job
