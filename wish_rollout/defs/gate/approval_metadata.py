"""Requests and approvals in the metadata of Dagster's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import dagster as dg

from wish_rollout.core.approval.documents import Request
from wish_rollout.core.approval.wave_plan import WavePlan
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.defs.gate.approval_events import (
    CHOICES,
    PLAN,
    REQUEST,
    TARGETS,
    RecordedRequest,
    from_code,
)
from wish_rollout.defs.runs import json_parsing
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse_request_metadata(values: Mapping[str, str], run_id: str) -> RecordedRequest | None:
    """Return the request of an event's metadata, or None if it is no request of this version.

    The plans of a wave's targets are no part of the signed text; they are used only if their digest is.
    """
    try:
        request = Request.from_text(from_code(values[REQUEST]))
        wave = WavePlan.from_text(values[TARGETS]) if TARGETS in values else None
    except (KeyError, InvalidApprovalDocument):
        return None
    if wave and wave.digest != request.subject.plan:
        return None
    choices = _parse_choices(values.get(CHOICES, ""))
    return RecordedRequest(request, values.get(PLAN, ""), run_id, choices, wave)


def _parse_choices(text: str) -> Choices:
    """Return the recorded choices, or no choices if the text has another form."""
    value = json_parsing.parse_json(text)
    if isinstance(value, dict):
        adopt, clean, replan = value.get("adopt"), value.get("clean"), value.get("replan", [])
        if _are_strings(adopt) and _are_strings(clean) and _are_strings(replan):
            return Choices(tuple(adopt), tuple(clean), tuple(replan))
    return NO_CHOICES


def _are_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def metadata_texts(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, str]:
    """Return the values of an event's metadata as texts."""
    return {name: str(value.value) for name, value in metadata.items()}
