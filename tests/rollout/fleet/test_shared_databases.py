"""One database in two environments: a target of two fleets, or a single environment that is a target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.rollout.fleet.test_wave_rollout import outcomes, roll_out
from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout, waves_of
from wish_rollout.rollout.fleet.worker_pool import WorkerPool
from wish_rollout.rollout.servers.fleet_targets import read_fleet
from wish_rollout.rollout.servers.shared_addresses import refuse_shared_addresses

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


def test_the_database_of_an_environment_is_no_target(fleet: Fleet) -> None:
    local = fleet.workspace.database_urls["local"].replace("127.0.0.1", "localhost")
    (fleet.root / "tenants.txt").write_text(json.dumps({"name": "a", "url": local}) + "\n")

    found = roll_out(fleet)

    assert found["a"].error is not None
    assert found["a"].error.name == "EnvironmentsShareDatabase"
    assert fleet.workspace.revision("local") is None


def test_a_target_of_another_fleet_is_refused_until_that_fleet_has_it_no_more(fleet: Fleet) -> None:
    fleet.add("a")
    other = {"name": "x", "url": fleet.url("a").replace("127.0.0.1", "localhost")}
    (fleet.root / "early.txt").write_text(json.dumps(other) + "\n")
    fleet.configure('\n[[environment]]\nname = "early"\ntargets = { file = "early.txt" }\n')
    config = fleet.workspace.project.config
    early = config.find_environment("early")
    with WorkerPool(fleet.workspace.project, "early") as pool:
        rollout = WaveRollout(early, read_fleet(config, early), pool)
        list(rollout.run(waves_of(early, read_fleet(config, early))))
    assert outcomes(rollout.results) == {"x": "done"}

    found = roll_out(fleet)

    assert found["a"].error is not None
    assert found["a"].error.name == "EnvironmentsShareDatabase"
    assert "'tenants/a' and 'early/x'" in found["a"].error.text
    (fleet.root / "early.txt").write_text(json.dumps({**other, "name": "y"}) + "\n")
    assert outcomes(roll_out(fleet)) == {"a": "unchanged"}


@pytest.mark.parametrize("other", ["early", "local"])
def test_equal_addresses_of_two_environments_are_refused(fleet: Fleet, other: str) -> None:
    fleet.add("a")
    url = fleet.url("a") if other == "early" else fleet.workspace.database_urls["local"]
    (fleet.root / "early.txt").write_text(json.dumps({"name": "x", "url": url}) + "\n")
    refuse_shared_addresses(fleet.workspace.project.config)
    fleet.configure('\n[[environment]]\nname = "early"\ntargets = { file = "early.txt" }\n')

    with pytest.raises(EnvironmentsShareDatabase) as caught:
        refuse_shared_addresses(fleet.workspace.project.config)

    shared = caught.value.environment, caught.value.other
    assert shared == ("early/x", "tenants/a" if other == "early" else "local")
    assert fleet.workspace.cli("apply").code == caught.value.exit_code
    assert fleet.revisions() == {"a": "0006"}
