"""rollout.toml decides which environments a rollout includes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_project import SIGNERS

if TYPE_CHECKING:
    from tests.fix_project import Workspace

PROD = '[[environment]]\nname = "prod"\n'


def test_optional_environment_without_a_url_is_skipped(workspace: Workspace) -> None:
    staging = workspace.urls["staging"]
    workspace.unset_url("staging")

    stopped = workspace.cli("apply", "--json")
    assert stopped.code == 3
    outcome = json.loads(stopped.out)
    assert (outcome["success"], outcome["awaiting_approval"]) == (True, "prod")
    assert [each["environment"] for each in outcome["environments"]] == ["local"]

    workspace.roll_out()
    assert [workspace.revision("local"), workspace.revision("prod")] == ["0007", "0007"]
    workspace.assert_plan_is_empty()
    workspace.set_url("staging", staging)
    assert workspace.revision("staging") is None


def test_fourth_environment_needs_only_toml(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", PROD, f'[[environment]]\nname = "canary"\n\n{PROD}')
    workspace.add("canary")

    plan = json.loads(workspace.cli("plan", "--json").out)
    assert [each["environment"] for each in plan["environments"]] == ["local", "staging", "canary", "prod"]
    assert workspace.cli("apply").code == 3
    assert [workspace.revision(name) for name in ("canary", "prod")] == ["0007", None]

    workspace.roll_out()
    assert workspace.revision("prod") == "0007"
    workspace.assert_plan_is_empty()


def test_two_gates_need_two_approvals(workspace: Workspace) -> None:
    workspace.edit(
        "rollout.toml",
        PROD,
        f'[[environment]]\nname = "canary"\ngated = true\n\n[environment.approval]\n{SIGNERS}\nfour_eyes = false\n\n{PROD}',
    )
    workspace.add("canary")

    first = workspace.cli("apply")
    assert (first.code, "canary waits for an approval" in first.err) == (3, True)
    assert workspace.cli("approve", "canary", "--reason", "agreed", "--yes").code == 0

    second = workspace.cli("apply")
    assert (second.code, "prod waits for an approval" in second.err) == (3, True)
    assert [workspace.revision(name) for name in ("canary", "prod")] == ["0007", None]
    assert workspace.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0

    assert workspace.cli("apply").code == 0
    assert workspace.revision("prod") == "0007"
    workspace.assert_plan_is_empty()


def test_until_stops_after_an_environment(workspace: Workspace) -> None:
    done = workspace.cli("apply", "--until", "staging")
    assert (done.code, workspace.revision("staging"), workspace.revision("prod")) == (0, "0007", None)
    again = workspace.cli("apply", "--until", "staging")
    assert (again.code, again.out) == (0, "nothing to do: local, staging are at 0007, in step\n")


def test_url_variable_of_an_environment_is_configurable(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", PROD, f'{PROD}url_variable = "QA_DATABASE_URL"\n')
    workspace.add("qa")
    workspace.unset_url("prod")
    workspace.roll_out()
    assert workspace.revision("qa") == "0007"


def test_urls_are_read_from_dotenv_files(workspace: Workspace) -> None:
    local, prod = workspace.urls["local"], workspace.urls["prod"]
    workspace.unset_url("local")
    workspace.unset_url("prod")
    (workspace.root / ".env").write_text(
        f"LOCAL_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none\nPROD_DATABASE_URL={prod}\n"
    )
    (workspace.root / ".env.local").write_text(f"LOCAL_DATABASE_URL={local}\n")

    status = json.loads(workspace.cli("status", "--json").out)
    assert [each["verdict"] for each in status["environments"]] == ["behind", "behind", "behind"]


def test_status_drift_and_plan_show_each_environment(workspace: Workspace) -> None:
    workspace.migrate("local", "staging")
    status = workspace.cli("status", "--json")
    assert status.code == 0
    found = {each["environment"]: each for each in json.loads(status.out)["environments"]}
    assert {name: (each["verdict"], each["pending"]) for name, each in found.items()} == {
        "local": ("in_step", []),
        "staging": ("in_step", []),
        "prod": ("behind", ["0006", "0007"]),
    }
    assert found["local"]["fingerprint"] == found["staging"]["fingerprint"] != found["prod"]["fingerprint"]
    assert [line.split()[:2] for line in workspace.cli("status").out.splitlines()[1:]] == [
        ["local", "in_step"],
        ["staging", "in_step"],
        ["prod", "behind"],
    ]
    assert workspace.cli("drift").code == 0

    plan = workspace.cli("plan")
    assert plan.code == 0
    assert "CREATE TABLE wishlist_items" in plan.out
    assert workspace.identity()["prod"][0] is None


def test_two_environments_with_one_database_are_refused_for_any_host_name(workspace: Workspace) -> None:
    """Otherwise prod would be migrated without its gate, as staging."""
    workspace.set_url("staging", workspace.urls["prod"].replace("127.0.0.1", "localhost"))
    for command in (("plan",), ("apply",), ("apply", "--until", "staging"), ("doctor",)):
        result = workspace.cli(*command)
        text = result.out + result.err
        assert (result.code, "are the same database, although their URLs may differ" in text) == (6, True), (
            command
        )
    assert workspace.revision("prod") is None
    workspace.migrate("prod")
    refused = workspace.cli("rollback", "staging")
    assert (refused.code, "are the same database" in refused.err) == (6, True)
    assert workspace.revision("prod") == "0007"
