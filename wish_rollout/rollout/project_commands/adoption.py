"""Taking what was done by hand in one environment into history, as a revision for all of them.

Its upgrade does what was done, from the promise to what is there; its downgrade takes that back. In the
environment itself ``apply --adopt`` only sets the version table, since the schema is there already; run by
mistake, the migration is refused there (``SchemaAhead``), so its statements need no guards of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.adoption import (
    AdoptionNotAtHead,
    AdoptionReplayDiffers,
    DriftNotAdoptable,
    NothingToAdopt,
)
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.planning.drift_refusals import drift_error, refuse_position
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema, without_baseline
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.project_commands.revision_generation import Generated, add_records
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.servers.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.servers.target import Target


def adopt(project: Project, target: Target, message: str = "") -> Generated:
    """Write the revision that leads from the promise to what is there, prove it by a replay, and record it.

    Raises NothingToAdopt, AdoptionNotAtHead, DriftNotAdoptable, AdoptionReplayDiffers, ForeignRevision, ScriptEdited,
    and what a replay
    raises. Whatever it raises, no script is left behind.
    """
    from wish_rollout.revisions.generation.revision_writer import write_statements

    seen = target.read_database_state()
    refuse_position(target.environment, seen.facts.revisions, project)
    schema = EnvironmentSchema(project, seen)
    drift, promise = schema.assess().drift, project.history.at(schema.position)
    live = without_baseline(schema, drift)
    if not drift:
        raise NothingToAdopt(target.name, format_position(seen.facts.revisions))
    if all(map(is_column_move, drift.changes)):
        raise drift_error(target.name, format_position(schema.position), drift, schema.live, at_head=True)
    if seen.facts.revisions != project.release.head:
        raise AdoptionNotAtHead(
            target.name, format_position(seen.facts.revisions), format_position(project.release.head)
        )
    roles = Roles("CURRENT_USER", target.scope.roles, portable=True)
    up = remedy(promise, live, roles, seen.facts.major)
    down = remedy(live, promise, roles, seen.facts.major)
    refuse_gaps(target.name, up, down)
    project.history.meta.check(project.release)
    script = write_statements(
        project.scripts,
        message or f"adopt what was done by hand in {target.name}",
        statements(up),
        statements(down),
    )
    try:
        updated = Project(project.config)
        prove(updated, target.name, live, promise)
        meta = add_records(updated)
    except BaseException:
        script.unlink(missing_ok=True)
        raise
    return Generated(updated.release.head[0], script, meta)


def statements(found: Remedy) -> Sequence[str]:
    """Return the SQL of a remedy."""
    return [statement.sql for statement in found.statements]


def refuse_gaps(environment: str, up: Remedy, down: Remedy) -> None:
    """Raise DriftNotAdoptable where a way is not covered."""
    for direction, found in (("upgrade", up), ("downgrade", down)):
        if not found.covered:
            raise DriftNotAdoptable(environment, direction, "; ".join(map(str, found.gaps)))


def prove(updated: Project, environment: str, live: Snapshot, promise: Snapshot) -> None:
    """Take a scratch database to the new head and back; raise AdoptionReplayDiffers where either is not as it has to be."""
    new = updated.release.revisions[-1]
    with scratch(updated) as url:
        replayer = Replayer(updated, url)
        replayer.up(new.id)
        if left := difference(live, replayer.snapshot()):
            raise AdoptionReplayDiffers(environment, "upgrade", summarize_delta(left))
        replayer.down(new.id, new.parents[0] if new.parents else "base")
        if left := difference(promise, replayer.snapshot()):
            raise AdoptionReplayDiffers(environment, "downgrade", summarize_delta(left))
