"""Requests, approvals and rejections, as events of the asset ``approval/<env>``.

Dagster keeps them; it proves nothing. An approval is the text and the signature in its event, and is checked
each time that it matters.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.config.policies import LONGEST
from wish_rollout.core.approval import Request, Statement
from wish_rollout.core.errors import Refused
from wish_rollout.core.policy import check_request
from wish_rollout.core.render import visible
from wish_rollout.core.signing_errors import BadApproval
from wish_rollout.rollout.approving import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.approval import Subject
    from wish_rollout.core.policy import Policy

REQUEST, NONCE, PLAN, JOB, CONFIG = "request", "nonce", "plan", "job", "run config"
APPROVAL, APPROVER, REASON = "approval", "approver", "reason"
REJECTED = "rejected"
MOST = 200
"""How many of an environment's approvals are looked at, the newest; and how many events are read at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A recorded request: what it is of, the plan for a person, and which job goes on when it is granted."""

    request: Request
    markdown: str
    job: str
    run_config: Mapping[str, Any]
    run_id: str

    def is_open(self, now: datetime | None = None) -> bool:
        """Whether its time is not over."""
        return self.request.expires > (now or datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """Give what it asks, for ``--json``."""
        return {
            "environment": self.request.subject.environment,
            "nonce": self.request.nonce,
            "requester": self.request.requester,
            "expires": str(self.request.expires),
            "run_id": self.run_id,
            "text": self.request.text(),
            "plan": self.markdown,
        }


def key(environment: str) -> dg.AssetKey:
    """Name the asset of an environment's approvals."""
    return dg.AssetKey(["approval", environment])


def request_event(asked: Asked) -> dg.AssetObservation:
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
            JOB: asked.job,
            CONFIG: dg.MetadataValue.text(json.dumps(asked.run_config)),
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


def documents(instance: dg.DagsterInstance, environment: str) -> list[str]:
    """Give the approvals that were handed in, the newest first; not those of rejected requests.

    A materialization that holds none was put there by somebody else; it counts for nothing.
    """
    turned_down = rejections(instance, environment)
    result = instance.fetch_materializations(key(environment), limit=MOST)
    found = []
    for record in result.records:
        event = record.asset_materialization
        values = _texts(event.metadata) if event else {}
        document = values.get(APPROVAL, "")
        if document and nonce_of(document) not in turned_down:
            found.append(document)
    return found


def nonce_of(document: str) -> str:
    """Give the nonce in an approval's own text (not the one beside it); empty where it has no form."""
    try:
        return Statement.from_text(text_of(document)).request.nonce
    except BadApproval:
        return ""


def rejections(instance: dg.DagsterInstance, environment: str) -> dict[str, str]:
    """Give the requests that were turned down, by nonce: who, and why."""
    return {
        values[REJECTED]: visible(f"{values.get(APPROVER)}: {values.get(REASON)}")
        for values, _ in _observed(instance, environment)
        if REJECTED in values
    }


def requests(instance: dg.DagsterInstance, environment: str) -> list[Asked]:
    """Give the requests whose time is not over and that nobody has turned down, the newest first.

    Of events that hold the same request the first one counts: whoever repeats it later changes no job and no
    choice.
    """
    turned_down = rejections(instance, environment)
    found: dict[str, Asked] = {}
    for values, run_id in _observed(instance, environment):
        asked = _asked(values, run_id)
        if asked and asked.is_open() and asked.request.nonce not in turned_down:
            found[asked.request.nonce] = asked
    return list(found.values())


def open_request(instance: dg.DagsterInstance, subject: Subject, policy: Policy) -> Asked | None:
    """Find the request that is open for exactly this subject, and that an approval can count for.

    Anybody may have written one that lives for years: taken for the open one, it would keep a good one from being
    made.
    """
    now = datetime.now(UTC)
    for asked in requests(instance, subject.environment):
        with suppress(Refused):
            check_request(asked.request, subject, policy, now)
            return asked
    return None


def _observed(instance: dg.DagsterInstance, environment: str) -> Iterator[tuple[dict[str, str], str]]:
    """Give the metadata and the run of each observation that can still matter, the newest first.

    All of them, however many: a rejection must not be forgotten since others were written after it.
    """
    oldest = (datetime.now(UTC) - LONGEST).timestamp()
    wanted = dg.AssetRecordsFilter(asset_key=key(environment), after_timestamp=oldest)
    cursor, more = None, True
    while more:
        page = instance.fetch_observations(wanted, limit=MOST, cursor=cursor)
        for record in page.records:
            if event := record.asset_observation:
                yield _texts(event.metadata), record.run_id
        cursor, more = page.cursor, page.has_more


def _asked(values: Mapping[str, str], run_id: str) -> Asked | None:
    try:
        request = Request.from_text(values[REQUEST])
        config = dict(json.loads(values.get(CONFIG, "{}")))
    except (KeyError, ValueError, TypeError, BadApproval):
        return None
    return Asked(request, values.get(PLAN, ""), values.get(JOB, ""), config, run_id)


def _texts(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, str]:
    return {name: str(value.value) for name, value in metadata.items()}
