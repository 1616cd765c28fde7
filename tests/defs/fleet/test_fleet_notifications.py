"""Notifications of rollouts to a fleet: the same as those of single environments."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.defs.fleet.test_fleet_rollout import DRIFT, materialize
from tests.fix_fleet import HEAD
from tests.gate.test_notifications import TABLE, Receiver
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.defs.fleet.conftest import GatedFleet
    from tests.fix_fleet import Fleet


@pytest.fixture
def receiver(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of all events of the fleet's project."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("TELL_URL", f"json://127.0.0.1:{server.server_port}/hook")
        yield server
        server.shutdown()
        thread.join(10)


def test_a_gated_fleet_notifies_of_the_request_and_of_the_rollout(
    gated: GatedFleet, receiver: Receiver
) -> None:
    gated.fleet.add("a")
    gated.fleet.configure(TABLE)

    gated.ask()
    gated.approve()
    gated.apply()

    assert receiver.titles == [
        ("info", "tenants waits for an approval"),
        ("success", f"tenants: upgrade 0006 → {HEAD}, verified"),
    ]


def test_a_fleet_notifies_of_a_failure_and_of_its_end(fleet: Fleet, receiver: Receiver) -> None:
    fleet.add("a")
    fleet.configure(TABLE)
    with open_instance(fleet.workspace.project.config) as instance:
        assert not materialize(fleet, instance, "a", "a")
    assert receiver.titles == [("failure", "tenants: __ASSET_JOB failed")]
    fleet.sql("a", DRIFT)
    assert fleet.workspace.cli("apply").code == 1
    fleet.sql("a", "drop table by_hand")

    assert fleet.workspace.cli("apply").code == 0

    assert receiver.titles[1:] == [
        ("failure", "tenants: rollout failed"),
        ("success", "tenants: rollout succeeded after a failure"),
    ]
