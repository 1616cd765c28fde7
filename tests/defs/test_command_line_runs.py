"""Runs of the command line in Dagster's web server: they are in its timeline and can be executed again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg

from tests.fix_project import REPOSITORY
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

SECONDS = 120
RUNS = """{ runsOrError { ... on Runs { results {
    runId canTerminate repositoryOrigin { repositoryName repositoryLocationName } } } } }"""
LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
REEXECUTE = """mutation ($parent: String!) { launchRunReexecution(
    reexecutionParams: {parentRunId: $parent, strategy: ALL_STEPS}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


@contextmanager
def web_server(workspace: Workspace) -> Iterator[str]:
    """Run Dagster's web server with the workspace's workspace.yaml; yield the URL of its GraphQL."""
    port = choose_free_port()
    command = [
        sys.executable,
        "-m",
        "dagster_webserver",
        "-w",
        "workspace.yaml",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with (workspace.root / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=workspace.root, env=environment, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        process.wait(60)


def query(url: str, text: str, **variables: str) -> dict[str, Any]:
    """Return the data of a GraphQL query; wait for the server."""
    body = json.dumps({"query": text, "variables": variables}).encode()
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=120) as answer:
                data: dict[str, Any] = json.load(answer)["data"]
                return data
        except URLError:
            assert time.monotonic() < end, "the web server does not answer"
            time.sleep(0.2)


def test_run_of_the_command_line_can_be_executed_again_in_the_ui(workspace: Workspace) -> None:
    assert workspace.cli("apply").code == 3
    with web_server(workspace) as url:
        (run,) = query(url, RUNS)["runsOrError"]["results"]
        (location,) = query(url, LOCATIONS)["workspaceOrError"]["locationEntries"]
        assert run["repositoryOrigin"] == {
            "repositoryName": "__repository__",
            "repositoryLocationName": location["name"],
        }
        again = query(url, REEXECUTE, parent=run["runId"])["launchRunReexecution"]
    assert again["__typename"] == "LaunchRunSuccess", again
    with dg.DagsterInstance.get() as instance:
        record = instance.get_run_by_id(again["run"]["runId"])
    assert record is not None
    assert (record.parent_run_id, record.job_name) == (run["runId"], "rollout")
