"""The side of the calling process of a process that replays a part of the revisions."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from wish_rollout.core.errors.base import DEBUG
from wish_rollout.rollout.release.release_source import replay_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.release.measurements import RevisionMeasurements
    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.revisions.script_folder.code_trace import UsedCode
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.replay.replay_report import Report

COMMAND = [sys.executable, "-P", "-m", "wish_rollout.rollout.replay.replay_worker"]
END_SECONDS = 10.0
"""How long an interrupted process may take to drop its scratch database."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a process replays: the revisions after ``before``, up to ``last``.

    ``config``: the path of rollout.toml. ``release``: the name of the replay's cache, by which the process knows
    that it has read the same scripts and configuration. ``verify``: whether each revision's ``verify()`` is run.
    """

    config: str
    release: str
    before: Position
    last: Position
    verify: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a process has recorded and measured, the failures of ``verify()``, and the files that the scripts used."""

    recorded: Recorded
    measured: Mapping[str, RevisionMeasurements]
    failures: list[str]
    used: UsedCode


class ReplayProcess:
    """A process that replays revisions while this one does something else; leaving the block ends it.

    It is started with subprocess and not with multiprocessing, because a daemonic process, such as a worker of Celery, may
    have no children of the latter. Its session is its own, so that Ctrl-C interrupts it only once, through this process.
    ``report``: what is collected; the process reports no progress.
    """

    def __init__(self, project: ReleaseSource, before: Position, last: Position, report: Report) -> None:
        self.project = project
        self.report = report
        verify = report.behaviour is not None
        self.order = Order(str(project.config.path), replay_cache(project).name, before, last, verify)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(DEBUG) else subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin
        with suppress(OSError):  # it has ended, so that it has no result
            self._process.stdin.write(json.dumps(asdict(self.order)).encode() + b"\n")
            self._process.stdin.close()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            with suppress(OSError):
                self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The ID of the process."""
        return self._process.pid

    def result(self) -> Recorded | None:
        """Wait for the end; return what was recorded, and take over all else; None if the process failed."""
        assert self._process.stdout
        data = self._process.stdout.read()
        if self._process.wait():
            return None
        result: Result = pickle.loads(data)  # noqa: S301  (from our own process)
        self.project.measurements.take(result.measured)
        self.project.scripts.trace.take(result.used)
        if self.report.behaviour is not None:
            self.report.behaviour.extend(result.failures)
        return result.recorded
