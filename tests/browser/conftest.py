"""Fixtures of the tests in a real browser: Chromium, and Dagster's web server, daemon and code location."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.dagster_pages import DagsterPages
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE, running
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

    from tests.fix_project import Workspace

NAMES = ("chromium", "chromium-browser", "google-chrome")
ONLY_THIS_MACHINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""Chromium resolves no other name: a page that needs another machine fails."""
VIEWPORT: ViewportSize = {"width": 1400, "height": 900}
LOCATION = """
from wish_rollout.defs.drift import sensor as drift_sensor
from wish_rollout.defs.resume import sensor as resume_sensor
drift_sensor.SECONDS_BETWEEN_TICKS = resume_sensor.SECONDS_BETWEEN_TICKS = 2
from wish_rollout.definitions import defs
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The installed Chromium. A missing one fails the test in CI and skips it elsewhere."""
    program = next((path for path in map(shutil.which, NAMES) if path), None)
    if program is None:
        missing = "Chromium is not installed: install it, on Debian with apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[ONLY_THIS_MACHINE])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def pages_of(workspace: Workspace, browser: Browser) -> Iterator[DagsterPages]:
    """Run Dagster's web server on a workspace, whose sensors tick every two seconds, while the block runs."""
    root, code_port, port = workspace.root, choose_free_port(), choose_free_port()
    workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
    (root / "location.py").write_text(LOCATION)
    (root / "grpc.yaml").write_text(WORKSPACE.format(port=code_port))
    code = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code_port), "-f", "location.py")
    web = ("dagster_webserver", "-w", "grpc.yaml", "-h", "127.0.0.1", "-p", str(port))
    with ExitStack() as stack:
        processes = (
            stack.enter_context(running(root, "server", *code, "--location-name", "wish_rollout")),
            stack.enter_context(running(root, "daemon", "dagster._daemon", "run", "-w", "grpc.yaml")),
            stack.enter_context(running(root, "web", *web)),
        )
        context = browser.new_context(viewport=VIEWPORT, locale="en-GB", timezone_id="UTC")
        yield DagsterPages(stack.enter_context(context).new_page(), f"http://127.0.0.1:{port}", processes)


@pytest.fixture
def dagster_pages(workspace: Workspace, browser: Browser) -> Iterator[DagsterPages]:
    """The pages of Dagster's web server on the workspace."""
    with pages_of(workspace, browser) as pages:
        yield pages
