"""The revision that a rollback leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.rollbacks import AlreadyAtRevision, InvalidRollbackTarget
from wish_rollout.core.errors.releases import UnknownRevision
from wish_rollout.core.release.release import format_position

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position, Release


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
