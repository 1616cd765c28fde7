"""Replay a long history in several processes at the same time, each of which records a part of its revisions.

A replay and its server wait for each other, so one replay uses no more than one processor. Each further process first applies
the revisions before its own, without reading what they do.
"""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.schema.comparison import difference
from wish_rollout.rollout.replay.replay import QUIET, replay
from wish_rollout.rollout.replay.replay_process import ReplayProcess
from wish_rollout.rollout.replay.walk_segments import segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.replay.replay_report import Report

MOST_PROCESSES = 4
LEAST_REVISIONS = 200
"""A shorter history is replayed by one process: the start of another one takes as long as some dozens of revisions."""
START, UNREAD = 40.0, 1 / 6
"""What the start of a process takes, and to apply a revision that is not recorded; the unit is to record a revision."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process records: the revisions after ``before``, up to ``last``."""

    before: Position
    last: Position


def replay_in_parallel(project: ReleaseSource, base: Position = (), report: Report = QUIET) -> Recorded:
    """Replay the release as ``replay`` does, with the same result; in several processes if it is long and has no branches.

    Where something goes wrong in a process, or a part does not begin with the schema to which the part before it leads, one
    process replays all: scripts may disturb each other, for example by a file that they write.
    """
    shares = find_shares(project, base, processor_count())
    if len(shares) > 1:
        failures = len(report.behaviour or ())
        with suppress(RolloutError):
            if found := _replay_shares(project, base, shares, report):
                return found
        if report.behaviour is not None:
            del report.behaviour[failures:]
    return replay(project, base, report=report)


def _replay_shares(
    project: ReleaseSource, base: Position, shares: Sequence[Share], report: Report
) -> Recorded | None:
    """Replay the first share here, and each other one in its own process; None if the results do not fit together."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(ReplayProcess(project, share.before, share.last, report))
            for share in shares[1:]
        ]
        found = replay(project, base, shares[0].last, report)
        for share, process in zip(shares[1:], processes, strict=True):
            part = process.result()
            if part is None or part.postgres != found.postgres:
                return None
            if difference(found.end(share.before), part.start):
                return None
            found = replace(found, records={**found.records, **part.records})
        return found


def processor_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_shares(project: ReleaseSource, base: Position, processors: int) -> list[Share]:
    """Return what each process records; one share or none if one process records all.

    A history is shared if every revision has one parent, and no other server was chosen than the configured one.
    """
    release = project.release
    base = base or release.start
    lines = segments(release, base, release.ancestors(release.head) - release.ancestors(base))
    if len(lines) != 1 or len(base) > 1 or project.server_major or not release.includes_start(base):
        return []
    names = lines[0].revisions
    has_branches = any(len(release.revision(name).parents) > 1 for name in names)
    if has_branches or len(names) < LEAST_REVISIONS:
        return []
    ends = share_ends(len(names), min(processors, MOST_PROCESSES))
    positions = [base, *((names[end - 1],) for end in ends)]
    return [Share(before, last) for before, last in itertools.pairwise(positions)]


def share_ends(revisions: int, processes: int) -> Sequence[int]:
    """Return how many revisions are recorded after each of the shares, all of which take the same time.

    That time is T, and each end is a * T + c. The first share has T revisions; each other one has to wait for the start of its
    process, and to apply what comes before it.
    """
    ends = [(1.0, 0.0)]
    for _ in range(processes - 1):
        a, c = ends[-1]
        ends.append(((1 - UNREAD) * a + 1, (1 - UNREAD) * c - START))
    a, c = ends[-1]
    time = (revisions - c) / a
    return [*(round(a * time + c) for a, c in ends[:-1]), revisions]
