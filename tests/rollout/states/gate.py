"""The gate of prod without Dagster: the same checks of requests, signatures and the ledger, in this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fix_project import APPROVER, REQUESTER
from wish_rollout.core.approval.documents import ApprovalStatement
from wish_rollout.rollout.approval.approvals import find_authorization
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.rollout.approval.request import new_request, subject_of_plan
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass
class SigningGate:
    """The requests that wait, and the approvals that were signed. ``key``: of the approver."""

    key: Path
    requests: list[Request] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    def pass_plan(self, project: Project, target: Target, plan: EnvironmentPlan) -> Actor:
        """Return who executes a plan that is approved. Otherwise record a request, and raise why it waits."""

        def require(plan: EnvironmentPlan, connection: psycopg.Connection[Any]) -> Authorization:
            rules = approval_rules(project, target)
            return find_authorization(
                rules, subject_of_plan(project, rules, plan), self.documents, connection
            )

        if not plan.is_empty:
            rules = approval_rules(project, target)
            with target.connect() as connection:
                head = read_ledger_state(connection, target.name, version_table=rules.version_table).head
                subject = subject_of_plan(project, rules, plan)
                self.requests.append(new_request(rules, subject, REQUESTER, head))
                require(plan, connection)
        return Actor(REQUESTER, gatekeeper=require)

    def approve(self) -> None:
        """Sign the newest request."""
        text = ApprovalStatement(self.requests[-1], APPROVER, "agreed", "").text()
        self.documents.append(text + sign(text, find_keys(self.key)[0]))
