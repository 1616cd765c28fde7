"""Reading of requests, approvals and rejections from Dagster's event log.

The event log proves nothing, because anyone with access to Dagster may write to it. An approval consists of the signed
text and its signature, which are verified on every use. A request consists of its text alone: the action and the job
follow from it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.config.policies import MAX_APPROVAL_LIFETIME
from wish_rollout.core.approval.documents import ApprovalStatement
from wish_rollout.core.approval.policy import check_request
from wish_rollout.core.errors.base import Refused
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.asset_keys import approval_key
from wish_rollout.defs.gate.approval_events import (
    APPROVAL,
    APPROVER,
    REASON,
    REJECTED,
    USED,
    RecordedRequest,
    from_code,
)
from wish_rollout.defs.gate.approval_metadata import metadata_texts, parse_request_metadata
from wish_rollout.rollout.approval.approvals import approval_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from wish_rollout.core.approval.policy import Policy
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.ledger import LedgerHead

PAGE_SIZE = 200
"""The number of newest approvals of an environment that are considered, and of observations read at once."""


def read_approval_documents(instance: dg.DagsterInstance, environment: str, project: str = "") -> list[str]:
    """Return the submitted approvals, newest first, without those of rejected requests.

    A materialization without an approval document is ignored: another program may have written it.
    """
    rejected = read_rejections(instance, environment, project)
    result = instance.fetch_materializations(approval_key(environment, project), limit=PAGE_SIZE)
    submitted = []
    for record in result.records:
        event = record.asset_materialization
        values = metadata_texts(event.metadata) if event else {}
        document = from_code(values.get(APPROVAL, ""))
        if document and approval_nonce(document) not in rejected:
            submitted.append(document)
    return submitted


def approval_nonce(document: str) -> str:
    """Return the nonce in an approval's signed text, or "" if the text is invalid."""
    try:
        return ApprovalStatement.from_text(approval_text(document)).request.nonce
    except InvalidApprovalDocument:
        return ""


def read_rejections(instance: dg.DagsterInstance, environment: str, project: str = "") -> dict[str, str]:
    """Return the rejected requests: nonce → who rejected it, and the reason."""
    return {
        values[REJECTED]: escape_to_one_line(f"{values.get(APPROVER)}: {values.get(REASON)}")
        for values, _ in read_observations(instance, environment, project)
        if REJECTED in values
    }


def read_ended_requests(instance: dg.DagsterInstance, environment: str, project: str = "") -> set[str]:
    """Return the nonces of the requests that were rejected or whose approval was used."""
    ended = (REJECTED, USED)
    return {
        values[name]
        for values, _ in read_observations(instance, environment, project)
        for name in ended
        if name in values
    }


def read_open_requests(
    instance: dg.DagsterInstance, environment: str, project: str = ""
) -> list[RecordedRequest]:
    """Return an environment's requests that have neither expired nor been rejected, newest first.

    A request of a fleet is also left out when the approval was used in one of its targets: an approved rollout to the others
    continues, and no other approval of it is needed.
    """
    ended = read_ended_requests(instance, environment, project)
    requests = read_unrejected_requests(instance, environment, project)
    return [each for each in requests if not (each.wave and each.request.nonce in ended)]


def read_unrejected_requests(
    instance: dg.DagsterInstance, environment: str, project: str = ""
) -> list[RecordedRequest]:
    """Return an environment's requests that have neither expired nor been rejected, newest first.

    Of several events with the same request, the oldest counts, so that a later copy cannot change its choices.
    """
    rejected = read_rejections(instance, environment, project)
    by_nonce: dict[str, RecordedRequest] = {}
    for values, run_id in read_observations(instance, environment, project):
        recorded = parse_request_metadata(values, run_id)
        if recorded and _is_open_for(recorded, environment) and recorded.request.nonce not in rejected:
            by_nonce.pop(recorded.request.nonce, None)  # a copy does not make a request newer
            by_nonce[recorded.request.nonce] = recorded
    return list(by_nonce.values())


def find_open_request(  # noqa: PLR0913, PLR0917  (each is a condition of the search)
    instance: dg.DagsterInstance,
    subject: Subject,
    policy: Policy,
    requester: str,
    project: str = "",
    ledger: LedgerHead | None = None,
) -> RecordedRequest | None:
    """Return this requester's open request for exactly this subject that the policy accepts, or None.

    ``ledger``: the last row of the target's ledger, if it is known; a request from before that row is void.

    A request that the policy does not accept (for example one that expires in years) is skipped: it would prevent a
    valid request. Another requester's request is skipped too: the requester determines who may approve.
    """
    now = datetime.now(UTC)
    for recorded in read_open_requests(instance, subject.environment, project):
        with suppress(Refused):
            check_request(recorded.request, subject, policy, now)
            is_current = ledger in (None, recorded.request.ledger)
            if is_current and recorded.request.requester == escape_to_one_line(requester):
                return recorded
    return None


def read_plans(
    instance: dg.DagsterInstance, environment: str, nonces: Set[str], project: str = ""
) -> dict[str, str]:
    """Return the plans that requests showed, as Markdown: nonce → plan. Of several events of a request, the oldest counts."""
    found: dict[str, str] = {}
    cursor, more = None, bool(nonces)
    while more:
        key = approval_key(environment, project)
        page = instance.fetch_observations(key, limit=PAGE_SIZE, cursor=cursor)
        for record in page.records:
            values = metadata_texts(record.asset_observation.metadata) if record.asset_observation else {}
            recorded = parse_request_metadata(values, record.run_id)
            if recorded and recorded.request.nonce in nonces:
                found[recorded.request.nonce] = recorded.markdown
        cursor, more = page.cursor, page.has_more
    return found


def read_observations(
    instance: dg.DagsterInstance, environment: str, project: str
) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the metadata and run ID of each observation within the longest lifetime of a request, newest first.

    All pages are read: a rejection must count, however many observations were written after it.
    """
    oldest = (datetime.now(UTC) - MAX_APPROVAL_LIFETIME).timestamp()
    records_filter = dg.AssetRecordsFilter(
        asset_key=approval_key(environment, project), after_timestamp=oldest
    )
    cursor, more = None, True
    while more:
        page = instance.fetch_observations(records_filter, limit=PAGE_SIZE, cursor=cursor)
        for record in page.records:
            if event := record.asset_observation:
                yield metadata_texts(event.metadata), record.run_id
        cursor, more = page.cursor, page.has_more


def _is_open_for(recorded: RecordedRequest, environment: str) -> bool:
    return recorded.request.subject.environment == environment and recorded.is_open()
