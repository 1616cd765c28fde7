"""The manual gate: it continues a run whose plan is approved, and otherwise records a request for approval."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.approval.policy import check_hazards
from wish_rollout.core.errors.base import AwaitingApproval, Refused, RolloutError, VerificationFailed
from wish_rollout.core.errors.configuration import QuorumUnreachable
from wish_rollout.core.errors.gate.approvals import REQUEST_AGAIN
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.errors.planning.plans import WaitingAtGate
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RecordedRequest, request_event
from wish_rollout.defs.gate.gate_check import gate_passed, request_evaluation, waiting_observation
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.defs.resources import choices_of
from wish_rollout.defs.runs.notifications import notify
from wish_rollout.defs.runs.run_tags import (
    AWAITING,
    BREAK_GLASS,
    HINT,
    WHY,
    requester_of_run,
)
from wish_rollout.rollout.approval.approvals import find_authorization
from wish_rollout.rollout.approval.approver_rules import (
    ApprovalRules,
    approval_rules,
    refuse_unreachable_quorum,
)
from wish_rollout.rollout.approval.ledger_guard import LedgerState, read_ledger_state
from wish_rollout.rollout.approval.request import new_request, subject_of_plan
from wish_rollout.rollout.execution.ledger_recording import Actor

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.ledger import KnownRows, LedgerHead
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True)
class ApprovalGate:
    """The gate of one target in one run.

    ``events``: what ``is_open_for`` has found, for the op to yield: only yielded check results are recorded.
    """

    context: dg.OpExecutionContext
    project: Project
    target: Target
    events: list[dg.AssetCheckEvaluation | dg.AssetObservation] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        """The requester of this run, with this gate's check of the approval."""
        report = self.context.log.info
        return Actor(requester_of_run(self.context.run), self.context.run_id, self.require_approval, report)

    def require_approval(self, plan: EnvironmentPlan, connection: psycopg.Connection[Any]) -> Authorization:
        """Return the authorization of a plan, with rules and approvals read again; raise if there is none."""
        rules = approval_rules(self.project, self.target)
        subject = subject_of_plan(self.project, rules, plan)
        return self._find_authorization(rules, subject, connection)

    def is_open_for(self, plan: EnvironmentPlan) -> bool:
        """Return whether a plan is approved. Otherwise record a request, and tag the run as waiting.

        A run that waits succeeds; its later steps are skipped. Raises ApproversNotConfigured,
        InvalidAllowedSigners, RevisionAuthorUnknown and HazardNotApprovable.
        """
        rules = approval_rules(self.project, self.target)
        subject = subject_of_plan(self.project, rules, plan)
        check_hazards(subject, rules.policy)
        with self.target.connect() as connection:
            state = read_ledger_state(
                connection, self.target.name, self._known_rows(subject), rules.version_table
            )
            recorded = self._find_request(rules, subject, connection, state)
            request = recorded.request if recorded else None
            try:
                authorization = self._find_authorization(rules, subject, connection, request)
            except (Refused, AwaitingApproval, VerificationFailed) as reason:
                waiting = recorded or self._record_request(rules, subject, plan, state.head)
                self._wait(waiting, self._quorum_error_or(reason, rules, subject))
                return False
        self._report_approved(plan, authorization)
        return True

    def _report_approved(self, plan: EnvironmentPlan, authorization: Authorization) -> None:
        name, approvers = self.target.name, ", ".join(authorization.approvers)
        self.context.log.info(f"gate of {name}: approved by {approvers}")
        self.events.append(gate_passed(self.project, name, f"approved by {approvers}: {plan.summary()}"))
        if authorization.break_glass:
            title = f"{name}: BREAK GLASS used by {approvers}: {authorization.break_glass}"
            self.context.log.critical(title)
            self._notify(Event.BREAK_GLASS, title, plan.summary())
            value = f"{self.context.run_id[:8]}: {authorization.break_glass[:200]}"
            self.context.instance.add_run_tags(self.context.run_id, {BREAK_GLASS: value})

    def _notify(self, event: Event, title: str, text: str) -> None:
        notify(self.context, self.project.config, Notification(event, self.target.name, title, text))

    def _find_authorization(
        self,
        rules: ApprovalRules,
        subject: Subject,
        connection: psycopg.Connection[Any],
        request: Request | None = None,
    ) -> Authorization:
        documents = approval_store.read_approval_documents(
            self.context.instance, self.target.name, self.project.config.project.name
        )
        return find_authorization(rules, subject, documents, connection, request, self._known_rows(subject))

    def _known_rows(self, subject: Subject) -> KnownRows:
        return approval_store.read_known_rows(
            self.context.instance, self.target.name, subject.database, self.project.config.project.name
        )

    def _find_request(
        self,
        rules: ApprovalRules,
        subject: Subject,
        connection: psycopg.Connection[Any],
        state: LedgerState,
    ) -> RecordedRequest | None:
        """Return the requester's open and unused request for exactly this subject, or None."""
        recorded = approval_store.find_open_request(
            self.context.instance,
            subject,
            rules.policy,
            self.actor.who,
            self.project.config.project.name,
            state.head,
        )
        with suppress(Refused):
            if recorded:
                state.refuse_used(connection, recorded.request)
            return recorded
        return None

    def _record_request(
        self, rules: ApprovalRules, subject: Subject, plan: EnvironmentPlan, ledger: LedgerHead
    ) -> RecordedRequest:
        """Record a new request, send a notification, and return the request."""
        name = self.target.name
        request = new_request(rules, subject, self.actor.who, ledger)
        choices, run_id = choices_of(self.context), self.context.run_id
        recorded = RecordedRequest(request, plan_markdown(plan), run_id, choices)
        self.context.log_event(request_event(recorded, self.project.config.project.name))
        command = f"wish-rollout approve {name} --reason '…'"
        text = f"{request.text()}\nTo approve: {command}"
        self._notify(Event.WAITING, f"{name} waits for an approval", text)
        return recorded

    @staticmethod
    def _quorum_error_or(reason: RolloutError, rules: ApprovalRules, subject: Subject) -> RolloutError:
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

    def _wait(self, recorded: RecordedRequest, reason: RolloutError) -> None:
        """Record in the run's tags and log which gate it waits at, the reason, and the command to run next."""
        name, subject = self.target.name, recorded.request.subject
        hint = WaitingAtGate.hint if reason.hint == REQUEST_AGAIN else reason.hint
        then = "the same command again"
        if subject.act in ROLLBACKS:  # without --to, the same command could select an earlier revision
            then = rollback_command(name, subject.act, subject.end)
        why, hint = reason.fill(reason.summary)[:500], f"{reason.fill(hint)[:500]}; and then {then}"
        self.context.instance.add_run_tags(self.context.run_id, {AWAITING: name, WHY: why, HINT: hint})
        evaluation = request_evaluation(self.context.instance, self.project, recorded)
        observation = waiting_observation(self.project, recorded, evaluation.description or "")
        self.events.extend((evaluation, observation))
        self.context.log.warning(
            f"{reason.fill(reason.summary)}\n\n{recorded.request.text()}\n"
            f"To approve: wish-rollout approve {name}"
        )
