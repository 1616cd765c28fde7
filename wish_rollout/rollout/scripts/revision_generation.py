"""Generating a revision from the declared schema, and recording what every revision leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.configuration import InvalidConfiguration
from wish_rollout.core.errors.releases import NothingToGenerate
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.project.base_schema import SCRATCH
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.project.replay import Replayer, record, scratch

if TYPE_CHECKING:
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
    from wish_rollout.revisions.models import load_models
    from wish_rollout.revisions.revision_writer import write_revision
    from wish_rollout.revisions.script_runs import Road

    models = project.config.release.models
    if models is None:
        raise InvalidConfiguration(
            str(project.config.path), "[release] models is not set, and generate compares with it"
        )
    metadata = load_models(project.config.root, models)
    project.history.journal.check(project.release)
    with scratch(project) as url:
        if project.release.head:
            Replayer(project, url).up(project.release.head[0])
        with connect(url, SCRATCH) as connection:
            release = project.config.release
            road = Road(project.scripts, connection, url, release.version_table, release.search_path, SCRATCH)
            script = write_revision(road, message, metadata)
    if script is None:
        raise NothingToGenerate(models)
    anew = Project(project.config)
    try:
        meta = write_records(anew)
    except BaseException:
        script.unlink(missing_ok=True)
        raise
    return Generated(anew.release.head[0], script, meta)


def write_records(project: Project) -> Path:
    """Replay every revision and write ``meta/`` anew; give its folder. Raises what a replay raises."""
    from wish_rollout.revisions.journal import Journal

    journal = Journal(project.scripts.folder / "meta")
    journal.write(project.release, record(project))
    return journal.folder
