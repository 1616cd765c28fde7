"""The pipeline with a fleet: apply, and what Dagster records of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


def test_smoke(fleet: Fleet) -> None:
    fleet.add("a", "b", "c")
    r = fleet.workspace.cli("apply")
    print(r.code); print(r.out); print(r.err)
    r = fleet.workspace.cli("apply")
    print(r.code); print(r.out); print(r.err)
    assert 0
