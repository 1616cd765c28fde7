"""Signing a request as a person does: with a key that they have, as somebody whom the rules know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import Request, Statement
from wish_rollout.core.errors.signatures import SigningFailed, UnknownSigner
from wish_rollout.rollout.project.project_sandbox import belongs_to_sandbox, home
from wish_rollout.signing import sandbox_key
from wish_rollout.signing.public_keys import fingerprint
from wish_rollout.signing.ssh_keygen import Key, find_keys, sign

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target
    from wish_rollout.signing.allowed_signers import Signers


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an approver says, and with which key, as who; empty: to be found out."""

    reason: str
    break_glass: str = ""
    identity: str = ""
    key: Path | None = None


def sign_approval(
    project: Project, target: Target | None, request: Request, signers: Signers, words: Tokens
) -> str:
    """Give the approval: the text, and its signature. Raises CannotSign, UnknownSigner.

    In the sandbox its own key signs, unless another one is named. ``target`` is None where nothing is
    connected to.
    """
    if target and words.key is None and belongs_to_sandbox(project.config, target):
        text = _text(request, sandbox_key.OPERATOR, words)
        return text + sandbox_key.sign(text, sandbox_key.ensure_key(home(project.config)))
    key, who = find_signing_key(request.subject.environment, signers, words)
    text = _text(request, who, words)
    return text + sign(text, key)


def find_signing_key(environment: str, signers: Signers, words: Tokens) -> tuple[Key, str]:
    """Find the key that is allowed, and who its owner is there; raise CannotSign, UnknownSigner."""
    keys = find_keys(words.key)
    for key in keys:
        names = {name for entry in signers.of_key(key.public) for name in entry.principals}
        if words.identity and words.identity in names:
            return key, words.identity
        if not words.identity and len(names) == 1:
            return key, names.pop()
        if not words.identity and names:
            raise SigningFailed(
                f"the key is that of {' and of '.join(sorted(names))}: say who you are, --identity"
            )
    who = words.identity or "you"
    raise UnknownSigner(environment, who, ", ".join(fingerprint(key.public) for key in keys), signers.path)


def _text(request: Request, who: str, words: Tokens) -> str:
    reason, glass = (" ".join(text.split()) for text in (words.reason, words.break_glass))
    if not reason or (words.break_glass and glass.casefold() in ("", "no")):
        raise SigningFailed("an approval says why, and so does whoever breaks the glass")
    return Statement(request, who, reason, glass).text()
