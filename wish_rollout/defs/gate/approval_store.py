"""Which requests, approvals and rejections there are.

Dagster keeps them; it proves nothing. An approval is the text and the signature in its event, and is checked
each time that it matters. A request is no more than its text: what would be done, and by which job, follows from
it alone.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

import dagster as dg

from wish_rollout.config.policies import LONGEST
from wish_rollout.core.approval.documents import Request, Statement
from wish_rollout.core.approval.policy import check_request
from wish_rollout.core.errors.base import Refused
from wish_rollout.core.errors.signatures import InvalidApprovalDocument
from wish_rollout.core.schema.delta_rendering import visible
from wish_rollout.defs.gate.approval_events import (
    APPROVAL,
    APPROVER,
    CHOICES,
    PLAN,
    REASON,
    REJECTED,
    REQUEST,
    RowRequirement,
    key,
)
from wish_rollout.defs.runs import json_parsing
from wish_rollout.rollout.approval.approvals import text_of
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.approval.documents import Subject
    from wish_rollout.core.approval.policy import Policy

MOST = 200
"""How many of an environment's approvals are looked at, the newest; and how many events are read at once."""


def documents(instance: dg.DagsterInstance, environment: str) -> list[str]:
    """Give the approvals that were handed in, the newest first; not those of rejected requests.

    A materialization that holds none was put there by somebody else; it counts for nothing.
    """
    turned_down = read_rejections(instance, environment)
    result = instance.fetch_materializations(key(environment), limit=MOST)
    found = []
    for record in result.records:
        event = record.asset_materialization
        values = _texts(event.metadata) if event else {}
        document = values.get(APPROVAL, "")
        if document and approval_nonce(document) not in turned_down:
            found.append(document)
    return found


def approval_nonce(document: str) -> str:
    """Give the nonce in an approval's own text (not the one beside it); empty where it has no form."""
    try:
        return Statement.from_text(text_of(document)).request.nonce
    except InvalidApprovalDocument:
        return ""


def read_rejections(instance: dg.DagsterInstance, environment: str) -> dict[str, str]:
    """Give the requests that were turned down, by nonce: who, and why."""
    return {
        values[REJECTED]: visible(f"{values.get(APPROVER)}: {values.get(REASON)}")
        for values, _ in _observed(instance, environment)
        if REJECTED in values
    }


def requests(instance: dg.DagsterInstance, environment: str) -> list[RowRequirement]:
    """Give the requests for an environment whose time is not over and that nobody has turned down, the newest first.

    Of events that hold the same request the first one counts: whoever repeats it later changes no choice.
    """
    turned_down = read_rejections(instance, environment)
    found: dict[str, RowRequirement] = {}
    for values, run_id in _observed(instance, environment):
        asked = _asked(values, run_id)
        if asked and _stands(asked, environment) and asked.request.nonce not in turned_down:
            found.pop(asked.request.nonce, None)  # a repeated one is as old as it was
            found[asked.request.nonce] = asked
    return list(found.values())


def find_open_request(
    instance: dg.DagsterInstance, subject: Subject, policy: Policy, requester: str
) -> RowRequirement | None:
    """Find the request that somebody has open for exactly this subject, and that an approval can count for.

    Anybody may have written one that lives for years: taken for the open one, it would keep a good one from being
    made. And whoever asked decides who may approve, so another person's request is not one's own.
    """
    now = datetime.now(UTC)
    for asked in requests(instance, subject.environment):
        with suppress(Refused):
            check_request(asked.request, subject, policy, now)
            if asked.request.requester == visible(requester):
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


def _stands(asked: RowRequirement, environment: str) -> bool:
    """Whether a request is for this environment, and its time is not over."""
    return asked.request.subject.environment == environment and asked.is_open()


def _asked(values: Mapping[str, str], run_id: str) -> RowRequirement | None:
    try:
        request = Request.from_text(values[REQUEST])
    except (KeyError, InvalidApprovalDocument):
        return None
    return RowRequirement(request, values.get(PLAN, ""), run_id, _choices(values.get(CHOICES, "")))


def _choices(text: str) -> Choices:
    """Read what was chosen; what has another form is no choice."""
    found = json_parsing.read(text)
    if isinstance(found, dict):
        adopt, clean = found.get("adopt"), found.get("clean")
        if _are_texts(adopt) and _are_texts(clean):
            return Choices(tuple(adopt), tuple(clean))
    return NO_CHOICES


def _are_texts(found: object) -> TypeGuard[list[str]]:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _texts(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, str]:
    return {name: str(value.value) for name, value in metadata.items()}
