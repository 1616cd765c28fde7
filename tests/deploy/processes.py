"""The processes of a deployment as deploy/compose.yaml runs them: each can be killed, and is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psycopg

from tests.fix_project import REPOSITORY
from tests.gate.test_daemon import kill
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fix_project import Workspace

SECONDS = 120
LAUNCH = """mutation ($job: String!) { launchRun(executionParams: {runConfigData: "{}", selector: {
    repositoryLocationName: "wish_rollout", repositoryName: "__repository__", jobName: $job}}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass
class Deployment:
    """Code server, web server and daemon of a workspace, on ``workspace.server``. ``commands``: by name."""

    workspace: Workspace
    commands: dict[str, tuple[str, ...]]
    web_port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a process, with a process group of its own like a container."""
        with (self.workspace.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *self.commands[name]],
                cwd=self.workspace.root,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill a process and all that it has started, like the end of a container."""
        kill(self.running.pop(name))

    def kill_all(self) -> None:
        """Kill all processes."""
        for name in list(self.running):
            self.kill(name)

    def kill_database_server(self) -> None:
        """Kill the processes of the PostgreSQL server, and start it again."""
        with psycopg.connect(self.workspace.server.url("postgres", ADMIN)) as connection:
            row = connection.execute("select pg_read_file('postmaster.pid')").fetchone()
            assert row
        os.kill(int(row[0].split()[0]), signal.SIGKILL)
        self.workspace.server.up()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Poll until a condition is true. A process that has ended is started again, as ``restart`` does in compose."""
        end = time.monotonic() + SECONDS
        while not holds():
            for name, process in list(self.running.items()):
                if process.poll() is not None:
                    self.start(name)
            assert time.monotonic() < end, f"not within {SECONDS} s: {what}"
            time.sleep(0.1)

    def query(self, text: str, **variables: str) -> dict[str, Any] | None:
        """Return the data of a GraphQL query; None if the web server or its database does not answer."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        url = f"http://127.0.0.1:{self.web_port}/graphql"
        try:
            with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=30) as answer:
                data: dict[str, Any] | None = json.load(answer).get("data")
                return data
        except (URLError, OSError):
            return None

    def launch(self, job: str) -> str:
        """Launch a job through the web server; return the ID of its run."""
        launched: list[str] = []

        def is_launched() -> bool:
            data = self.query(LAUNCH, job=job)
            result = data["launchRun"] if data else {}
            launched.extend([result["run"]["runId"]] if "run" in result else [])
            return bool(launched)

        self.until(is_launched, f"{job} is launched")
        return launched[0]

    def status(self, run: str) -> str:
        """Return the status of a run; "" if it cannot be read now."""
        data = self.query(STATUS, run=run)
        return str(data["runOrError"]["status"]) if data else ""

    def has_ended(self, run: str) -> bool:
        """Return whether a run has ended."""
        return self.status(run) in ENDED
