"""How far a request is: who has approved it, how many have to, and whether it is of what stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.policy import distinct
from wish_rollout.core.errors.base import Refused, RolloutError
from wish_rollout.postgres.records.ledger import read_nonce_use
from wish_rollout.rollout.approval.approval_validity import refuse_void_request
from wish_rollout.rollout.approval.approvals import judge, approval_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.rollout.project.project import Project


@dataclass(frozen=True, slots=True)
class ApprovalProgress:
    """``approvers``: those whose approvals count. ``needed``: how many have to. ``against``: why none can count any more."""

    approvers: tuple[str, ...]
    needed: int
    against: str = ""

    def __str__(self) -> str:
        have, who = len(self.approvers), ", ".join(self.approvers)
        told = f"{have} of {self.needed} approvals" + (f" ({who})" if who else "")
        return f"{told}; {self.against}" if self.against else told

    def as_dict(self) -> dict[str, Any]:
        """Give the fields, for ``--json``."""
        return {"approvers": list(self.approvers), "needed": self.needed, "void": self.against or None}


def progress(project: Project, request: Request, documents: Sequence[str], *, look: bool = True) -> ApprovalProgress:
    """Say how far a request is; without ``look`` nothing is asked of the database.

    Raises UnsignedGate, BadSigners, MissingUrl.
    """
    target = project.target(request.subject.environment)
    rules = approval_rules(project, target)
    counted, _ = judge(rules, request.subject, documents)
    given: list[SignedStatement] = counted.get(request, [])
    glass = [each for each in given if each.statement.break_glass]
    needed = 1 if glass else rules.policy.persons(request)
    against = void_reason(project, request) if look else ""
    return ApprovalProgress(tuple(sorted(distinct(glass or given))), needed, against)


def unused(project: Project, name: str, requests: Sequence[Request]) -> list[Request] | None:
    """Leave out what is done: its nonce is in the ledger. None where that cannot be read."""
    try:
        with project.target(name).connect() as connection:
            return [each for each in requests if not read_nonce_use(connection, each.nonce)]
    except RolloutError:
        return None


def void_reason(project: Project, request: Request) -> str:
    """Say why a request is not of what stands; empty where it is, or where that cannot be told from here."""
    try:
        target = project.target(request.subject.environment)
        refuse_void_request(project, target, approval_rules(project, target), request)
    except Refused as error:
        return error.fill(error.summary)
    except RolloutError as error:
        return error.fill(error.summary) if error.exit_code == 0 else ""
    return ""


def newest_valid_request(project: Project, requests: Sequence[Request]) -> Request:
    """Find the first of an environment's requests that is unused and of what stands; the first of all, where none is."""
    if len(requests) > 1:  # of a single one, whoever signs it finds out
        known = unused(project, requests[0].subject.environment, requests)
        for request in requests if known is None else known:
            if not void_reason(project, request):
                return request
    return requests[0]
