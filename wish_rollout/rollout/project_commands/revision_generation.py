"""Generating a revision from the declared schema, and recording what every revision leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.configuration import InvalidConfiguration
from wish_rollout.core.errors.releases import NothingToGenerate, UnknownRevision
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.project.continued_record import last_recorded_position, reliable_record
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.release.base_schema import SCRATCH
from wish_rollout.rollout.replay.parallel_replay import replay_in_parallel
from wish_rollout.rollout.replay.recorded_statements import NotAsRecordedError
from wish_rollout.rollout.replay.replay import replay, scratch_at_head
from wish_rollout.rollout.replay.replay_report import Report, at_most_each_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Generated:
    """A new revision, and the folder of the records."""

    revision: str
    script: Path
    meta: Path


def generate(project: Project, message: str) -> Generated:
    """Write the revision that leads from the scripts' schema to the declared one, and record it.

    Raises NothingToGenerate, InvalidConfiguration (no models are named), ScriptEdited, and what a replay raises.
    If recording fails, the script is taken away again: a revision without a record is half a revision.
    """
    from wish_rollout.revisions.generation.models import load_models
    from wish_rollout.revisions.generation.revision_writer import write_revision

    models = project.config.release.models
    if models is None:
        raise InvalidConfiguration(
            str(project.config.path), "[release] models is not set, and generate compares with it"
        )
    metadata = load_models(project.config.root, models)
    project.history.meta.check(project.release)
    known = reliable_record(project, project.history.meta)
    with scratch_at_head(project, known) as replayer, connect(replayer.url, SCRATCH) as connection:
        script = write_revision(replayer.script_run(connection), message, metadata)
    if script is None:
        raise NothingToGenerate(models)
    current = Project(project.config)
    try:
        meta = add_records(current)
    except BaseException:
        script.unlink(missing_ok=True)
        raise
    return Generated(current.release.head[0], script, meta)


def write_records(
    project: Project,
    base: str | None = None,
    *,
    as_is: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Replay the revisions and write ``meta/`` again, whatever it has; return its folder. Raises what a replay raises.

    ``base``: record only what comes after this revision; without it ``[release] base``, else all. ``as_is``: accept
    downgrades that do not lead back. ``progress`` is called with each revision.
    """
    from wish_rollout.revisions.records.meta_folder import MetaFolder

    base = base or project.config.release.base
    if base is not None and base not in project.release.by_id:
        raise UnknownRevision(base, ", ".join(project.release.by_id))
    meta = MetaFolder(project.scripts.folder / "meta")
    recorded = replay_in_parallel(project, (base,) if base else (), Report(at_most_each_second(progress)))
    meta.write(project.release, recorded, as_is=as_is)
    project.measurements.write([each for each in project.release.revisions if each.id in recorded.records])
    project.code.write(meta.folder)
    return meta.folder


def add_records(project: Project) -> Path:
    """Record the revisions that are not recorded yet, and return the folder.

    All are recorded, as by ``write_records``, where what is recorded cannot be continued: env.py or what it imports has
    changed, or the server has another major version. Raises what a replay raises.
    """
    meta = project.history.meta
    known = reliable_record(project, meta)
    position = last_recorded_position(project, known) if known else ()
    release = project.release
    if known is None or release.ancestors(position) != known.records.keys() | release.ancestors(known.base):
        return write_records(project)
    try:
        found = replay(project, position, recorded=known)
    except NotAsRecordedError:
        return write_records(project)
    if found.postgres != meta.postgres:
        return write_records(project)
    if found.records:
        meta.write(release, found, keep=True)
        before = release.ancestors(meta.base)
        project.measurements.write([each for each in release.revisions if each.id not in before])
        project.code.add(meta.folder)
    return meta.folder
