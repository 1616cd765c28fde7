"""Errors of the evidence of a release."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, FileError


@dataclass(eq=False)
class EvidenceMissing(ConfigurationError):
    """No ledger has a row of the release, or several releases have this prefix."""

    release: str
    reason: str

    summary = "There is no evidence of the release {release}: {reason}."
    explanation = "Evidence is made of the rows that a rollout or a rollback has written to the ledgers."
    hint = "list the releases of an environment: wish-rollout log ENV --json"


class EvidenceFolderTaken(FileError):
    """The folder exists, with other contents."""

    summary = "{path} is not written: {reason}."
    explanation = "Evidence is not overwritten, since somebody may rely on it."
    hint = "name another folder: wish-rollout evidence --out FOLDER"


class InvalidEvidence(FileError):
    """A folder is not evidence that this program wrote."""

    summary = "The evidence in {path} cannot be read: {reason}."
    explanation = "It can only be verified if all of its values are there."
    hint = "write it again from the ledgers: wish-rollout evidence --out FOLDER"
