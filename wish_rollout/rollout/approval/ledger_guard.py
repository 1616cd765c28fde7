"""Checks of a target's ledger: its integrity, the approvals that it shows, and the gate that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.core.approval.gate_release import GateInForce, find_gate
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.approvals import ApprovalOutdated
from wish_rollout.core.errors.gate.ledger import DatabaseOfGatedEnvironment, GateRemoved
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.ledger import (
    NOTHING_KNOWN,
    KnownRows,
    LedgerHead,
    last_head,
    refuse_missing_rows,
    rows_of,
    verify_chain,
)
from wish_rollout.postgres.facts.database_state import read_facts
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
    from wish_rollout.rollout.servers.target import Target


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

    def refuse_later_rows(self, request: Request, head: LedgerHead | None = None) -> None:
        """Raise ApprovalOutdated if the ledger has another last row than at the time of the request.

        ``head``: that row, for a request that covers several databases.
        """
        before = request.ledger if head is None else head
        if before != self.head:
            changed = f"ledger's last row was {before!s:.14}, is {self.head!s:.14}"
            raise ApprovalOutdated(request.subject.environment, changed)


def read_ledger_state(
    connection: psycopg.Connection[Any],
    environment: str,
    known: KnownRows = NOTHING_KNOWN,
    version_table: str = "",
) -> LedgerState:
    """Read and verify a whole ledger. Raises LedgerTampered if it is not the table that this program created.

    ``version_table``: the head is the last row of the project with this version table, so that another project's acts in
    the same database do not make a request void; empty for the last row of all.
    """
    refuse_altered_ledger(connection, environment)
    entries = list(ledger.read(connection))
    fault: RolloutError | None = None
    try:
        verify_chain(environment, entries)
        refuse_missing_rows(environment, entries, known.heads)
    except RolloutError as error:
        fault = error
    own = rows_of(entries, version_table) if version_table else entries
    return LedgerState(last_head(own), fault, known)


def refuse_bypassed_gate(
    connection: psycopg.Connection[Any], environment: Environment, facts: ServerFacts, version_table: str
) -> None:
    """Raise if the ledger shows approvals of another gated environment, or of this one, which is not gated any more.

    Approvals of a project with another version table require that this environment is gated too, whatever its name is.
    Raises LedgerTampered, DatabaseOfGatedEnvironment, GateRemoved.
    """
    if not facts.ledger:
        return
    refuse_altered_ledger(connection, environment.name)
    entries = list(ledger.read(connection))
    gate = find_gate(entries, facts.permanent_identity, signing_key, version_table)
    if gate is None and not environment.gated:
        others = find_gate(entries, facts.permanent_identity, signing_key)
        gate = others and GateInForce("", others.approvers)
    if gate is None or (environment.gated and gate.environment in ("", environment.name)):
        return
    if gate.environment not in ("", environment.name):
        raise DatabaseOfGatedEnvironment(environment.name, gate.environment, facts.database)
    raise GateRemoved(environment.name, ", ".join(gate.approvers))


def refuse_bypassed_gates(targets: Sequence[Target]) -> None:
    """Raise what ``refuse_bypassed_gate`` raises, for each of these targets."""
    for target in targets:
        with target.connect() as connection:
            facts = read_facts(connection, target.scope.version_table)
            refuse_bypassed_gate(connection, target.environment, facts, target.scope.version_table)


def signing_key(text: str, armor: str) -> str:
    """Return the fingerprint of the key that signed a text, or "" if the signature is not valid."""
    try:
        signature = Signature.from_armor(armor)
        check_signature(signature, text.encode(), NAMESPACE)
    except MalformedSignature:
        return ""
    return fingerprint(signature.key)
