"""A fleet whose waves are launched as backfills, with a code server and a daemon of Dagster that are quick."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import dagster as dg

from tests.defs.fleet.test_fleet_backfill import accepts_connections
from tests.fix_fleet import ENVIRONMENT, Fleet
from tests.fix_project import workspace_on
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE, kill, running, until
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    import pytest

    from tests.fix_dagster import DagsterDatabases
    from wish_rollout.sandbox.server import Server

LOCATION = """
from wish_rollout.defs.fleet import wave_of_run
wave_of_run.READ_SECONDS = 0
from wish_rollout.definitions import defs
"""
DAEMON = """
from dagster._daemon import controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1
from dagster._daemon.cli import main
main()
"""
MONITORING = "run_monitoring:\n  enabled: true\n"
QUICK_MONITORING = f"{MONITORING}  poll_interval_seconds: 1\n"
SCHEMAS = dg.AssetKey(["schema", "tenants"])


FLEET_WORKER = b"wish_rollout.rollout.fleet.worker"


def own_children(process: int) -> list[int]:
    """Return the IDs of the processes that a process has started."""
    with suppress(FileNotFoundError):
        tasks = Path(f"/proc/{process}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def children_of(process: int) -> list[int]:
    """Return the IDs of all processes that a process has started, and that these have started."""
    found = own_children(process)
    return [*found, *(each for child in found for each in children_of(child))]


def command_of(process: int) -> bytes:
    """Return the command line of a process."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def is_alive(instance: dg.DagsterInstance) -> bool:
    """Return whether the daemons that launch the runs of backfills have given a sign of life."""
    return {"BACKFILL", "QUEUED_RUN_COORDINATOR"} <= instance.get_daemon_heartbeats().keys()


@dataclass
class DaemonFleet:
    """A fleet, and the processes of Dagster. ``head``: rollout.toml up to the fleet's own environment."""

    fleet: Fleet
    stack: ExitStack
    port: int
    head: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def configure(self, *names: str, environment: str = "targets_per_run = 2\n", waves: str = "") -> None:
        """Give the fleet new targets, and options of its environment and waves."""
        self.fleet.drop()
        self.fleet.databases.clear()
        (self.fleet.root / "tenants.txt").write_text("")
        (self.fleet.root / "rollout.toml").write_text(self.head + ENVIRONMENT + environment + waves)
        self.fleet.add(*names)

    def start(self, name: str, *command: str) -> None:
        """Start a process of Dagster; one of the same name is killed before."""
        if name in self.processes:
            kill(self.processes[name])
        self.processes[name] = self.stack.enter_context(running(self.fleet.root, name, *command))

    def serve(self) -> None:
        """Start the code server, with the present rollout.toml."""
        server = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(self.port), "-f", "location.py")
        self.start("server", *server, "--location-name", "wish_rollout")
        until(lambda: accepts_connections(self.port), "the code server listens", self.processes["server"])

    def start_daemon(self) -> None:
        """Start the daemon, and wait until it gives a sign of life."""
        self.start("daemon", "quick_daemon", "run", "-w", "grpc.yaml")
        with dg.DagsterInstance.get() as instance:
            until(lambda: is_alive(instance), "the daemon lives", self.processes["daemon"])

    def working_runs(self) -> list[int]:
        """Return the IDs of the processes of runs that have worker processes of the fleet."""
        return [
            process
            for process in children_of(self.processes["server"].pid)
            if any(FLEET_WORKER in command_of(child) for child in own_children(process))
        ]

    def apply(self, code: int = 0) -> dict[str, Any]:
        """Run apply, which must end with an exit code; return its document, and what it has logged."""
        result = self.fleet.workspace.cli("apply", "--json")
        log = (self.fleet.root / "daemon.log").read_text()[-3000:]
        assert result.code == code, (result, log)
        document: dict[str, Any] = json.loads(result.out)
        document["log"] = result.err
        return document

    @contextmanager
    def applying(self) -> Iterator[subprocess.Popen[str]]:
        """Run apply in another process while the block runs; the block, or what follows, waits for its end."""
        process = self.fleet.workspace.start("apply", "--json")
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            if process.returncode is None and process.poll() is not None:
                process.communicate()

    def wave_runs(self, rollout: str) -> list[dg.DagsterRun]:
        """Return the runs that a rollout has launched."""
        with dg.DagsterInstance.get() as instance:
            return list(instance.get_runs(dg.RunsFilter(tags={"wish_rollout/rollout": rollout})))

    def runs_in_ledgers(self) -> dict[str, list[str]]:
        """Return the runs in the ledger of each target."""
        query = "select run from wish_rollout.ledger order by seq"
        return {
            name: [run for (run,) in self.fleet.sql(name, query)] if self.fleet.acts(name) else []
            for name in self.fleet.databases
        }


@contextmanager
def daemon_fleet(
    server: Server, template: str, dagster: DagsterDatabases, root: Path, patch: pytest.MonkeyPatch
) -> Iterator[DaemonFleet]:
    """Start the code server and the daemon of a project with a fleet, whose first environment is migrated."""
    with (
        dagster.copy() as url,
        workspace_on(server, root, url, patch, ("local",)) as workspace,
        ExitStack() as stack,
    ):
        fleet = Fleet(workspace, template, f"f{secrets.token_hex(4)}")
        text = (root / "rollout.toml").read_text()
        found = DaemonFleet(
            fleet, stack, choose_free_port(), text[: text.index('[[environment]]\nname = "staging"')]
        )
        path = f"/{fleet.prefix}_{{name}}"
        patch.setenv("TENANTS_DATABASE_URL", urlunsplit(urlsplit(server.url("postgres"))._replace(path=path)))
        workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
        workspace.edit("dagster.yaml", MONITORING, QUICK_MONITORING)
        (root / "location.py").write_text(LOCATION)
        (root / "quick_daemon.py").write_text(DAEMON)
        (root / "grpc.yaml").write_text(WORKSPACE.format(port=found.port))
        stack.callback(fleet.drop)
        found.configure("first")
        workspace.migrate("local")
        found.serve()
        found.start_daemon()
        yield found
