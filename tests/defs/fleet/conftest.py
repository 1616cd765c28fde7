"""A gated fleet: its requests, and their approvals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet
    from wish_rollout.defs.gate.approval_events import RecordedRequest

GATED = """
gated = true

[environment.approval]
allowed_signers = "approvers"
four_eyes = false
"""
REST = """
[[environment.wave]]
name = "rest"
rest = true
max_failures = "100%"
"""


@dataclass
class GatedFleet:
    """A fleet whose targets are changed only with an approval."""

    fleet: Fleet

    def ask(self, *command: str) -> RecordedRequest:
        """Run a command (default: apply) up to the gate; return the request."""
        stopped = self.fleet.workspace.cli(*(command or ("apply",)))
        assert stopped.code == 3, stopped
        assert "tenants waits for an approval" in stopped.err
        return self.requests()[0]

    def requests(self) -> list[RecordedRequest]:
        """Return the open requests, newest first."""
        with open_instance(self.fleet.workspace.project.config) as instance:
            return approval_store.read_open_requests(instance, "tenants")

    def documents(self) -> list[str]:
        """Return the recorded approvals."""
        with open_instance(self.fleet.workspace.project.config) as instance:
            return approval_store.read_approval_documents(instance, "tenants")

    def approve(self, *more: str) -> str:
        """Approve the newest request; return what is shown."""
        result = self.fleet.workspace.cli("approve", "tenants", "--reason", "agreed", "--yes", *more)
        assert result.code == 0, result
        return result.out

    def apply(self, code: int = 0) -> dict[str, Any]:
        """Run apply, which must end with an exit code; return its JSON document."""
        result = self.fleet.workspace.cli("apply", "--json")
        assert result.code == code, result
        document: dict[str, Any] = json.loads(result.out)
        return document

    def errors(self) -> dict[str, str]:
        """Return the class of the error of each target that has failed last."""
        with open_instance(self.fleet.workspace.project.config) as instance:
            records = instance.fetch_observations(dg.AssetKey(["schema", "tenants"]), limit=100).records
        found: dict[str, str] = {}
        for record in records:
            event = record.asset_observation
            if event and event.partition and "error" in event.metadata:
                found.setdefault(event.partition, str(event.metadata["error"].value))
        return found

    def nonces(self, name: str) -> list[str]:
        """Return the nonces in the ledger of a target, shortened."""
        rows = self.fleet.sql(name, "select coalesce(nonce, '') from wish_rollout.ledger order by seq")
        return [nonce for (nonce,) in rows]


@pytest.fixture
def gated(fleet: Fleet) -> GatedFleet:
    """A gated fleet without targets. Its first wave can be added with ``fleet.configure``."""
    fleet.configure(GATED)
    return GatedFleet(fleet)
