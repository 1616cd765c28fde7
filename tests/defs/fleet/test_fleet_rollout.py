"""The pipeline with a fleet: apply, and what Dagster records of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


def test_smoke(fleet: Fleet) -> None:
    fleet.add("a", "b", "c")
    for command in (["plan", "tenants"], ["apply"],["apply"], ["status"], ["status", "tenants", "--json"], ["drift", "tenants"]):
        r = fleet.workspace.cli(*command)
        print(command, r.code); print(r.out); print(r.err)
    fleet.sql("a", "create table by_hand (id integer)")
    for command in (["plan", "tenants"], ["apply"], ["status", "tenants"], ["status", "tenants/a"], ["drift"], ["verify", "tenants/a"], ["verify", "tenants"], ["rollback", "tenants"], ["doctor"], ["report"], ["snapshot", "tenants/b"]):
        r = fleet.workspace.cli(*command)
        print(command, r.code); print(r.out[:2000]); print(r.err)
    assert 0
