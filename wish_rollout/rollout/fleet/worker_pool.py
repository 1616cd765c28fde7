"""A pool of worker processes, each of which works on one target of a fleet at a time."""

from __future__ import annotations

import selectors
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.rollout.fleet.worker import Setting
from wish_rollout.rollout.fleet.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

MOST_FAILED_STARTS = 3
"""After so many processes have ended before they were ready, no other one is started."""

END_CHECK_SECONDS = 1.0
"""How often it is asked whether processes that write nothing have ended."""


class WorkerPool:
    """Worker processes of a fleet. They are started when they are needed, and end with the pool.

    ``report``: called with each line of progress of a migration. ``tick``: called about once a second while processes are at
    work. ``died``: how each process that worked on a target has ended without a result. ``assign_targets``: gives free processes
    their next targets; who takes results calls it before work that takes time, so that the processes do not wait for it.
    """

    def __init__(
        self,
        project: Project,
        environment: str,
        *,
        who: str = "",
        run: str = "",
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.project = project
        # an unrecorded history is replayed here, once, and not in each process
        self.setting = Setting(str(project.config.path), environment, who, run, project.release_digest)
        self.report = report
        self.tick: Callable[[], object] = lambda: None
        self.workers: list[WorkerProcess] = []
        self.died: list[str] = []
        self.assign_targets: Callable[[], bool] = lambda: False
        self._selector = selectors.DefaultSelector()
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(interrupt=kind is not None and not issubclass(kind, Exception))

    def perform(
        self,
        order: Mapping[str, Any],
        next_target: Callable[[], FleetTarget | None],
        parallel: int,
        details: Callable[[FleetTarget], Mapping[str, Any]] = lambda _: {},
    ) -> Iterator[tuple[FleetTarget, dict[str, Any] | None]]:
        """Yield each target with the result of its order, as they come; None if its process has died.

        ``order``: as ``target_work.perform`` takes it. ``next_target``: returns the target to begin next, or None if
        none is to be begun now; it is called again after each result. ``parallel``: how many targets are worked on at the
        same time. ``details``: what is added to the order of a target. Raises FleetWorkerFailed if processes cannot be started.
        """
        self.assign_targets = partial(
            self._assign, next_target, parallel, lambda target: {**order, **details(target)}
        )
        while self.assign_targets():
            self.tick()
            for worker, lines in self._events():
                yield from self._results(worker, lines)

    def close(self, *, interrupt: bool = False) -> None:
        """End the processes. ``interrupt``: cancel what they do; otherwise each first finishes its target."""
        for worker in self.workers:
            if interrupt and worker.target is not None:
                worker.interrupt()
            worker.close()
        for worker in self.workers:
            worker.wait()
        self.workers.clear()
        self._selector.close()

    def _assign(
        self,
        next_target: Callable[[], FleetTarget | None],
        parallel: int,
        order: Callable[[FleetTarget], dict[str, Any]],
    ) -> bool:
        """Give targets to free processes, and start processes for others; return whether one is at work."""
        busy = [worker for worker in self.workers if worker.target is not None]
        free = [worker for worker in self.workers if worker.target is None]
        while len(busy) < parallel and (target := next_target()) is not None:
            worker = free.pop() if free else self._start()
            worker.assign(target, order(target))
            busy.append(worker)
        return bool(busy)

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess.start(self.setting)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        self.workers.append(worker)
        return worker

    def _events(self) -> Iterator[tuple[WorkerProcess, Iterator[dict[str, Any]] | None]]:
        """Yield processes with what they have written; None if they have ended. Waits at most END_CHECK_SECONDS.

        The end is not only seen by the output, which stays open as long as a child that a script has forked.
        """
        ended = [worker for worker in self.workers if worker.has_ended]
        readable = [key.data for key, _ in self._selector.select(0 if ended else END_CHECK_SECONDS)]
        for worker in readable:
            yield worker, worker.read()
        for worker in ended:
            if worker not in readable:
                yield worker, None

    def _results(
        self, worker: WorkerProcess, lines: Iterator[dict[str, Any]] | None
    ) -> Iterator[tuple[FleetTarget, dict[str, Any] | None]]:
        if lines is None:
            target = self._remove(worker)
            if target is not None:
                yield target, None
            return
        for line in lines:
            if "result" in line:
                target, worker.target = worker.target, None
                assert target is not None
                yield target, line["result"]
            elif "progress" in line:
                self.report(line["progress"])
            elif "failed" in line:
                raise FleetWorkerFailed(self.setting.environment, line["failed"])
            worker.is_ready = True

    def _remove(self, worker: WorkerProcess) -> FleetTarget | None:
        """Remove a process that has ended; return the target that it worked on."""
        self._selector.unregister(worker.output)
        self.workers.remove(worker)
        end = worker.describe_end()
        worker.close()
        if not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts >= MOST_FAILED_STARTS:
                raise FleetWorkerFailed(self.setting.environment, f"before it was ready, {end}")
        self.died.append(end)
        return worker.target
