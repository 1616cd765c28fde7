"""The manual gate: it continues a run whose plan is approved, and otherwise records a request for approval."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.policy import check_hazards
from wish_rollout.core.errors.base import AwaitingApproval, Refused, VerificationFailed
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.known_rows import read_known_rows
from wish_rollout.defs.gate.request_gate import SAME_COMMAND, RequestGate
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.rollout.approval.approvals import find_authorization
from wish_rollout.rollout.approval.approver_rules import ApprovalRules, approval_rules
from wish_rollout.rollout.approval.ledger_guard import LedgerState, read_ledger_state
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.execution.ledger_recording import Actor

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.ledger import KnownRows
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True)
class ApprovalGate(RequestGate):
    """The gate of one target in one run."""

    target: Target

    @property
    def name(self) -> str:
        """The name of the environment."""
        return self.target.name

    @property
    def actor(self) -> Actor:
        """The requester of this run, with this gate's check of the approval."""
        report = self.context.log.info
        return Actor(self.requester, self.context.run_id, self.require_approval, report)

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
            state = read_ledger_state(connection, self.name, self._known_rows(subject), rules.version_table)
            recorded = self._find_request(rules, subject, connection, state)
            request = recorded.request if recorded else None
            try:
                authorization = self._find_authorization(rules, subject, connection, request)
            except (Refused, AwaitingApproval, VerificationFailed) as reason:
                waiting = recorded or self.record_request(rules, subject, plan_markdown(plan), state.head)
                self.wait(waiting, self.quorum_error_or(reason, rules, subject), self._command(subject))
                return False
        self.report_approved(plan.summary(), authorization)
        return True

    def _command(self, subject: Subject) -> str:
        """Return the command that continues: without --to, the same one could select an earlier revision."""
        return (
            rollback_command(self.name, subject.act, subject.end)
            if subject.act in ROLLBACKS
            else SAME_COMMAND
        )

    def _find_authorization(
        self,
        rules: ApprovalRules,
        subject: Subject,
        connection: psycopg.Connection[Any],
        request: Request | None = None,
    ) -> Authorization:
        documents = approval_store.read_approval_documents(self.context.instance, self.name, self.prefix)
        return find_authorization(rules, subject, documents, connection, request, self._known_rows(subject))

    def _known_rows(self, subject: Subject) -> KnownRows:
        return read_known_rows(self.context.instance, self.name, subject.database, self.prefix)

    def _find_request(
        self,
        rules: ApprovalRules,
        subject: Subject,
        connection: psycopg.Connection[Any],
        state: LedgerState,
    ) -> RecordedRequest | None:
        """Return the requester's open and unused request for exactly this subject, or None."""
        recorded = approval_store.find_open_request(
            self.context.instance, subject, rules.policy, self.requester, self.prefix, state.head
        )
        with suppress(Refused):
            if recorded:
                state.refuse_used(connection, recorded.request)
            return recorded
        return None
