"""The goal of a rollback: the revision that it leads to, and how it gets there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.rollbacks import AlreadyAtRevision, InvalidRollbackTarget
from wish_rollout.core.errors.releases import UnknownRevision
from wish_rollout.core.release.release import format_position

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.rollout.planning.half_done_releases import Finished


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


def resolve_rollback_target(release: Release, start: Position, to: str | None, environment: str) -> Position:
    """Return the target of a rollback: the named revision, which must be an ancestor of ``start``, or its parent.

    Raises InvalidRollbackTarget, UnknownRevision, AlreadyAtRevision.
    """
    if to is None:
        if not start:
            raise InvalidRollbackTarget(environment, "base", "before base")
        return release.revision(start[-1]).parents
    if to == "base":
        end: Position = ()
    elif to in {revision.id for revision in release.revisions}:
        end = (to,)
    else:
        raise UnknownRevision(to, ", ".join(["base", *(revision.id for revision in release.revisions)]))
    if end == start:
        raise AlreadyAtRevision(environment, format_position(start))
    if not release.ancestors(start) >= release.ancestors(end):
        raise InvalidRollbackTarget(environment, format_position(start), format_position(end))
    return end
