"""Replaying the scripts on a scratch database, to read off what they really do."""

from __future__ import annotations

from collections import ChainMap
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.base_schemas import BeforeBaseSchema
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.records.recorded_schemas import Recorded
from wish_rollout.revisions.runs.walk_visitor import Restart
from wish_rollout.rollout.release.base_schema import SCRATCH
from wish_rollout.rollout.replay.recorded_statements import NotAsRecordedError, apply_recorded
from wish_rollout.rollout.replay.recorder import Recorder
from wish_rollout.rollout.replay.replay_report import Report
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.replay.walk_segments import segments
from wish_rollout.rollout.servers.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.revisions.records.revision_record import Record
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.replay.walk_segments import Segment

QUIET = Report()


def replay(
    project: ReleaseSource,
    base: Position = (),
    heads: Position | None = None,
    report: Report = QUIET,
    recorded: Recorded | None = None,
) -> Recorded:
    """Replay the release once, and return what each revision after ``base`` does.

    ``heads``: replay only up to there. ``recorded``: what is known of the revisions up to ``base``: their statements
    are executed instead of their scripts. Raises what an upgrade raises, and NotAsRecordedError where ``recorded`` is not
    what the scripts lead to; what keeps a downgrade from being used is recorded. Raises BeforeBaseSchema.
    """
    release = project.release
    base = base or release.start
    if not release.includes_start(base):
        raise BeforeBaseSchema(format_position(base), format_position(release.start))
    wanted = release.ancestors(release.head if heads is None else heads) - release.ancestors(base)
    parts = segments(release, base, wanted)
    records: dict[str, Record] = {}
    start = recorded.end(base) if recorded else None
    if start is None and parts and parts[0].applied != release.ancestors(base):
        start = read_position(project, base)
    postgres = 0
    for part in parts or (None,):
        found = replay_segment(project, part, (base, _known(base, start, records, recorded)), records, report)
        if start is None:
            start = found.start
        elif recorded and part and part.applied == release.ancestors(base) and difference(start, found.start):
            raise NotAsRecordedError(format_position(base))
        postgres = found.postgres
    assert start is not None
    order = [each.id for each in release.revisions if each.id in records]
    return Recorded(base, start, {name: records[name] for name in order}, postgres)


def read_position(project: ReleaseSource, position: Position) -> Snapshot:
    """Replay up to a position, and return the schema there."""
    with scratch(project) as url:
        replayer = Replayer(project, url)
        replayer.up_to(position)
        return replayer.snapshot()


@contextmanager
def scratch_at_head(project: ReleaseSource, recorded: Recorded | None) -> Iterator[Replayer]:
    """Yield a scratch database at the head; by the statements that are recorded, if all are and they lead there."""
    with ExitStack() as stack:
        replayer = _built_from_records(project, recorded, stack) if recorded else None
        if replayer is None:
            replayer = Replayer(project, stack.enter_context(scratch(project)))
            replayer.up_to(project.release.head)
        yield replayer


def _built_from_records(project: ReleaseSource, recorded: Recorded, stack: ExitStack) -> Replayer | None:
    """Build a database at the head, which ``stack`` drops; None if the records do not lead there."""
    head, start = project.release.head, project.release.start
    order = [each.id for each in project.release.pending(start)]
    if recorded.base != start or len(head) != 1 or not recorded.records.keys() >= set(order):
        return None
    try:
        with ExitStack() as attempt:
            replayer = Replayer(project, attempt.enter_context(scratch(project)))
            with connect(replayer.url, SCRATCH) as connection:
                apply_recorded(replayer.script_run(connection), recorded, order, head, project.scope_of())
            stack.push(attempt.pop_all())
    except NotAsRecordedError:
        return None
    return replayer


def replay_segment(
    project: ReleaseSource,
    part: Segment | None,
    base: tuple[Position, Recorded | None],
    records: dict[str, Record],
    report: Report,
) -> Recorder:
    """Replay one line of revisions on a database of its own, and add what they do to ``records``.

    ``base``: where the replay begins, and what is known of the revisions before the line.

    It is started again, without that downgrade, where a downgrade has left something that cannot be taken back; and
    with scripts only, where the statements of the revisions before it do not lead to the recorded schema. The
    downgrade of a revision that is declared irreversible is not run.
    """
    from wish_rollout.revisions.script_folder.declarations import IRREVERSIBLE, declared_reasons

    names = [revision.id for revision in project.release.revisions]
    irreversible = dict(declared_reasons(project.scripts, IRREVERSIBLE, names))
    uses_statements = True
    while True:
        recorder = Recorder(project, part, records, irreversible, report)
        recorder.known, recorder.uses_statements = base[1], uses_statements
        try:
            with scratch(project) as url, connect(url, SCRATCH) as connection:
                recorder.run(Replayer(project, url).script_run(connection), base[0])
        except Restart as restart:
            irreversible[restart.revision] = restart.reason
        except NotAsRecordedError:
            uses_statements = False
        else:
            return recorder


def _known(
    base: Position, start: Snapshot | None, records: dict[str, Record], recorded: Recorded | None
) -> Recorded | None:
    """Return what is known before a line is replayed: ``recorded``, and what the lines before it have recorded."""
    if recorded:
        return replace(recorded, records=ChainMap(records, dict(recorded.records)))
    return Recorded(base, start, records, 0) if start else None
