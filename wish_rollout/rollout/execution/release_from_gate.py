"""Release of a database from its gate, by a signed statement in its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.approval.gate_release import UNGATED, UngatedStatement, approval_keys
from wish_rollout.core.errors.gate.signatures import SigningFailed, UnknownSigner
from wish_rollout.core.ledger import VERSION_TABLE, Act, LedgerEntry, last_head
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.records.ledger_integrity import refuse_altered_ledger
from wish_rollout.rollout.approval.ledger_guard import signing_key
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.servers.project_sandbox import belongs_to_sandbox, home
from wish_rollout.signing import sandbox_key
from wish_rollout.signing.public_keys import fingerprint
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from wish_rollout.rollout.approval.signing import SignerInput
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def release_from_gate(project: Project, target: Target, who: str, signer: SignerInput) -> LedgerEntry:
    """Record in the target's ledger that it may be changed without a gate; return the new row.

    The statement must be signed with a key whose approvals the ledger shows. ``who``: the operator, a claim.
    Raises SigningFailed, UnknownSigner, LedgerTampered, RolloutLockHeld.
    """
    if not signer.reason:
        raise SigningFailed("--ungated requires --reason, a text that explains it")
    with target.connect() as connection, rollout_mutex(target, connection):
        refuse_altered_ledger(connection, target.name)
        state = read_database_state(connection, target.scope)
        entries = list(ledger.read(connection))
        identity = state.facts.permanent_identity
        statement = UngatedStatement(
            target.name, identity, last_head(entries), " ".join(signer.reason.split())
        )
        signature, key = _sign(project, target, statement.text(), signer, approval_keys(entries))
        detail = {
            "environment": target.name,
            "database": identity,
            VERSION_TABLE: target.scope.version_table,
            "reason": statement.reason,
            "key": key,
            "signature": signature,
        }
        position = format_position(state.facts.revisions)
        shape = state.snapshot.fingerprint
        act = Act(UNGATED, who, "", "", "", position, position, shape, shape, 0, None, detail)
        with connection.transaction():
            return ledger.append(connection, target.name, act)


def _sign(
    project: Project, target: Target, text: str, signer: SignerInput, allowed: frozenset[str]
) -> tuple[str, str]:
    """Return a signature by an allowed key, and the key's fingerprint."""
    if signer.key is None and belongs_to_sandbox(project.config, target):
        signature = sandbox_key.sign(text, sandbox_key.ensure_key(home(project.config)))
        return signature, signing_key(text, signature)
    keys = find_keys(signer.key)
    for key in keys:
        if fingerprint(key.public) in allowed:
            return sign(text, key), fingerprint(key.public)
    shown = ", ".join(fingerprint(key.public) for key in keys)
    raise UnknownSigner(target.name, signer.identity or "you", shown, "its ledger")
