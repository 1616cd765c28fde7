"""The ledger entry of an act, written in the transaction of the act."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.documents import UNKNOWN_REQUESTER
from wish_rollout.core.errors.execution import ClusterChangeRefused
from wish_rollout.core.errors.gate.signatures import ApproversNotConfigured
from wish_rollout.core.errors.planning.plans import PlanChanged
from wish_rollout.core.ledger import EMPTY_LEDGER, VERSION_TABLE, Act, LedgerHead
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.changes.shared_catalogs import changed_shared_catalogs
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.records.ledger_integrity import refuse_altered_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.revisions.statements.statement_guard import StatementGuard
    from wish_rollout.rollout.servers.target import Target

    GateKeeper = Callable[[EnvironmentPlan, psycopg.Connection[Any]], Authorization | None]
    """Returns the authorization of a plan, or raises; called under the lock, on the session that migrates.

    Only for a target in a wave that its gated fleet does not gate, it returns None.
    """


def ignore(_line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The requester of an act, the Dagster run, and the gatekeeper that decides whether the act is authorized.

    ``report``: called with each line of progress, also from other threads.
    """

    who: str = UNKNOWN_REQUESTER
    run: str = ""
    gatekeeper: GateKeeper | None = None
    report: Callable[[str], None] = field(default=ignore, compare=False)

    def refuse_without_gatekeeper(self, target: Target) -> None:
        """Raise ApproversNotConfigured if the target is gated and this actor has no gatekeeper."""
        if target.environment.gated and self.gatekeeper is None:
            raise ApproversNotConfigured(target.name, "the run has no gatekeeper")


NOBODY = Actor()
FRESH_SECONDS = 1.0
"""Seconds for which an authorization is valid without asking the gatekeeper again."""


def keep_snapshot(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot as it is."""
    return snapshot


@dataclass
class Recorder:
    """Records one act: at its end, and also at the first commit if the act commits before its end.

    ``fingerprinted``: returns the part of the live schema that the plan's fingerprint covers. ``archive``: names and
    numbers of what was archived.
    Its methods first, early and last are hooks of ``revisions.script_runs.migrate``.
    """

    target: Target
    connection: psycopg.Connection[Any]
    plan: EnvironmentPlan
    actor: Actor
    after: str = ""
    grant: Authorization | None = None
    started: float = field(default_factory=time.perf_counter)
    asked: float = 0
    begun: int | None = None
    head: LedgerHead = EMPTY_LEDGER
    guard: StatementGuard | None = None
    notes: Callable[[], dict[str, Any]] = dict
    fingerprinted: Callable[[Snapshot], Snapshot] = keep_snapshot
    archive: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds since the act began."""
        return time.perf_counter() - self.started

    def ask(self) -> None:
        """Ask the gatekeeper if the target is gated; raise its error if the act is not authorized."""
        if self.target.environment.gated:
            self._ask()
        self.started = time.perf_counter()

    def _ask(self) -> None:
        if self.actor.gatekeeper:
            self.grant = self.actor.gatekeeper(self.plan, self.connection)
            self.asked = time.perf_counter()

    def first(self) -> None:
        """Create the ledger if it is missing; raise PlanChanged if the schema differs from the approved one."""
        if not ledger.create_if_missing(self.connection, self.target.name):
            refuse_altered_ledger(self.connection, self.target.name)
        if self.grant and not self.begun:
            now = self.fingerprinted(
                read_database_state(self.connection, self.target.scope).snapshot
            ).fingerprint
            if now != self.plan.fingerprint:
                changed = f"the live schema was {self.plan.fingerprint:.12}…, is {now:.12}…"
                raise PlanChanged(self.target.name, changed)

    def early(self) -> None:
        """Record that the act has begun, and use its approval, in the first transaction that commits."""
        if self.begun:
            return
        act = replace(self._act(), act=f"{self.plan.action.value} begun", after="")
        self.begun = ledger.append(self.connection, self.target.name, act).seq

    def resume(self) -> None:
        """Prepare another attempt: forget an entry that was rolled back, and ask the gatekeeper again.

        The attempts before may have waited so long that the approval expired, the change window closed, or an
        approver rejected the request.
        """
        if self.begun and not ledger.has_entry(self.connection, self.begun):
            self.begun = None
        if self.grant and not self.begun and time.perf_counter() - self.asked > FRESH_SECONDS:
            self._ask()

    def last(self) -> None:
        """Write the ledger entry of the completed act."""
        self.refuse_cluster_changes()
        act = self._act()
        if self.plan.baseline:
            baseline = {**self.plan.baseline.as_dict(), "version_table": self.target.scope.version_table}
            act = replace(act, detail={**act.detail, "baseline": baseline})
        if self.begun:
            act = replace(act, nonce=None, detail={**act.detail, "begun": self.begun})
        entry = ledger.append(self.connection, self.target.name, act)
        self.head = LedgerHead(entry.seq, entry.hash)

    def refuse_cluster_changes(self) -> None:
        """Raise ClusterChangeRefused if the transaction has changed roles or the like, on a gated environment."""
        if self.target.environment.gated and (changed := changed_shared_catalogs(self.connection)):
            raise ClusterChangeRefused(self.target.name, ", ".join(changed))

    def _sent(self) -> dict[str, Any]:
        """Return the number and the hash of the statements that were sent so far."""
        return {"statements": {"count": self.guard.count, "sha256": self.guard.digest}} if self.guard else {}

    def _place(self) -> dict[str, Any]:
        """Return which environment and database this is, so that no other environment changes it without its gate."""
        place = {"environment": self.target.name, "database": self.plan.facts.permanent_identity}
        return {**place, VERSION_TABLE: self.target.scope.version_table}

    def _act(self) -> Act:
        return Act(
            act=self.plan.action.value,
            who=self.actor.who,
            run=self.actor.run,
            release=self.plan.release_digest,
            plan=self.plan.digest,
            start=format_position(self.plan.start),
            end=format_position(self.plan.end),
            before=self.plan.fingerprint,
            after=self.after,
            milliseconds=round(self.seconds * 1000),
            nonce=self.grant.request.nonce if self.grant else None,
            detail={
                **self._place(),
                **self._sent(),
                **(detail(self.grant) if self.grant else {}),
                **({"archive": self.archive} if self.archive else {}),
                **self.notes(),
            },
        )


def detail(grant: Authorization) -> dict[str, Any]:
    """Return each approval with its key, the requester, and the reason of BREAK GLASS if it was used."""
    given = [
        {"approver": each.statement.approver, "key": each.key, "reason": each.statement.reason}
        for each in grant.approvals
    ]
    found: dict[str, Any] = {"approvals": given, "requester": grant.request.requester}
    if grant.break_glass:
        found["BREAK GLASS"] = grant.break_glass
    if grant.ledger_fault:
        found["ledger fault"] = grant.ledger_fault
    return found
