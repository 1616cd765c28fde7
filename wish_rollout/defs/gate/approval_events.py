"""What is put into Dagster as events of the asset ``approval/<env>``: requests, approvals and rejections."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.core.approval.documents import TIME, Request, Statement
from wish_rollout.core.schema.delta_rendering import visible
from wish_rollout.rollout.approval.approvals import text_of
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices

REQUEST, NONCE, PLAN, CHOICES = "request", "nonce", "plan", "choices"
APPROVAL, APPROVER, REASON = "approval", "approver", "reason"
REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RowRequirement:
    """A recorded request: what it is of, the plan for a person, and the run that asked.

    ``choices``: what was chosen for objects in the way; of all that is here, these alone are in no signed text.
    """

    request: Request
    markdown: str = ""
    run_id: str = ""
    choices: Choices = NO_CHOICES

    def is_open(self, now: datetime | None = None) -> bool:
        """Whether its time is not over."""
        return self.request.expires > (now or datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """Give what it asks, for ``--json``."""
        return {
            "environment": self.request.subject.environment,
            "nonce": self.request.nonce,
            "requester": self.request.requester,
            "expires": self.request.expires.strftime(TIME),
            "run_id": self.run_id,
            "text": self.request.text(),
            "plan": self.markdown,
        }


def key(environment: str) -> dg.AssetKey:
    """Name the asset of an environment's approvals."""
    return dg.AssetKey(["approval", environment])


def request_event(asked: RowRequirement) -> dg.AssetObservation:
    """Make the event that asks."""
    request = asked.request
    environment = request.subject.environment
    return dg.AssetObservation(
        key(environment),
        description=f"{environment} waits for an approval; {request.requester} asks",
        metadata={
            REQUEST: dg.MetadataValue.text(request.text()),
            NONCE: request.nonce,
            "requester": request.requester,
            "expires": str(request.expires),
            PLAN: dg.MetadataValue.md(asked.markdown),
            CHOICES: dg.MetadataValue.text(json.dumps(asdict(asked.choices))),
        },
    )


def approval_event(document: str) -> dg.AssetMaterialization:
    """Make the event that holds one person's signed approval; raise BadApproval."""
    statement = Statement.from_text(text_of(document))
    environment = statement.request.subject.environment
    glass = f" BREAKING THE GLASS: {statement.break_glass}" if statement.break_glass else ""
    return dg.AssetMaterialization(
        key(environment),
        description=f"{statement.approver} approved: {statement.reason}{glass}",
        metadata={
            APPROVAL: dg.MetadataValue.text(document),
            NONCE: statement.request.nonce,
            APPROVER: statement.approver,
            REASON: statement.reason,
        },
    )


def rejection_event(environment: str, nonce: str, who: str, reason: str) -> dg.AssetObservation:
    """Make the event that ends a request."""
    who, reason = visible(who), visible(reason)
    return dg.AssetObservation(
        key(environment),
        description=f"{who} rejected: {reason}",
        metadata={REJECTED: nonce, APPROVER: who, REASON: reason},
    )
