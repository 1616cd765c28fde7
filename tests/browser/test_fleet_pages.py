"""A person sees the targets of a fleet in Dagster's UI: which are done, and why one is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import pages_of
from tests.browser.dagster_pages import run_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.fix_fleet import Fleet

NAMES = ("acme", "globex", "hooli", "initech", "massive-dynamic", "stark", "umbrella", "wayne", "wonka")
PARTITIONS = "/assets/schema/tenants?view=partitions"


def test_person_sees_the_targets_of_a_fleet(fleet: Fleet, browser: Browser) -> None:
    fleet.add(*NAMES)
    fleet.configure("[[environment.wave]]\nrest = true\nmax_failures = 1\n")
    fleet.sql("hooli", "create table by_hand (id integer)")
    run_command(fleet.workspace, 1, "apply")
    with pages_of(fleet.workspace, browser) as ui:
        ui.open(PARTITIONS, "umbrella", "Missing (1)")
        ui.picture("partitions")
        ui.open(
            "/assets/fleet/tenants?view=checks&checkDetail=all_targets", "1 of 9 targets are not done: hooli"
        )
