"""The goal of a rollback: the revision that it leads to, and how it gets there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.planning.base_schemas import RollbackBeforeBase
from wish_rollout.core.errors.planning.rollbacks import (
    AlreadyAtRevision,
    AmbiguousRollback,
    InvalidRollbackTarget,
)
from wish_rollout.core.errors.releases import UnknownRevision
from wish_rollout.core.release.release import format_position, parse_position
from wish_rollout.postgres.records.interrupted_acts import find_interrupted_rollback, read_earlier_statements
from wish_rollout.postgres.records.journal import act_name, find_interrupted_act

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.rollout.planning.half_done_releases import Finished
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema


@dataclass(frozen=True, slots=True)
class RollbackGoal:
    """Where a rollback leads to, and how.

    ``to``: the target revision, ``base``, or None for the previous revision. ``resumes``: for an interrupted rollback
    with the same scripts, the fingerprint of the schema that it must lead to. ``finished``: for one with other scripts,
    the statements that it has executed. ``by_remedy``: execute the remedy instead of the downgrades. ``interrupted``: the
    target of an interrupted rollback, which the remedy completes from the schema as it is.
    """

    to: str | None
    resumes: str = ""
    finished: Finished = field(default_factory=dict)
    by_remedy: bool = False
    interrupted: str = ""


def find_goal(
    schema: EnvironmentSchema, connection: psycopg.Connection[Any], to: str | None, *, by_remedy: bool
) -> RollbackGoal:
    """Return the goal of a rollback; the default of ``to`` is the target of an interrupted one, which it continues.

    If the schema is that of its revision, what the journal has of another release is not continued.
    """
    project = schema.project
    table = project.config.release.version_table
    name = act_name(table, project.journal_digest, "down ")
    resumed = None if by_remedy else find_interrupted_act(connection, name)
    other = "" if resumed else find_interrupted_rollback(connection, table)
    if other and not schema.assess().drift:
        other = ""
    if by_remedy:
        return RollbackGoal(to or other or None, by_remedy=True, interrupted=other)
    to = to or (resumed[0] if resumed else other) or None
    resumes = resumed[1] if resumed and resumed[0] == to else ""
    finished = {} if resumes or to is None else read_earlier_statements(connection, name + to)
    return RollbackGoal(to, resumes, finished)


def known_position(release: Release, text: str) -> Position:
    """Return the position that a text names. Raises UnknownRevision."""
    position = parse_position(text)
    if unknown := [name for name in position if name not in release.by_id]:
        known = ", ".join(["base", *(revision.id for revision in release.revisions)])
        raise UnknownRevision(unknown[0], known)
    return position


def resolve_rollback_target(release: Release, start: Position, to: str | None, environment: str) -> Position:
    """Return the target of a rollback: the named revision, which must be an ancestor of ``start``, or its parent.

    With several heads, what follows the named revision is taken back, and the other branches are left. Several revisions
    can be named as ``format_position`` writes them. Raises InvalidRollbackTarget, AmbiguousRollback, UnknownRevision,
    AlreadyAtRevision, RollbackBeforeBase.
    """
    if to is None:
        if not start:
            raise InvalidRollbackTarget(environment, "base", "before base")
        if len(start) > 1:
            raise AmbiguousRollback(environment, format_position(start))
        end: Position = release.revision(start[-1]).parents
    else:
        end = known_position(release, to)
        if len(end) == 1 and release.ancestors(start) >= set(end):
            end = release.before_followers(start, *end)
        if len(end) > 1 and not release.is_position(end):
            raise InvalidRollbackTarget(environment, format_position(start), to)
    if end == start:
        raise AlreadyAtRevision(environment, format_position(start))
    if not release.includes_start(end):
        raise RollbackBeforeBase(environment, format_position(end), format_position(release.start))
    if not release.ancestors(start) >= release.ancestors(end):
        raise InvalidRollbackTarget(environment, format_position(start), format_position(end))
    return end
