"""Why a signature does not count, or none could be made. Nothing was touched."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused


@dataclass(eq=False)
class ApproversNotConfigured(ConfigurationError):
    """A gated environment that names nobody who may approve."""

    environment: str
    reason: str

    summary = "Nobody can approve anything for '{environment}': {reason}."
    explanation = "An approval is a signature by a key that this file names; without it, anyone could let a release through."
    hint = (
        'in rollout.toml, under this environment:\n[environment.approval]\nallowed_signers = "approvers"\nin that file, '
        'a line a person: echo "you@example.org namespaces=\\"wish-rollout\\" $(cat ~/.ssh/id_ed25519.pub)" >> approvers'
    )


@dataclass(eq=False)
class InvalidAllowedSigners(ConfigurationError):
    """The allowed_signers file cannot be used."""

    path: str
    reason: str

    summary = "The file of allowed signers {path} cannot be used: {reason}."
    explanation = "Who may approve is read from it, so nobody may until it is mended."
    hint = 'its form is told in ssh-keygen(1), ALLOWED SIGNERS: you@example.org namespaces="wish-rollout" ssh-ed25519 AAAA…'


@dataclass(eq=False)
class InvalidApprovalDocument(Refused):
    """A text that is no approval of ours, or one in which something was changed."""

    reason: str

    summary = "This is no approval: {reason}."
    explanation = "What is signed has exactly one form, so that what was read is what is checked."
    hint = "have it written anew: wish-rollout approve ENV --out FILE"


@dataclass(eq=False)
class DocumentUnreadable(ConfigurationError):
    """A file that somebody hands in, and that cannot be read."""

    path: str
    reason: str

    summary = "{path} cannot be read: {reason}."
    explanation = "A request, or an approval, is handed in as the text file that was written for it."
    hint = (
        "a request is written by: wish-rollout requests ENV --out FILE; "
        "an approval of it by: wish-rollout approve ENV --request FILE --out APPROVAL"
    )


@dataclass(eq=False)
class FileNotWritable(ConfigurationError):
    """A file that could not be written."""

    path: str
    reason: str

    summary = "{path} cannot be written: {reason}."
    hint = "name a file in a folder that is there: --out FILE"


@dataclass(eq=False)
class ApprovalNotSigned(Refused):
    """An approval without a signature."""

    environment: str

    summary = "The approval for '{environment}' carries no signature."
    explanation = "A name is not enough: whoever reaches Dagster can write one."
    hint = "sign it with your SSH key: wish-rollout approve {environment}"


@dataclass(eq=False)
class ApprovalSignatureInvalid(Refused):
    """A signature that does not fit the text, or that is none."""

    environment: str
    reason: str

    summary = "The signature of the approval for '{environment}' is not good: {reason}."
    explanation = (
        "The text or the signature was changed after it was made, or it was made for something else."
    )
    hint = "sign what stands now: wish-rollout approve {environment}"


@dataclass(eq=False)
class UnknownSigner(Refused):
    """A good signature by a key that nobody has allowed."""

    environment: str
    approver: str
    key: str
    signers: str

    summary = "'{approver}' is not named with the key {key} in {signers}."
    explanation = "The signature for '{environment}' is good, but nobody has said that this key may approve."
    hint = "have the key's owner added there, by those who answer for it; or sign with a key that is"


@dataclass(eq=False)
class SignerKeyNotValid(Refused):
    """A key whose time has not come, or has ended."""

    environment: str
    approver: str
    interval: str
    signers: str

    summary = "The key of '{approver}' is not valid now for '{environment}': {signers} says {interval}."
    explanation = "A key counts only within the time that it was allowed for."
    hint = "have the entry renewed by those who answer for it, or sign with another key"


@dataclass(eq=False)
class SigningFailed(ConfigurationError):
    """No signature could be made on this machine."""

    reason: str

    summary = "The approval cannot be signed: {reason}."
    explanation = "An approval without a signature does not count."
    hint = "name your key: --key ~/.ssh/id_ed25519 (a public key's file where the agent or a security key holds it)"
