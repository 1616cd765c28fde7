"""Progress of a request: its approvers, the required number, and whether it matches the current plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.policy import distinct_persons
from wish_rollout.core.errors.base import Refused, RolloutError
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.postgres.records.ledger import read_nonce_use
from wish_rollout.rollout.approval.approval_validity import refuse_outdated_request, refuse_void_request
from wish_rollout.rollout.approval.approvals import sort_approvals
from wish_rollout.rollout.approval.approver_rules import approval_rules, rules_of_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.rollout.project.project import Project


@dataclass(frozen=True, slots=True)
class ApprovalProgress:
    """The progress of one request.

    ``approvers``: with valid approvals. ``needed``: the required number. ``find_void_reason``: why the request can no longer
    be approved, or "".
    """

    approvers: tuple[str, ...]
    needed: int
    void_reason: str = ""

    def __str__(self) -> str:
        names = f" ({', '.join(self.approvers)})" if self.approvers else ""
        text = f"{len(self.approvers)} of {self.needed} approvals{names}"
        return f"{text}; {self.void_reason}" if self.void_reason else text

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {"approvers": list(self.approvers), "needed": self.needed, "void": self.void_reason or None}


def read_approval_progress(
    project: Project, request: Request, documents: Sequence[str], *, read_database: bool = True
) -> ApprovalProgress:
    """Return the progress of a request.

    ``documents``: the submitted approvals. Without ``read_database``, the request is not compared with the current
    plan. Raises ApproversNotConfigured, InvalidAllowedSigners, DatabaseUrlMissing.
    """
    rules = rules_of_environment(project, request.subject.environment)
    valid, _ = sort_approvals(rules, request.subject, documents)
    approvals: list[SignedStatement] = valid.get(request, [])
    break_glass = [each for each in approvals if each.statement.break_glass]
    needed = 1 if break_glass else rules.policy.required_approvals(request)
    reason = find_void_reason(project, request) if read_database else ""
    return ApprovalProgress(tuple(sorted(distinct_persons(break_glass or approvals))), needed, reason)


def unused_requests(project: Project, name: str, requests: Sequence[Request]) -> list[Request] | None:
    """Return the requests for this database whose nonce is not in its ledger, or None if it cannot be read.

    Those of a fleet are for many databases, which are not read.
    """
    if project.config.find_environment(name).is_fleet:
        return list(requests)
    try:
        with project.target(name).connect() as connection:
            own = _of_this_database(project, connection, requests)
            return [each for each in own if not read_nonce_use(connection, each.nonce)]
    except RolloutError:
        return None


def requests_of_database(project: Project, name: str, requests: Sequence[Request]) -> list[Request]:
    """Return the requests for an environment's own database; all of them if it cannot be read.

    Another project, or the same one with another database, may use the same Dagster instance. Those of a fleet are for many
    databases, which are not read.
    """
    if project.config.find_environment(name).is_fleet:
        return list(requests)
    try:
        with project.target(name).connect() as connection:
            return _of_this_database(project, connection, requests)
    except RolloutError:
        return list(requests)


def _of_this_database(
    project: Project, connection: psycopg.Connection[Any], requests: Sequence[Request]
) -> list[Request]:
    facts = read_facts(connection, project.config.release.version_table)
    own = escape_to_one_line(facts.database_identity)
    return [each for each in requests if each.subject.database == own]


def find_void_reason(project: Project, request: Request) -> str:
    """Return why a request does not match the current plan; "" if it does, or if this process cannot determine it."""
    try:
        env = project.config.find_environment(request.subject.environment)
        if env.is_fleet:
            refuse_outdated_request(project, env, request)
            return ""
        target = project.target(request.subject.environment)
        refuse_void_request(project, target, approval_rules(project, target), request)
    except Refused as error:
        return error.fill(error.summary)
    except RolloutError as error:
        return error.fill(error.summary) if error.exit_code == 0 else ""
    return ""


def newest_valid_request(project: Project, requests: Sequence[Request]) -> Request:
    """Return the first of an environment's requests that is unused and matches the current plan, or else the first."""
    if len(requests) > 1:  # a single request is checked when it is signed
        unused = unused_requests(project, requests[0].subject.environment, requests)
        for request in requests if unused is None else unused:
            if not find_void_reason(project, request):
                return request
    return requests[0]
