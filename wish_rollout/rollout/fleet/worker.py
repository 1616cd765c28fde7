"""A worker process of a fleet: it does the work of one order after the other, each on one target.

Alembic uses module globals, so that one process can run the scripts on one database at a time. A process stays warm: it
imports the programs, and reads the scripts and the history, once.

The first line of its standard input is a JSON object with the fields of ``Setting``; each other line is an order. It writes a JSON
line for each order, and lines of progress. It ends when its standard input ends, after the order that it works on.
"""

from __future__ import annotations

import gc
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.config import FleetMember
from wish_rollout.core.errors.fleets.rollouts import FleetReleaseChanged
from wish_rollout.core.text.redaction import redact
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.fleet.taken_databases import NOTHING_TAKEN, TakenDatabases
from wish_rollout.rollout.fleet.target_work import perform
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.worker_streams import take_streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker process is started for. ``config``: the path of rollout.toml. ``environment``: the fleet.

    ``who``: the requester. ``run``: the ID of the run. ``release_digest``: of the release that the run began with.
    """

    config: str
    environment: str
    who: str
    run: str
    release_digest: str


class Worker:
    """Does the work of orders. ``output``: where it writes its lines."""

    def __init__(self, setting: Setting, output: BinaryIO) -> None:
        self.setting = setting
        self.output = output
        self.lock = threading.Lock()
        self.actor = Actor(setting.who, setting.run, report=lambda line: self.write(progress=line))
        self.project = Project.load(Path(setting.config))
        self.taken = NOTHING_TAKEN
        self.environment = self.project.config.find_environment(setting.environment)

    def warm_up(self) -> None:
        """Import and read what every order needs. Raises FleetReleaseChanged."""
        from wish_rollout.revisions.runs import script_runs  # noqa: F401

        self.project.history.at(self.project.release.head)
        if self.project.release_digest != self.setting.release_digest:
            raise FleetReleaseChanged(self.setting.environment)
        _ = self.project.journal_digest, self.project.scope_of()
        self.taken = TakenDatabases.read(self.project)
        gc.collect()
        gc.freeze()

    def work(self, order: Mapping[str, Any]) -> None:
        """Do the work of an order, and write its result."""
        member = FleetMember.of(self.environment, str(order["target"]))
        run = f" run={self.setting.run[:8]}" if self.setting.run else ""
        target = self.project.target_at(member, str(order["url"]), f"wish-rollout{run} {member.name}")
        self.write(result=perform(self.project, target, order, self.actor, self.taken))

    def write(self, **values: Any) -> None:
        """Write a line; lines of progress come from another thread."""
        with self.lock:
            self.output.write(json.dumps(values).encode() + b"\n")
            self.output.flush()


def main() -> None:
    """Read the setting and the orders from standard input until it ends."""
    orders, output = take_streams()
    lines = iter(orders.readline, b"")
    try:
        worker = Worker(Setting(**json.loads(next(lines))), output)
        worker.warm_up()
    except Exception as error:  # noqa: BLE001  (the coordinating process raises it as FleetWorkerFailed)
        text = redact(f"{type(error).__name__}: {error}").strip()
        output.write(json.dumps({"failed": text.splitlines()[0]}).encode() + b"\n")
        output.flush()
        return
    worker.write(ready=True)
    for line in lines:
        worker.work(json.loads(line))


if __name__ == "__main__":
    main()
