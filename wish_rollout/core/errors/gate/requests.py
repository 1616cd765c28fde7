"""Why a request for approval cannot be approved, or does not exist."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused
from wish_rollout.core.errors.gate.approvals import REQUEST_AGAIN


@dataclass(eq=False)
class RequestRefused(EnvironmentRefused):
    """A request cannot be approved: base class of the errors that name a request by its nonce."""

    nonce: str


@dataclass(eq=False)
class ApprovalUsed(RequestRefused):
    """The approval was used before."""

    used: str

    summary = "The approval {nonce:.12}… for '{environment}' was used before: {used}."
    explanation = "An approval can be used once; the ledger of the database records its use."
    hint = REQUEST_AGAIN


@dataclass(eq=False)
class RequestRejected(RequestRefused):
    """An approver has rejected the request."""

    rejected: str

    summary = "The request {nonce:.12}… for '{environment}' was rejected: {rejected}."
    explanation = "A rejected request cannot be approved any more; its approvals are ignored."
    hint = REQUEST_AGAIN


@dataclass(eq=False)
class AmbiguousRequest(RequestRefused):
    """Several requests begin with the given part of a nonce."""

    found: str

    summary = "Several requests for '{environment}' begin with the nonce {nonce}: {found}."
    explanation = "A signature must be for exactly one request."
    hint = "name the request by its whole nonce: wish-rollout requests {environment}"


class NoApprovalRequest(EnvironmentRefused):
    """There is no request for approval."""

    summary = "There is no request for approval for '{environment}'."
    explanation = "A rollout makes the request when it reaches the gate."
    hint = "wish-rollout apply; then: wish-rollout approve {environment}"
