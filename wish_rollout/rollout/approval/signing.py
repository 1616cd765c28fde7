"""Signing of requests: selection of the approver's key and identity, and the signed document."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.errors.gate.signatures import SigningFailed, UnknownSigner
from wish_rollout.rollout.servers.project_sandbox import belongs_to_sandbox, home
from wish_rollout.signing import sandbox_key
from wish_rollout.signing.public_keys import fingerprint
from wish_rollout.signing.ssh_keygen import Key, find_keys, sign

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target
    from wish_rollout.signing.allowed_signers import AllowedSigners


@dataclass(frozen=True, slots=True)
class SignerInput:
    """The approver's input. ``identity``, ``key``: found from ssh-agent and ~/.ssh if they are not given."""

    reason: str
    break_glass: str = ""
    identity: str = ""
    key: Path | None = None


def sign_approval(
    project: Project, target: Target | None, request: Request, signers: AllowedSigners, signer: SignerInput
) -> str:
    """Return the approval document of a request: its text and signature. Raises SigningFailed, UnknownSigner.

    ``target``: None for an approval that is signed without a database connection. In the sandbox, the sandbox's own
    key signs unless ``signer`` names a key.
    """
    if target and signer.key is None and belongs_to_sandbox(project.config, target):
        text = _approval_text(request, sandbox_key.OPERATOR, signer)
        return text + sandbox_key.sign(text, sandbox_key.ensure_key(home(project.config)))
    key, identity = find_signing_key(request.subject.environment, signers, signer)
    text = _approval_text(request, identity, signer)
    return text + sign(text, key)


def find_sandbox_target(project: Project, name: str) -> Target | None:
    """Return an environment's target if its variable is set to the sandbox's database, otherwise None.

    Connects to no database and runs no command.
    """
    env = project.config.find_environment(name)
    url = os.environ.get(env.variable)
    target = project.target_at(env, url) if url else None
    return target if target and belongs_to_sandbox(project.config, target) else None


def find_signing_key(environment: str, signers: AllowedSigners, signer: SignerInput) -> tuple[Key, str]:
    """Return the first available key that may sign, and its owner's identity.

    Raises UnknownSigner if no key may sign, and SigningFailed if a key has several identities and none is selected.
    """
    keys = find_keys(signer.key)
    for key in keys:
        names = {name for entry in signers.entries_for_key(key.public) for name in entry.principals}
        if signer.identity and signer.identity in names:
            return key, signer.identity
        if not signer.identity and len(names) == 1:
            return key, names.pop()
        if not signer.identity and names:
            raise SigningFailed(
                f"the key belongs to several identities ({', '.join(sorted(names))}): select one with --identity"
            )
    who = signer.identity or "you"
    raise UnknownSigner(environment, who, ", ".join(fingerprint(key.public) for key in keys), signers.path)


def _approval_text(request: Request, identity: str, signer: SignerInput) -> str:
    reason, break_glass = (" ".join(text.split()) for text in (signer.reason, signer.break_glass))
    if not reason or (signer.break_glass and break_glass.casefold() in ("", "no")):
        raise SigningFailed("--reason and --break-glass require a text that explains the approval")
    return ApprovalStatement(request, identity, reason, break_glass).text()
