"""Malformed approval events of every form are ignored."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from tests.gate.test_resume_sensor import keys, tick
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gate.conftest import Gate
    from wish_rollout.core.approval.documents import Request

INSIDE = ["\ud800", "a\x01b", "\r\n", "\x00"]
INSTEAD: list[Any] = [*INSIDE[:3], "x" * 100_000, 7, 0.5, True, None, [1], {"a": 1}, "[" * 10_000]


def changed(text: str) -> list[Any]:
    """Return the strategy for values in place of a text: any value, and modified texts."""
    half = len(text) // 2
    return [*INSTEAD, *(text[:half] + each + text[half:] for each in INSIDE[:3])]


def strange(gate: Gate, request: Request) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Return the strategy for events of both kinds with one invalid field."""
    document = gate.document(request)
    for value in changed(document):
        yield dg.AssetMaterialization, {"approval": value}
    for name in ("nonce", "approver", "reason", "rejected"):
        for value in INSTEAD:
            yield dg.AssetMaterialization, {"approval": "?", name: value}
            yield dg.AssetObservation, {name: value}
    for value in changed(request.text()):
        yield dg.AssetObservation, {"request": value}
    for value in INSTEAD:
        yield dg.AssetObservation, {"request": request.text(), "choices": value}


def test_malformed_events_are_ignored(gate: Gate) -> None:
    request = gate.ask()
    others = [replace(request, nonce=secrets.token_hex(32)) for _ in INSTEAD]
    with open_instance(gate.workspace.project.config) as instance:
        for kind, metadata in strange(gate, request):
            instance.report_runless_asset_event(kind(["approval", "prod_approval"], metadata=metadata))
        for other, value in zip(others, INSTEAD, strict=True):
            metadata = {"request": other.text(), "plan": value, "choices": value}
            instance.report_runless_asset_event(
                dg.AssetObservation(["approval", "prod_approval"], metadata=metadata)
            )

    listed = gate.workspace.cli("requests", "--json")
    assert {each["nonce"] for each in json.loads(listed.out)} == {each.nonce for each in (request, *others)}
    listed.out.encode()
    assert gate.workspace.cli("requests").out.encode()
    assert gate.workspace.cli("apply").code == 3
    assert keys(tick(gate)) == []
    assert gate.submit_approval(gate.document(request))[0] == 0
    assert keys(tick(gate)) == [f"approval:{request.nonce}"]
    assert gate.workspace.cli("apply").code == 0
