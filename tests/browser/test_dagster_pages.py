"""A person rolls a release out in Dagster's UI: run, gate, approval, drift, rollback, and a run executed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import VIEWPORT
from tests.browser.dagster_pages import run_command

if TYPE_CHECKING:
    from tests.browser.dagster_pages import DagsterPages
    from tests.fix_project import Workspace

INDEX = "idx_wishlist_user_sort"
LINEAGE = "/locations/wish_rollout/asset-groups/rollout"
PROD = "/assets/schema/prod"


def check(environment: str, name: str) -> str:
    """Return the address of a check."""
    return f"/assets/schema/{environment}?view=checks&checkDetail={name}"


def test_person_rolls_out_in_the_ui(dagster_pages: DagsterPages, workspace: Workspace) -> None:
    dagster_pages.open(LINEAGE, "plan", "local", "staging", "prod_approval")
    dagster_pages.materialize_all("rollout")
    assert [workspace.revision(name) for name in workspace.urls] == ["0007", "0007", None]
    approve(dagster_pages, workspace)
    read_prod(dagster_pages)
    see_drift(dagster_pages, workspace)
    roll_back_local(dagster_pages, workspace)
    execute_again(dagster_pages, workspace)


def approve(ui: DagsterPages, workspace: Workspace) -> None:
    """See that prod waits, sign its request elsewhere, and paste the approval into the launchpad."""
    ui.open(check("prod", "gate"), "0 of 1 approvals")
    ui.open(f"{PROD}?view=overview", "what to do", "wish-rollout approval, format 2")
    ui.picture("gate")
    request, approval = workspace.root / "request.txt", workspace.root / "approve.yaml"
    request.write_text(ui.page.locator("pre", has_text="wish-rollout approval, format 2").first.inner_text())
    sign = ("approve", "prod", "--request", str(request), "--run-config", str(approval))
    run_command(workspace, 0, *sign, "--reason", "agreed in the release meeting", "--yes")
    ui.open_launchpad("approve", "environment: prod")
    ui.paste(approval.read_text())
    ui.see("No errors")
    ui.picture("launchpad")
    ui.launch()


def read_prod(ui: DagsterPages) -> None:
    """See that the rollout was resumed: prod has its columns, and its checks have passed."""
    ui.open(f"{PROD}?view=overview", "public.wishlist_items.title", "non-nullable", "upgrade")
    ui.picture("columns")
    ui.open(check("prod", "exact_delta"), "exactly as promised")
    ui.see_times("Succeeded", 10)
    ui.picture("checks")
    ui.page.set_viewport_size({"width": 1700, "height": 600})
    ui.open(LINEAGE, "prod_approval", "Materialized")
    ui.picture("lineage")
    ui.page.set_viewport_size(VIEWPORT)


def see_drift(ui: DagsterPages, workspace: Workspace) -> None:
    """Drop an index by hand, see the check turn red, create it again, and see the check turn green."""
    (definition,) = workspace.sql("prod", f"select pg_get_indexdef('{INDEX}'::regclass)")
    workspace.sql("prod", f"drop index {INDEX}")
    ui.open(check("prod", "no_drift"), "to undo the change")
    assert INDEX in ui.text()
    ui.picture("drift")
    workspace.sql("prod", definition[0])
    ui.open(check("prod", "no_drift"), "the schema is exactly the one of 0007")
    ui.see_times("Succeeded", 10)


def roll_back_local(ui: DagsterPages, workspace: Workspace) -> None:
    """Launch the job rollback with the configuration that its launchpad shows."""
    ui.open_launchpad("rollback", "environment: local")
    ui.launch()
    assert workspace.revision("local") == "0006"
    ui.open("/assets/schema/local?view=overview", "rollback", "0006")


def execute_again(ui: DagsterPages, workspace: Workspace) -> None:
    """Execute a run of the command line again."""
    run_command(workspace, 0, "apply", "--until", "local")
    ui.open("/runs", "rollout")
    ui.page.locator("a[href*='/runs/']").first.click()
    ui.wait_for_success()
    ui.execute_again()
    assert workspace.revision("local") == "0007"
