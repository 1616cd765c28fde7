"""Events of the asset ``approval/<env>``: requests and rejections (observations), and approvals (materializations)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.approval.documents import TIME_FORMAT, ApprovalStatement, Request
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.asset_keys import approval_key
from wish_rollout.defs.events.limits import markdown
from wish_rollout.rollout.approval.approvals import approval_text
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.approval.wave_plan import WavePlan

REQUEST, NONCE, PLAN, CHOICES, TARGETS = "request", "nonce", "plan", "choices", "targets"
APPROVAL, APPROVER, REASON = "approval", "approver", "reason"
REJECTED = "rejected"
USED, LEDGER, DATABASE = "used", "ledger", "database"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request for approval as Dagster stores it, with the plan as Markdown and the ID of the requesting run.

    ``choices``: what the run's configuration says about conflicting objects. No signed text contains it.
    ``wave``: for a fleet, the plans of the targets, whose digest the signed text contains.
    """

    request: Request
    markdown: str = ""
    run_id: str = ""
    choices: Choices = NO_CHOICES
    wave: WavePlan | None = None

    def is_open(self, now: datetime | None = None) -> bool:
        """Return whether the request has not expired."""
        return self.request.expires > (now or datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "environment": self.request.subject.environment,
            "nonce": self.request.nonce,
            "requester": self.request.requester,
            "expires": self.request.expires.strftime(TIME_FORMAT),
            "run_id": self.run_id,
            "text": self.request.text(),
            "plan": self.markdown,
            **({"targets": self.wave.as_dict()} if self.wave else {}),
        }


def as_code(text: str) -> dg.MarkdownMetadataValue:
    """Return a document as a fenced block of Markdown. ``from_code`` returns exactly the same text again."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return dg.MetadataValue.md(f"{fence}\n{text}\n{fence}")


def from_code(text: str) -> str:
    """Return the document of a fenced block that ``as_code`` made; any other text is returned unchanged."""
    block = re.fullmatch(r"(`{3,})\n(.*)\n\1", text, re.DOTALL)
    return block[2] if block else text


def request_event(recorded: RecordedRequest, project: str = "") -> dg.AssetObservation:
    """Return the event that records a request."""
    request = recorded.request
    environment = request.subject.environment
    return dg.AssetObservation(
        approval_key(environment, project),
        description=f"{environment} waits for an approval, requested by {request.requester}",
        metadata={
            REQUEST: as_code(request.text()),
            NONCE: request.nonce,
            "requester": request.requester,
            "expires": str(request.expires),
            PLAN: markdown(recorded.markdown, f"wish-rollout requests {environment}"),
            CHOICES: dg.MetadataValue.text(json.dumps(asdict(recorded.choices))),
            **({TARGETS: dg.MetadataValue.text(recorded.wave.text())} if recorded.wave else {}),
        },
    )


def approval_event(document: str, project: str = "") -> dg.AssetMaterialization:
    """Return the event that records one signed approval; raise InvalidApprovalDocument."""
    statement = ApprovalStatement.from_text(approval_text(document))
    environment = statement.request.subject.environment
    break_glass = f" BREAK GLASS: {statement.break_glass}" if statement.break_glass else ""
    return dg.AssetMaterialization(
        approval_key(environment, project),
        description=f"{statement.approver} approved: {statement.reason}{break_glass}",
        metadata={
            APPROVER: statement.approver,
            REASON: statement.reason,
            APPROVAL: as_code(document),
            NONCE: statement.request.nonce,
        },
    )


def use_event(
    environment: str, migrated: Mapping[str, Any], run_id: str, project: str = ""
) -> dg.AssetObservation:
    """Return the event that records the use of an approval, and the last row of the ledger after it.

    ``migrated``: the fields of the change. The event is a second record, besides the ledger's own row.
    """
    return dg.AssetObservation(
        approval_key(environment, project),
        description=f"{environment} was changed with the approval {migrated['nonce']:.12}…",
        metadata={
            USED: migrated["nonce"],
            LEDGER: migrated["ledger"],
            DATABASE: migrated["database"],
            "run": run_id,
        },
    )


def rejection_event(
    environment: str, nonce: str, rejector: str, reason: str, project: str = ""
) -> dg.AssetObservation:
    """Return the event that records a rejection, which closes the request with this nonce."""
    rejector, reason = escape_to_one_line(rejector), escape_to_one_line(reason)
    return dg.AssetObservation(
        approval_key(environment, project),
        description=f"{rejector} rejected: {reason}",
        metadata={REJECTED: nonce, APPROVER: rejector, REASON: reason},
    )
