"""The command `report`: what it reads from the databases, the ledgers and Dagster's instance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fix_project import Workspace


def environments(workspace: Workspace, code: int = 0) -> dict[str, Any]:
    result = workspace.cli("report", "--json")
    assert result.code == code, result
    return {each["environment"]: each for each in json.loads(result.out)["environments"]}


def check_drift(workspace: Workspace) -> None:
    assert workspace.run_job(
        "drift_check", {"ops": {"check_drift": {"config": {"environments": ["staging"]}}}}
    )


def test_report_shows_revisions_drift_and_requests(workspace: Workspace) -> None:
    assert workspace.cli("apply").code == 3
    workspace.sql("staging", "create index by_hand on wishlist_items (title)")
    unrecorded = environments(workspace)["staging"]
    check_drift(workspace)
    first = environments(workspace)["staging"]["drift_since"]
    check_drift(workspace)
    before = workspace.identity()
    found = environments(workspace)

    assert {name: (each["verdict"], each["revision"]) for name, each in found.items()} == {
        "local": ("in_step", "0007"),
        "staging": ("drifted", "0007"),
        "prod": ("behind", "base"),
    }
    assert unrecorded["drift_since"] == ""
    assert (found["staging"]["drift_since"], first.endswith("Z")) == (first, True)
    assert "by_hand" in "".join(found["staging"]["drift"])
    assert [bool(each["since"]) for each in found.values()] == [True, True, False]
    (waiting,) = found["prod"]["waiting"]
    assert (waiting["approvals"], waiting["what_to_do"]) == (
        "0 of 1 approvals",
        "wish-rollout approve prod --reason '…'",
    )

    page = workspace.root / "report.html"
    assert workspace.cli("report", "--html", str(page)).code == 0
    for text in ("drifted: the schema", "by_hand", "0 of 1 approvals", "base → 0007", first):
        assert text in page.read_text()
    assert "drifted" in workspace.cli("report").out
    assert workspace.identity() == before

    assert workspace.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    (waiting,) = environments(workspace)["prod"]["waiting"]
    assert waiting["what_to_do"] == "wish-rollout apply"
    workspace.sql("staging", "drop index by_hand")
    check_drift(workspace)
    assert workspace.cli("apply").code == 0
    done = environments(workspace)
    assert [(each["verdict"], each["waiting"], each["drift_since"]) for each in done.values()] == [
        ("in_step", [], "")
    ] * 3


def test_report_is_written_if_a_database_or_dagster_cannot_be_read(
    workspace: Workspace, monkeypatch: Any
) -> None:
    workspace.migrate("local")
    workspace.set_url("prod", "postgresql://rollout@127.0.0.1:1/prod")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://rollout@127.0.0.1:1/dagster")
    result = workspace.cli("report", "--html")
    assert result.code == 1
    assert "unreachable: the server does not answer" in result.out
    assert "Requests are not shown: Dagster" in result.out
    assert "in step" in result.out


def test_report_refuses_contradicting_options(workspace: Workspace) -> None:
    for options in (("--html", "--json"), ("file.html",)):
        assert workspace.cli("report", *options).code == 2
