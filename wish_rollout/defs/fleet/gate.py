"""The gate before a wave of a fleet: one approval covers the plans of all its targets."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.policy import authorize, check_hazards
from wish_rollout.core.approval.wave_plan import ROLLBACK_SCOPE, wave_scope
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.plans import WaitingAtGate
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.core.ledger import NOTHING_KNOWN
from wish_rollout.defs.fleet.plans_markdown import plans_markdown
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_store import approval_nonce
from wish_rollout.defs.gate.gate_check import gate_passed
from wish_rollout.defs.gate.known_rows import read_rows_by_database
from wish_rollout.defs.gate.request_gate import RequestGate
from wish_rollout.rollout.approval.approvals import sort_approvals
from wish_rollout.rollout.approval.approver_rules import configured_rules
from wish_rollout.rollout.fleet.server_connections import TO_READ, Demand
from wish_rollout.rollout.fleet.wave_approvals import GATE, WaveApproval, authorize_wave, gate_order
from wish_rollout.rollout.fleet.wave_planning import plan_targets, subject_of_wave, wave_plan
from wish_rollout.rollout.fleet.wave_progress import NO_GATE, OpenGate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.fleet.waves import WaveTargets
    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules
    from wish_rollout.rollout.fleet.approvable_plans import PlannedTarget
    from wish_rollout.rollout.fleet.worker_pool import WorkerPool
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


REJECTION_SECONDS = 2.0
"""How often it is read, while a wave runs, whether its request was rejected."""


@dataclass(frozen=True)
class FleetGate(RequestGate):
    """The gate of a fleet in one run. ``order``: what is to be done on each target.

    ``requests``: whether a wave without an approval is planned, and an approval of it requested. Otherwise its targets are
    refused, each in its worker process.
    """

    env: Environment
    order: Mapping[str, Any]
    requests: bool = True

    @property
    def name(self) -> str:
        """The name of the fleet."""
        return self.env.name

    def signed_names(self) -> dict[str, frozenset[str]]:
        """Return the targets that the approvals of each wave name, whether they could be planned or not."""
        found: dict[str, frozenset[str]] = {}
        for approval, _ in self._approvals():
            names = frozenset((*approval.plan.targets, *approval.plan.uncovered))
            for wave in self.env.waves:
                if wave.gate and approval.plan.scope == wave_scope(wave.name):
                    found[wave.name] = found.get(wave.name, frozenset()) | names
        return found

    def open(self, found: WaveTargets, targets: Sequence[FleetTarget], pool: WorkerPool) -> OpenGate | None:
        """Return how a wave may begin; None if it waits for an approval, which this run has requested.

        A wave begins when an approval covers the current plan of one of its targets, or none of them has a plan. Raises
        ApproversNotConfigured, InvalidAllowedSigners, HazardNotApprovable, FleetWorkerFailed and NoConnectionFree.
        """
        scope = ROLLBACK_SCOPE if self.order.get("to") else wave_scope(found.wave.name)
        if not found.wave.gate:
            return OpenGate({GATE: gate_order(scope, (), {})})
        approvals = [each for each in self._approvals() if each[0].plan.scope == scope]
        gate = {GATE: self._gate_order(scope, [approval for approval, _ in approvals])}
        if not self.requests:
            return OpenGate(gate)
        demand = Demand(self.env, found.wave.parallel, TO_READ, self.context.log.info)
        planned = plan_targets(self.project, pool, targets, self.order, demand)
        pending = [each for each in planned if each.signed]
        covered = {each.target for each in pending if any(one.covers(each) for one, _ in approvals)}
        if not pending:
            self.events.append(gate_passed(self.project, self.name, f"nothing to approve in {scope}"))
            return NO_GATE
        if not covered:
            self._request(scope, targets, planned)
            return None
        self._report(scope, approvals, planned, covered)
        left = frozenset(each.target for each in planned if each.error or each.signed) - covered
        return OpenGate(gate, left, self._rejection_of({given.request.nonce for _, given in approvals}))

    def _rejection_of(self, nonces: set[str]) -> Callable[[], bool]:
        """Return a function that returns whether one of these requests was rejected meanwhile."""
        read_at, rejected = time.monotonic(), False

        def is_rejected() -> bool:
            nonlocal read_at, rejected
            if not rejected and time.monotonic() - read_at >= REJECTION_SECONDS:
                found = approval_store.read_rejections(self.context.instance, self.name, self.prefix)
                rejected, read_at = bool(nonces & found.keys()), time.monotonic()
            return rejected

        return is_rejected

    def _approvals(self) -> list[tuple[WaveApproval, Authorization]]:
        """Return the requests of the fleet that have the approvals that they need."""
        instance, found = self.context.instance, []
        documents = approval_store.read_approval_documents(instance, self.name, self.prefix)
        for recorded in approval_store.read_unrejected_requests(instance, self.name, self.prefix):
            own = tuple(each for each in documents if approval_nonce(each) == recorded.request.nonce)
            if recorded.wave and own:
                with suppress(RolloutError):
                    given = authorize_wave(self.project, self.env, recorded.request, recorded.wave, own)
                    found.append((WaveApproval(recorded.wave, own), given))
        return found

    def _gate_order(self, scope: str, approvals: Sequence[WaveApproval]) -> dict[str, Any]:
        rows = read_rows_by_database(self.context.instance, self.name, self.prefix) if approvals else {}
        known = {
            name: rows.get(target.database, NOTHING_KNOWN)
            for approval in approvals
            for name, target in approval.plan.targets.items()
        }
        return gate_order(scope, approvals, known)

    def _report(
        self,
        scope: str,
        approvals: Sequence[tuple[WaveApproval, Authorization]],
        planned: Sequence[PlannedTarget],
        covered: set[str],
    ) -> None:
        """Record which approvals are used, and which targets they do not cover, or name and are not there."""
        for approval, authorization in approvals:
            count = sum(approval.covers(each) for each in planned)
            if count:
                self.report_approved(f"{scope}: {count} targets with an approved plan", authorization)
        signed = {name for approval, _ in approvals for name in approval.plan.targets}
        gone = sorted(signed - {each.target for each in planned})
        others = [each.target for each in planned if each.signed and each.target not in covered]
        for text, names in (("not approved in", others), ("approved and not any more in", gone)):
            if names:
                self.context.log.warning(f"{self.name}: {text} {scope}: {shorten_names(names)}")

    def _request(self, scope: str, targets: Sequence[FleetTarget], planned: Sequence[PlannedTarget]) -> None:
        """Request an approval of the targets that have a plan, unless that is requested already, and wait."""
        rules = configured_rules(self.project, self.env)
        plan = wave_plan(scope, planned, [each.target for each in planned if each.error])
        subject = subject_of_wave(self.name, plan, planned)
        check_hazards(subject, rules.policy)
        recorded = approval_store.find_open_request(
            self.context.instance, subject, rules.policy, self.requester, self.prefix
        )
        if recorded is None:
            text = plans_markdown(self.project, plan, targets, planned, self.order)
            recorded = self.record_request(rules, subject, text, wave=plan)
        self.wait(recorded, self.quorum_error_or(self._reason(recorded, rules, subject), rules, subject))

    def _reason(self, recorded: RecordedRequest, rules: ApprovalRules, subject: Subject) -> RolloutError:
        """Return why a request is not granted."""
        documents = approval_store.read_approval_documents(self.context.instance, self.name, self.prefix)
        own = [each for each in documents if approval_nonce(each) == recorded.request.nonce]
        valid, invalid = sort_approvals(rules, subject, own)
        try:
            if signed := valid.get(recorded.request):
                authorize(recorded.request, signed, rules.policy, datetime.now(UTC))
        except RolloutError as error:
            return error
        return next((each.error for each in invalid), WaitingAtGate(self.name, subject.plan))
