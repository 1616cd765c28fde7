"""Verification of an approval document: from its bytes to a statement with a valid signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import NAMESPACE, ApprovalStatement
from wish_rollout.core.approval.policy import SignedStatement
from wish_rollout.core.errors.gate import signatures
from wish_rollout.signing.public_keys import check_signature, fingerprint
from wish_rollout.signing.sshsig_format import BEGIN, MalformedSignature, Signature

if TYPE_CHECKING:
    from datetime import datetime

    from wish_rollout.signing.allowed_signers import AllowedSigners

MAX_LENGTH = 65_536
"""The largest length of an approval document, in characters; a real one is a page of text."""


def split_document(document: str) -> tuple[str, str]:
    """Return the text of an approval document and its armored signature, which is "" if it is missing."""
    document = document.replace("\r\n", "\n")
    place = f"\n{document}".find(f"\n{BEGIN}")  # no line of the text can begin like this: each has a label
    return (document, "") if place < 0 else (document[:place], document[place:])


def verify_approval(
    document: str, environment: str, signers: AllowedSigners, now: datetime
) -> SignedStatement:
    """Return the statement of an approval document if its signature is by a valid key of the named approver.

    Raises InvalidApprovalDocument, ApprovalNotSigned, ApprovalSignatureInvalid, UnknownSigner,
    SignerKeyNotValid. The caller checks whether this person may approve, and this plan.
    """
    if len(document) > MAX_LENGTH:
        raise signatures.InvalidApprovalDocument(f"it is longer than {MAX_LENGTH} characters")
    text, armor = split_document(document)
    statement = ApprovalStatement.from_text(text)
    if not armor:
        raise signatures.ApprovalNotSigned(environment)
    try:
        signature = Signature.from_armor(armor)
        check_signature(signature, text.encode(), NAMESPACE)
    except MalformedSignature as error:
        raise signatures.ApprovalSignatureInvalid(environment, str(error)) from None
    key = fingerprint(signature.key)
    entries = [
        entry for entry in signers.entries_for_key(signature.key) if entry.names_principal(statement.approver)
    ]
    if not entries:
        raise signatures.UnknownSigner(environment, statement.approver, key, signers.path)
    if not any(entry.is_valid(now) for entry in entries):
        interval = "; ".join(entry.interval for entry in entries)
        raise signatures.SignerKeyNotValid(environment, statement.approver, interval, signers.path)
    return SignedStatement(statement, key, signers.all_names(statement.approver))
