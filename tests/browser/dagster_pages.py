"""The pages of Dagster's UI as a person uses them: opened, read, and clicked."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error, expect

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import Locator, Page

    from tests.fix_project import Workspace

SECONDS = 120
"""The longest time for anything to happen: a run starts a process, and the machine may be busy."""
SECONDS_OF_PAGE = 20
"""How long a page may need before it is loaded again."""
PICTURES = "WISH_PICTURES"
"""The variable with the folder that pictures are written to; without it none are written."""
FOLLOW = "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')); }"
"""What the router of Dagster's UI does for a link."""
JOBS = "/locations/wish_rollout/jobs"
ENDED = re.compile("^(Success|Failure|Canceled)$")


@dataclass(frozen=True)
class DagsterPages:
    """Dagster's UI in one page of a browser. ``processes``: must be running all the time."""

    page: Page
    url: str
    processes: tuple[subprocess.Popen[bytes], ...]

    def open(self, path: str, *texts: str) -> None:
        """Open a page, and load it again until it shows all texts."""
        end = time.monotonic() + SECONDS
        is_first = True
        while True:
            assert [each.poll() for each in self.processes] == [None] * len(self.processes), (
                "a process has ended"
            )
            try:
                self._go(path, is_first=is_first)
                for text in texts:
                    self.see(text, SECONDS_OF_PAGE)
            except (AssertionError, Error):
                if time.monotonic() > end:
                    raise
                is_first = False
            else:
                return

    def _go(self, path: str, *, is_first: bool) -> None:
        """Go to a page: at first as a link in the UI does, which loads no program again; else load it."""
        if is_first and self.page.url.startswith(self.url):
            self.page.evaluate(FOLLOW, path)
        else:
            self.page.goto(self.url + path)

    def see(self, text: str | re.Pattern[str], seconds: float = SECONDS) -> Locator:
        """Return the first place that shows a text; fail if there is none in time."""
        found = self.page.get_by_text(text).filter(visible=True).first
        expect(found).to_be_visible(timeout=seconds * 1000)
        return found

    def see_times(self, text: str, times: int) -> None:
        """Fail unless the page shows a text so many times."""
        expect(self.page.get_by_text(text, exact=True)).to_have_count(times, timeout=SECONDS * 1000)

    def text(self) -> str:
        """Return what the page shows."""
        return self.page.inner_text("body")

    def materialize_all(self, job: str) -> None:
        """Launch a job of assets with the button of its page, and wait until its run has succeeded."""
        self.open(f"{JOBS}/{job}", "Materialize all")
        self.click("Materialize all")
        self.see("Launched run")
        self.page.get_by_text("View", exact=True).first.click()
        self.wait_for_success()

    def open_launchpad(self, job: str, shown: str) -> None:
        """Open the launchpad of a job. ``shown``: a text of the configuration that it shows at first."""
        self.open(f"{JOBS}/{job}/playground", shown, "Launch Run")

    def paste(self, text: str) -> None:
        """Replace the text of the launchpad."""
        self.page.locator(".CodeMirror").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def launch(self) -> None:
        """Launch the run of the launchpad, and wait until it has succeeded."""
        self.click("Launch Run")
        self.page.wait_for_url("**/runs/*", timeout=SECONDS * 1000)
        self.wait_for_success()

    def execute_again(self) -> None:
        """Execute all steps of the shown run again, and wait until the new run has succeeded."""
        before = self.page.url
        self.click("Re-execute all")
        self.page.wait_for_url(lambda url: "/runs/" in url and url != before, timeout=SECONDS * 1000)
        self.wait_for_success()

    def wait_for_success(self) -> None:
        """Wait until the shown run has ended; fail unless it has succeeded."""
        status = self.see(ENDED).inner_text()
        assert status == "Success", self.text()

    def click(self, name: str | re.Pattern[str]) -> None:
        """Click a button."""
        self.page.get_by_role("button", name=name).first.click(timeout=SECONDS * 1000)

    def picture(self, name: str) -> None:
        """Write a picture of the page, if pictures are wanted."""
        if folder := os.environ.get(PICTURES):
            for passing in ("Loading", "Launched run"):
                expect(self.page.get_by_text(passing)).to_have_count(0, timeout=SECONDS * 1000)
            self.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def run_command(workspace: Workspace, code: int, *arguments: str) -> None:
    """Run a command in a process of its own, because Playwright runs an event loop in this one. ``code``: its exit code."""
    result = workspace.wait_for(workspace.start(*arguments), SECONDS)
    assert result.code == code, result
