"""Which environments the road leads through: rollout.toml says, and no code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_project import SIGNERS

if TYPE_CHECKING:
    from tests.fix_project import Road

PROD = '[[environment]]\nname = "prod"\n'


def test_staging_is_left_out_where_it_has_no_url(road: Road) -> None:
    staging = road.urls["staging"]
    road.leave_out("staging")

    stopped = road.cli("apply", "--json")
    assert stopped.code == 3
    outcome = json.loads(stopped.out)
    assert (outcome["success"], outcome["awaiting_approval"]) == (True, "prod")
    assert [each["environment"] for each in outcome["environments"]] == ["local"]

    road.roll_out()
    assert [road.revision("local"), road.revision("prod")] == ["0007", "0007"]
    road.assert_nothing_left_to_do()
    road.point("staging", staging)
    assert road.revision("staging") is None


def test_a_fourth_environment_needs_toml_alone(road: Road) -> None:
    road.edit("rollout.toml", PROD, f'[[environment]]\nname = "canary"\n\n{PROD}')
    road.add("canary")

    plan = json.loads(road.cli("plan", "--json").out)
    assert [each["environment"] for each in plan["environments"]] == ["local", "staging", "canary", "prod"]
    assert road.cli("apply").code == 3
    assert [road.revision(name) for name in ("canary", "prod")] == ["0007", None]

    road.roll_out()
    assert road.revision("prod") == "0007"
    road.assert_nothing_left_to_do()


def test_two_gates_wait_one_after_the_other(road: Road) -> None:
    road.edit(
        "rollout.toml",
        PROD,
        f'[[environment]]\nname = "canary"\ngated = true\n\n[environment.approval]\n{SIGNERS}\nfour_eyes = false\n\n{PROD}',
    )
    road.add("canary")

    first = road.cli("apply")
    assert (first.code, "canary waits for an approval" in first.err) == (3, True)
    assert road.cli("approve", "canary", "--reason", "agreed", "--yes").code == 0

    second = road.cli("apply")
    assert (second.code, "prod waits for an approval" in second.err) == (3, True)
    assert [road.revision(name) for name in ("canary", "prod")] == ["0007", None]
    assert road.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0

    assert road.cli("apply").code == 0
    assert road.revision("prod") == "0007"
    road.assert_nothing_left_to_do()


def test_the_road_can_end_behind_an_earlier_environment(road: Road) -> None:
    done = road.cli("apply", "--until", "staging")
    assert (done.code, road.revision("staging"), road.revision("prod")) == (0, "0007", None)
    again = road.cli("apply", "--until", "staging")
    assert (again.code, again.out) == (0, "nothing to do: local, staging are at 0007, in step\n")


def test_an_environment_may_name_its_own_variable(road: Road) -> None:
    road.edit("rollout.toml", PROD, f'{PROD}url_variable = "QA_DATABASE_URL"\n')
    road.add("qa")
    road.leave_out("prod")
    road.roll_out()
    assert road.revision("qa") == "0007"


def test_urls_may_stand_in_dotenv_files(road: Road) -> None:
    local, prod = road.urls["local"], road.urls["prod"]
    road.leave_out("local")
    road.leave_out("prod")
    (road.root / ".env").write_text(
        f"LOCAL_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none\nPROD_DATABASE_URL={prod}\n"
    )
    (road.root / ".env.local").write_text(f"LOCAL_DATABASE_URL={local}\n")

    status = json.loads(road.cli("status", "--json").out)
    assert [each["verdict"] for each in status["environments"]] == ["behind", "behind", "behind"]


def test_status_drift_and_plan_say_where_each_one_stands(road: Road) -> None:
    road.migrate("local", "staging")
    status = road.cli("status", "--json")
    assert status.code == 0
    found = {each["environment"]: each for each in json.loads(status.out)["environments"]}
    assert {name: (each["verdict"], each["pending"]) for name, each in found.items()} == {
        "local": ("in_step", []),
        "staging": ("in_step", []),
        "prod": ("behind", ["0006", "0007"]),
    }
    assert found["local"]["fingerprint"] == found["staging"]["fingerprint"] != found["prod"]["fingerprint"]
    assert [line.split()[:2] for line in road.cli("status").out.splitlines()[1:]] == [
        ["local", "in_step"],
        ["staging", "in_step"],
        ["prod", "behind"],
    ]
    assert road.cli("drift").code == 0

    plan = road.cli("plan")
    assert plan.code == 0
    assert "CREATE TABLE wishlist_items" in plan.out
    assert road.identity()["prod"][0] is None


def test_two_environments_that_are_one_database_are_refused_under_any_name(road: Road) -> None:
    """Else prod is migrated past its gate, as staging."""
    road.point("staging", road.urls["prod"].replace("127.0.0.1", "localhost"))
    for command in (("plan",), ("apply",), ("apply", "--until", "staging"), ("doctor",)):
        result = road.cli(*command)
        told = result.out + result.err
        assert (result.code, "are the same database, whatever their URLs say" in told) == (6, True), command
    assert road.revision("prod") is None
    road.migrate("prod")
    refused = road.cli("rollback", "staging")
    assert (refused.code, "are the same database" in refused.err) == (6, True)
    assert road.revision("prod") == "0007"
