"""Approvals of the targets of a wave, and the gatekeeper of each target, which verifies them again in its worker process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wish_rollout.config import FleetMember
from wish_rollout.core.approval.documents import ApprovalStatement
from wish_rollout.core.approval.policy import authorize, check_request
from wish_rollout.core.approval.wave_plan import WavePlan, compared_with_target, expected_subject, wave_scope
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.fleets.rollouts import TargetNotApproved
from wish_rollout.core.errors.gate.approvals import ApprovalForOtherDatabase
from wish_rollout.core.errors.planning.plans import PlanChanged, WaitingAtGate
from wish_rollout.core.ledger import KnownRows, LedgerHead
from wish_rollout.rollout.approval.approvals import (
    approval_text,
    check_approval,
    find_authorization,
    sort_approvals,
)
from wish_rollout.rollout.approval.approver_rules import approval_rules, configured_rules
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.fleet.approvable_plans import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.approval.policy import Authorization, SignedStatement
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules
    from wish_rollout.rollout.fleet.approvable_plans import PlannedTarget
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

GATE = "gate"
"""The field of an order with the scope, the approvals and what is known of the ledgers from elsewhere."""


@dataclass(frozen=True, slots=True)
class WaveApproval:
    """The approvals of one request, and the plans that it covers."""

    plan: WavePlan
    documents: tuple[str, ...]

    def covers(self, planned: PlannedTarget) -> bool:
        """Return whether the request contains exactly this plan of a target."""
        return planned.signed is not None and self.plan.targets.get(planned.target) == planned.signed

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"plan": self.plan.text(), "documents": list(self.documents)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WaveApproval:
        """Return the approvals with these JSON values; raise InvalidApprovalDocument."""
        return cls(read_wave_plan(values["plan"]), tuple(values["documents"]))


@lru_cache(maxsize=4)
def read_wave_plan(text: str) -> WavePlan:
    """Return the same as ``WavePlan.from_text``. A process gets the same text for each of its targets."""
    return WavePlan.from_text(text)


def gate_order(
    scope: str, approvals: Sequence[WaveApproval], known: Mapping[str, KnownRows]
) -> dict[str, Any]:
    """Return the field GATE of an order. ``known``: by the name of the target."""
    rows = {
        name: {"heads": [[str(head), source] for head, source in each.heads], "used": dict(each.used)}
        for name, each in known.items()
    }
    return {"scope": scope, "approvals": [each.as_dict() for each in approvals], "known": rows}


def target_gatekeeper(
    project: Project, target: Target, order: Mapping[str, Any]
) -> Callable[[EnvironmentPlan, psycopg.Connection[Any]], Authorization | None]:
    """Return the gatekeeper of a target of a gated fleet: it returns None only in a wave that rollout.toml does not gate.

    It raises TargetNotApproved, PlanChanged, WaitingAtGate, and what ``find_authorization`` raises.
    """
    member = target.environment
    assert isinstance(member, FleetMember)
    gate = order.get(GATE) or {}
    scope = str(gate.get("scope", ""))

    def decide(plan: EnvironmentPlan, connection: psycopg.Connection[Any]) -> Authorization | None:
        fleet = project.config.find_environment(member.fleet)
        is_ungated = not order.get("to")  # `gate = false` permits no rollback
        if is_ungated and any(not wave.gate and wave_scope(wave.name) == scope for wave in fleet.waves):
            return None
        keeper = _Gatekeeper(project, target, member, scope, gate)
        return keeper.authorization(plan, connection)

    return decide


@dataclass(frozen=True, slots=True)
class _Gatekeeper:
    project: Project
    target: Target
    member: FleetMember
    scope: str
    gate: Mapping[str, Any]

    def authorization(self, plan: EnvironmentPlan, connection: psycopg.Connection[Any]) -> Authorization:
        rules = approval_rules(self.project, self.target)
        subject = subject_of_plan(self.project, rules, plan)
        reasons: list[RolloutError] = []
        for values in self.gate.get("approvals") or ():
            try:
                approval = WaveApproval.from_dict(values)
                head = self._covered(approval, plan, subject)
                expected = self._expected(approval, rules, subject)
                known = self._known()
                return find_authorization(
                    rules, expected, approval.documents, connection, known=known, head=head
                )
            except RolloutError as error:
                reasons.append(error)
        reasons.sort(key=lambda error: isinstance(error, TargetNotApproved))
        raise reasons[0] if reasons else WaitingAtGate(self.target.name, plan.digest)

    def _covered(self, approval: WaveApproval, plan: EnvironmentPlan, subject: Subject) -> LedgerHead:
        """Return the last row of the ledger that an approval names; raise if it does not cover this plan."""
        name, found = self.target.name, approval.plan.targets.get(self.member.target)
        if approval.plan.scope != self.scope or found is None:
            raise TargetNotApproved(name, self.scope or "no wave")
        if found.database != subject.database:
            databases = (f"the database {each}" for each in (found.database, subject.database))
            raise ApprovalForOtherDatabase(name, *databases)
        if found.plan != (kind := kind_of(plan)):
            raise PlanChanged(name, f"its plan was {found.plan:.12}…, is {kind:.12}…")
        return LedgerHead.from_text(found.ledger)

    def _expected(self, approval: WaveApproval, rules: ApprovalRules, subject: Subject) -> Subject:
        if not approval.documents:
            raise WaitingAtGate(self.target.name, subject.plan)
        requested = ApprovalStatement.from_text(approval_text(approval.documents[0])).request.subject
        release, policy = self.project.release_digest, rules.policy.digest
        expected = expected_subject(requested, self.member.fleet, approval.plan, release, policy)
        return compared_with_target(expected, subject)

    def _known(self) -> KnownRows:
        rows = (self.gate.get("known") or {}).get(self.member.target, {"heads": [], "used": {}})
        heads = tuple((LedgerHead.from_text(head), source) for head, source in rows["heads"])
        return KnownRows(heads, rows["used"])


def current_subject(
    project: Project, env: Environment, request: Request, plan: WavePlan
) -> tuple[ApprovalRules, Subject]:
    """Return the rules of a fleet, and what the subject of a request must be under them, without reading a target.

    Raises as ``read_allowed_signers``.
    """
    rules = configured_rules(project, env)
    release, policy = project.release_digest, rules.policy.digest
    return rules, expected_subject(request.subject, env.name, plan, release, policy)


def authorize_wave(
    project: Project, env: Environment, request: Request, plan: WavePlan, documents: Sequence[str]
) -> Authorization:
    """Return the authorization of a wave's request; raise if it has not the approvals that it needs now.

    No target is read: the worker process of each compares its plan with the approved one.
    """
    rules, subject = current_subject(project, env, request, plan)
    now = datetime.now(UTC)
    check_request(request, subject, rules.policy, now)
    valid, _ = sort_approvals(rules, subject, documents, now)
    return authorize(request, valid.get(request, []), rules.policy, now)


def check_wave_approval(
    project: Project, env: Environment, request: Request, plan: WavePlan, document: str
) -> SignedStatement:
    """Return the verified statement of an approval of a wave's request. Raises what ``check_approval`` raises."""
    rules, subject = current_subject(project, env, request, plan)
    return check_approval(rules, subject, document)
