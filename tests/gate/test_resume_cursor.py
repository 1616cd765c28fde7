"""Ticks of ``resume_on_approval`` that have nothing to do: they read only the newest events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.gate.test_resume_sensor import keys, tick
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.resume.cursor import ResumeCursor

if TYPE_CHECKING:
    import dagster as dg

    from tests.gate.conftest import Gate


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The environments whose requests were read, by ticks that were not idle."""
    found: list[str] = []
    read = approval_store.read_open_requests

    def counted(instance: Any, environment: str, project: str = "") -> Any:
        found.append(environment)
        return read(instance, environment, project)

    monkeypatch.setattr(approval_store, "read_open_requests", counted)
    return found


def reason(result: dg.SensorResult) -> str:
    assert result.skip_reason
    return result.skip_reason.skip_message or ""


def test_idle_ticks_read_no_requests(gate: Gate, evaluations: list[str]) -> None:
    first = tick(gate)
    assert (reason(first), evaluations) == ("no request waits for an approval", ["prod"])
    assert reason(tick(gate, first.cursor)) == reason(first)
    assert evaluations == ["prod"]

    request = gate.ask()
    evaluations.clear()
    waiting = tick(gate, first.cursor)
    assert "needs the approvals of 1 persons, and has 0" in reason(waiting)
    idle = tick(gate, waiting.cursor)
    assert (keys(idle), evaluations) == ([], ["prod"])
    assert "no approval was recorded" in reason(idle)

    assert gate.approve()[0] == 0
    assert keys(tick(gate, idle.cursor)) == [f"approval:{request.nonce}"]


def test_expired_request_is_not_said_to_wait(gate: Gate, evaluations: list[str]) -> None:
    """Time alone closes a request, so an idle tick ends when it expires."""
    gate.ask()
    cursor = ResumeCursor.from_text(tick(gate).cursor)
    assert cursor.until
    evaluations.clear()
    expired = ResumeCursor(cursor.used, cursor.events, "2020-01-01T00:00:00+00:00")
    tick(gate, expired.to_text())
    assert evaluations == ["prod"]


def test_approved_request_is_evaluated_in_each_tick(gate: Gate, evaluations: list[str]) -> None:
    """A change window, a file of signers or the database may allow it later, without an event."""
    gate.policy("quorum = 2")
    gate.ask()
    assert gate.approve()[0] == 0
    evaluations.clear()
    first = tick(gate)
    assert "needs the approvals of 2 persons" in reason(first)
    second = tick(gate, first.cursor)
    assert (reason(second), evaluations) == (reason(first), ["prod", "prod"])
