"""From bytes that somebody handed in to a signed statement, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import NAMESPACE, Statement
from wish_rollout.core.approval.policy import SignedStatement
from wish_rollout.core.errors import signatures
from wish_rollout.signing.public_keys import check, fingerprint
from wish_rollout.signing.sshsig_format import BEGIN, MalformedSignature, Signature

if TYPE_CHECKING:
    from datetime import datetime

    from wish_rollout.signing.allowed_signers import Signers

MOST = 65_536
"""An approval is a page of text; more than this is something else."""


def split(document: str) -> tuple[str, str]:
    """Part an approval file into the text and its signature, which is empty where there is none."""
    document = document.replace("\r\n", "\n")
    place = f"\n{document}".find(f"\n{BEGIN}")  # each line of a text begins with its label
    return (document, "") if place < 0 else (document[:place], document[place:])


def verify(document: str, environment: str, signers: Signers, now: datetime) -> SignedStatement:
    """Check an approval: text, then signature, by a key that is allowed, now, for the person it names.

    Raises BadApproval, NotSigned, BadSignature, UnknownSigner, SignerNotValid. Whether this person's word
    counts, and for this plan, is another question.
    """
    if len(document) > MOST:
        raise signatures.InvalidApprovalDocument("it is far too long")
    text, armor = split(document)
    statement = Statement.from_text(text)
    if not armor:
        raise signatures.ApprovalNotSigned(environment)
    try:
        signature = Signature.from_armor(armor)
        check(signature, text.encode(), NAMESPACE)
    except MalformedSignature as error:
        raise signatures.ApprovalSignatureInvalid(environment, str(error)) from None
    key = fingerprint(signature.key)
    entries = [entry for entry in signers.of_key(signature.key) if entry.names(statement.approver)]
    if not entries:
        raise signatures.UnknownSigner(environment, statement.approver, key, signers.path)
    if not any(entry.valid(now) for entry in entries):
        interval = "; ".join(entry.interval for entry in entries)
        raise signatures.SignerKeyNotValid(environment, statement.approver, interval, signers.path)
    return SignedStatement(statement, key, signers.person(statement.approver))
