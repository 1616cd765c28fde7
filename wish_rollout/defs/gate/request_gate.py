"""What the gates of environments and of waves have in common: their requests, and how a run waits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.configuration import QuorumUnreachable
from wish_rollout.core.errors.gate.approvals import REQUEST_AGAIN
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.errors.planning.plans import WaitingAtGate
from wish_rollout.core.ledger import EMPTY_LEDGER, LedgerHead
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs.gate.approval_events import RecordedRequest, request_event
from wish_rollout.defs.gate.gate_check import gate_passed, request_evaluation, waiting_observation
from wish_rollout.defs.resources import choices_of
from wish_rollout.defs.runs.notifications import notify
from wish_rollout.defs.runs.run_tags import AWAITING, BREAK_GLASS, HINT, WHY, requester_of_run
from wish_rollout.rollout.approval.approver_rules import ApprovalRules, refuse_unreachable_quorum
from wish_rollout.rollout.approval.request import new_request

if TYPE_CHECKING:
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.approval.wave_plan import WavePlan
    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.rollout.project.project import Project

SAME_COMMAND = "the same command again"


@dataclass(frozen=True)
class RequestGate(ABC):
    """The gate of an environment in one run.

    ``events``: what was found, for the op to yield: only yielded check results are recorded.
    """

    context: dg.OpExecutionContext
    project: Project
    events: list[dg.AssetCheckEvaluation | dg.AssetObservation] = field(default_factory=list, kw_only=True)

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the environment."""

    @property
    def requester(self) -> str:
        """The requester of this run."""
        return requester_of_run(self.context.run)

    @property
    def prefix(self) -> str:
        """The name of the project."""
        return self.project.config.project.name

    def report_approved(self, summary: str, authorization: Authorization) -> None:
        """Record that a plan is approved. ``summary``: of the plan, in one line."""
        name, approvers = self.name, ", ".join(authorization.approvers)
        self.context.log.info(f"gate of {name}: approved by {approvers}")
        self.events.append(gate_passed(self.project, name, f"approved by {approvers}: {summary}"))
        if authorization.break_glass:
            title = f"{name}: BREAK GLASS used by {approvers}: {authorization.break_glass}"
            self.context.log.critical(title)
            self.notify(Event.BREAK_GLASS, title, summary)
            value = f"{self.context.run_id[:8]}: {authorization.break_glass[:200]}"
            self.context.instance.add_run_tags(self.context.run_id, {BREAK_GLASS: value})

    def notify(self, event: Event, title: str, text: str) -> None:
        """Send a notification about the environment."""
        notify(self.context, self.project.config, Notification(event, self.name, title, text))

    def record_request(
        self,
        rules: ApprovalRules,
        subject: Subject,
        plan: str,
        ledger: LedgerHead = EMPTY_LEDGER,
        wave: WavePlan | None = None,
    ) -> RecordedRequest:
        """Record a new request, send a notification, and return the request. ``plan``: in Markdown."""
        request = new_request(rules, subject, self.requester, ledger)
        recorded = RecordedRequest(request, plan, self.context.run_id, choices_of(self.context), wave)
        self.context.log_event(request_event(recorded, self.prefix))
        command = f"wish-rollout approve {self.name} --reason '…'"
        text = f"{request.text()}\nTo approve: {command}"
        self.notify(Event.WAITING, f"{self.name} waits for an approval", text)
        return recorded

    @staticmethod
    def quorum_error_or(reason: RolloutError, rules: ApprovalRules, subject: Subject) -> RolloutError:
        """Return QuorumUnreachable if too few persons may approve; otherwise return the given reason."""
        try:
            refuse_unreachable_quorum(subject.environment, rules, subject.hazards)
        except QuorumUnreachable as error:
            return error
        if isinstance(
            reason, ApprovalUsed
        ):  # an earlier request for the same change, which says nothing about this one
            return WaitingAtGate(subject.environment, subject.plan)
        return reason

    def wait(self, recorded: RecordedRequest, reason: RolloutError, then: str = SAME_COMMAND) -> None:
        """Record in the run's tags and log which gate it waits at, the reason, and the command to run next."""
        hint = WaitingAtGate.hint if reason.hint == REQUEST_AGAIN else reason.hint
        why, hint = reason.fill(reason.summary)[:500], f"{reason.fill(hint)[:500]}; and then {then}"
        tags = {AWAITING: self.name, WHY: why, HINT: hint}
        self.context.instance.add_run_tags(self.context.run_id, tags)
        evaluation = request_evaluation(self.context.instance, self.project, recorded)
        observation = waiting_observation(self.project, recorded, evaluation.description or "")
        self.events.extend((evaluation, observation))
        self.context.log.warning(
            f"{reason.fill(reason.summary)}\n\n{recorded.request.text()}\n"
            f"To approve: wish-rollout approve {self.name}"
        )
