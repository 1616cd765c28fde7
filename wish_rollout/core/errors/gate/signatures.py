"""Why a signature is not accepted or could not be made. Nothing was changed when one of these errors is raised."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, EnvironmentRefused, FileError, Refused


@dataclass(eq=False)
class ApproversNotConfigured(ConfigurationError):
    """A gated environment has no approvers."""

    environment: str
    reason: str

    summary = "No person can approve a rollout to '{environment}': {reason}."
    explanation = "An approval is a signature by a key in this file; without the file, everybody could approve a release."
    hint = (
        'in rollout.toml, under this environment:\n[environment.approval]\nallowed_signers = "approvers"\nin that file, '
        'one line a person: echo "you@example.org namespaces=\\"wish-rollout\\" $(cat ~/.ssh/id_ed25519.pub)" >> approvers'
    )


class InvalidAllowedSigners(FileError):
    """The allowed_signers file cannot be used."""

    summary = "The file of allowed signers {path} cannot be used: {reason}."
    explanation = "The approvers are read from this file, so nobody can approve until it is corrected."
    hint = 'see ssh-keygen(1), ALLOWED SIGNERS, for the format: you@example.org namespaces="wish-rollout" ssh-ed25519 AAAA…'


@dataclass(eq=False)
class InvalidApprovalDocument(Refused):
    """A text is not an approval document, or was changed after it was written."""

    reason: str

    summary = "This text is not a valid approval: {reason}."
    explanation = (
        "An approval document has exactly one form, so that the checked text is the text that was read."
    )
    hint = "write the approval again: wish-rollout approve ENV --out FILE"


class DocumentUnreadable(FileError):
    """A file with a request or an approval cannot be read."""

    summary = "{path} cannot be read: {reason}."
    explanation = "A request or an approval is passed as the text file that wish-rollout wrote for it."
    hint = (
        "write a request: wish-rollout requests ENV --out FILE; "
        "write an approval of it: wish-rollout approve ENV --request FILE --out APPROVAL"
    )


class FileNotWritable(FileError):
    """A file could not be written."""

    summary = "{path} cannot be written: {reason}."
    hint = "name a file in an existing folder"


class ApprovalNotSigned(EnvironmentRefused):
    """The approval has no signature."""

    summary = "The approval for '{environment}' has no signature."
    explanation = "The name of the approver is no proof: everyone with access to Dagster could write it."
    hint = "sign the approval with your SSH key: wish-rollout approve {environment}"


@dataclass(eq=False)
class ApprovalSignatureInvalid(EnvironmentRefused):
    """The signature does not match the text, or is not an SSH signature."""

    reason: str

    summary = "The signature of the approval for '{environment}' is not valid: {reason}."
    explanation = (
        "The text or the signature was changed after signing, or the signature was made for another purpose."
    )
    hint = "sign the current plan: wish-rollout approve {environment}"


@dataclass(eq=False)
class UnknownSigner(EnvironmentRefused):
    """The signature is valid, but the key is not an approver's."""

    approver: str
    key: str
    signers: str

    summary = "The file {signers} has no entry for '{approver}' with the key {key}."
    explanation = "The signature for '{environment}' is valid, but this key is not allowed to approve."
    hint = "ask a maintainer of that file to add the key; or sign with a key that is in it"


@dataclass(eq=False)
class SignerKeyNotValid(EnvironmentRefused):
    """The key is not valid yet, or not valid any more."""

    approver: str
    interval: str
    signers: str

    summary = "The key of '{approver}' is not valid now for '{environment}': {signers} has {interval}."
    explanation = "A key is accepted only within its validity interval."
    hint = "ask a maintainer of that file to renew the entry, or sign with another key"


@dataclass(eq=False)
class SigningFailed(ConfigurationError):
    """No signature could be made on this machine."""

    reason: str

    summary = "The approval cannot be signed: {reason}."
    explanation = "An approval without a signature is not accepted."
    hint = "name your key: --key ~/.ssh/id_ed25519 (the public key's file if an agent or a security key has the private key)"
