"""Why there is nothing to approve any more, or nothing yet."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.approvals import AGAIN
from wish_rollout.core.errors.base import Refused


@dataclass(eq=False)
class ApprovalUsed(Refused):
    """An approval that has been used up."""

    environment: str
    nonce: str
    used: str

    summary = "The approval {nonce:.12}… for '{environment}' was used already: {used}."
    explanation = "An approval works once; the database's own ledger says that this one did."
    hint = AGAIN


@dataclass(eq=False)
class RequestRejected(Refused):
    """A request that somebody has turned down."""

    environment: str
    nonce: str
    rejected: str

    summary = "The request {nonce:.12}… for '{environment}' was rejected: {rejected}."
    explanation = "A rejection ends a request; approvals of it count no more."
    hint = AGAIN


@dataclass(eq=False)
class AmbiguousRequest(Refused):
    """A part of a nonce that several requests have."""

    environment: str
    nonce: str
    found: str

    summary = "Several requests for '{environment}' begin with the nonce {nonce}: {found}."
    explanation = "What is signed must be the one that was meant."
    hint = "name it in full: wish-rollout requests {environment}"


@dataclass(eq=False)
class NoApprovalRequest(Refused):
    """Nobody has asked for an approval."""

    environment: str

    summary = "Nobody asks for an approval for '{environment}'."
    explanation = "An approval answers a request, which a rollout makes when it comes to the gate."
    hint = "wish-rollout apply; then: wish-rollout approve {environment}"
