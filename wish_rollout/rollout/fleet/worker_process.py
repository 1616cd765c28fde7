"""The coordinating process's side of a worker process: it starts the process, and reads the lines that it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import DEBUG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.rollout.fleet.worker import Setting
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

COMMAND = [sys.executable, "-P", "-m", "wish_rollout.rollout.fleet.worker"]
END_SECONDS = 10.0
"""How long a process that was interrupted may take to cancel its statement."""


@dataclass
class WorkerProcess:
    """A process, and the target that it works on.

    It is started with subprocess and not with multiprocessing, because a daemonic process, such as a worker of
    Celery, may have no children of the latter. Its session is its own, so that Ctrl-C reaches it only through this process.
    """

    process: subprocess.Popen[bytes]
    target: FleetTarget | None = None
    is_ready: bool = False
    unread: bytes = field(default=b"", repr=False)

    @classmethod
    def start(cls, setting: Setting) -> WorkerProcess:
        """Start a process for a fleet."""
        errors = None if os.environ.get(DEBUG) else subprocess.DEVNULL
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            cwd=os.path.dirname(setting.config),  # noqa: PTH120
        )
        worker = cls(process)
        worker.send(asdict(setting))
        return worker

    @property
    def output(self) -> int:
        """The file descriptor of its output."""
        assert self.process.stdout
        return self.process.stdout.fileno()

    def assign(self, target: FleetTarget, order: dict[str, Any]) -> None:
        """Let the process work on a target."""
        self.target = target
        self.send({**order, "target": target.name, "url": target.url})

    def send(self, values: dict[str, Any]) -> None:
        """Write a line to the process. A process that has ended is noticed by its output."""
        assert self.process.stdin
        with suppress(OSError):
            self.process.stdin.write(json.dumps(values).encode() + b"\n")
            self.process.stdin.flush()

    def read(self) -> Iterator[dict[str, Any]] | None:
        """Return what it has written since the last call, after its output was found readable; None if it has ended."""
        data = os.read(self.output, 1 << 16)
        if not data:
            return None
        *lines, self.unread = (self.unread + data).split(b"\n")
        return map(json.loads, lines)

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended. Its output is not at its end then if a child that it had forked still has it."""
        return self.process.poll() is not None

    def describe_end(self) -> str:
        """Return how the process has ended, in a few words. One that has closed its output and does not end is killed."""
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "it closed its output"
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return f"its exit code is {code}"

    def close(self) -> None:
        """Let the process end after the target that it works on; it does so too if this process is killed."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()

    def interrupt(self) -> None:
        """Cancel what the process does on its target, as Ctrl-C would."""
        with suppress(OSError):
            self.process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Wait a limited time until the process has ended. It holds its target's rollout lock until then."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
