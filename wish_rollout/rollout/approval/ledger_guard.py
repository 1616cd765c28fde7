"""Checks of a target's ledger: its integrity, the approvals that it shows, and the gate that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.core.errors.approvals import ApprovalOutdated
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.ledger import DatabaseOfGatedEnvironment, GateRemoved
from wish_rollout.core.errors.requests import ApprovalUsed
from wish_rollout.core.ledger import (
    NOTHING_KNOWN,
    KnownRows,
    LedgerHead,
    last_head,
    refuse_missing_rows,
    verify_chain,
)
from wish_rollout.core.ungated import find_gate
from wish_rollout.postgres.catalog.database_state import read_facts
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.records.ledger_integrity import refuse_altered_ledger
from wish_rollout.signing.public_keys import check_signature, fingerprint
from wish_rollout.signing.sshsig_format import MalformedSignature, Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.plan.database_state import ServerFacts
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The last row of a ledger, and why the ledger is not complete or not intact (LedgerChainBroken, LedgerRowsMissing).

    ``known``: what was known of it from elsewhere.
    """

    head: LedgerHead
    fault: RolloutError | None
    known: KnownRows = NOTHING_KNOWN

    def refuse_used(self, connection: psycopg.Connection[Any], request: Request) -> None:
        """Raise ApprovalUsed if the ledger or another record contains the request's nonce."""
        name = request.subject.environment
        used = ledger.read_nonce_use(connection, request.nonce) or self.known.used.get(request.nonce)
        if used:
            raise ApprovalUsed(name, request.nonce, used)

    def refuse_later_rows(self, request: Request) -> None:
        """Raise ApprovalOutdated if the ledger has another last row than at the time of the request."""
        if request.ledger != self.head:
            changed = f"ledger's last row was {request.ledger!s:.14}, is {self.head!s:.14}"
            raise ApprovalOutdated(request.subject.environment, changed)


def read_ledger_state(
    connection: psycopg.Connection[Any], environment: str, known: KnownRows = NOTHING_KNOWN
) -> LedgerState:
    """Read and verify a whole ledger. Raises LedgerTampered if it is not the table that this program created."""
    refuse_altered_ledger(connection, environment)
    entries = list(ledger.read(connection))
    fault: RolloutError | None = None
    try:
        verify_chain(environment, entries)
        refuse_missing_rows(environment, entries, known.heads)
    except RolloutError as error:
        fault = error
    return LedgerState(last_head(entries), fault, known)


def refuse_bypassed_gate(
    connection: psycopg.Connection[Any], environment: Environment, facts: ServerFacts
) -> None:
    """Raise if the ledger shows approvals of another gated environment, or of this one, which is not gated any more.

    Raises LedgerTampered, DatabaseOfGatedEnvironment, GateRemoved.
    """
    if not facts.ledger:
        return
    refuse_altered_ledger(connection, environment.name)
    gate = find_gate(list(ledger.read(connection)), facts.permanent_identity, signing_key)
    if gate is None or (environment.gated and gate.environment in ("", environment.name)):
        return
    if gate.environment not in ("", environment.name):
        raise DatabaseOfGatedEnvironment(environment.name, gate.environment, facts.database)
    raise GateRemoved(environment.name, ", ".join(gate.approvers))


def refuse_bypassed_gates(project: Project, targets: Sequence[Target]) -> None:
    """Raise what ``refuse_bypassed_gate`` raises, for each of these targets."""
    for target in targets:
        with target.connect() as connection:
            facts = read_facts(connection, project.config.release.version_table)
            refuse_bypassed_gate(connection, target.environment, facts)


def signing_key(text: str, armor: str) -> str:
    """Return the fingerprint of the key that signed a text, or "" if the signature is not valid."""
    try:
        signature = Signature.from_armor(armor)
        check_signature(signature, text.encode(), NAMESPACE)
    except MalformedSignature:
        return ""
    return fingerprint(signature.key)
