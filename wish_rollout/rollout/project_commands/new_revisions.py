"""The revisions that a branch adds, according to git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.projects import GitReferenceUnusable
from wish_rollout.rollout.approval.git import run_git
from wish_rollout.rollout.project_commands.finding_locations import FindingLocations

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.rollout.project.project import Project


def revisions_since(project: Project, reference: str) -> frozenset[str]:
    """Return the revisions whose script is new or changed since the branch left a git reference, and those after them.

    Scripts that are not committed count as well. Raises GitReferenceUnusable.
    """
    places = FindingLocations(project)

    def error(reason: str) -> GitReferenceUnusable:
        return GitReferenceUnusable(reference, reason)

    def git(*arguments: str) -> str:
        return run_git(places.folder, arguments, error)

    commit = git("rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
    start = git("merge-base", commit, "HEAD")
    earlier = set(git("ls-tree", "-r", "-z", "--name-only", "--full-tree", start).split("\0"))
    changed = set(git("diff", "--name-only", "-z", "--no-renames", start, "--").split("\0"))
    paths = {revision.id: places.path(revision.path) for revision in project.release.revisions}
    new = {name for name, path in paths.items() if path not in earlier or path in changed}
    release = project.release
    return frozenset(name for name in release.by_id if release.ancestors((name,)) & new)


def position_before(release: Release, revisions: frozenset[str]) -> Position:
    """Return the position that a release without these revisions leads to. They include all that come after them."""
    earlier = release.by_id.keys() - revisions
    parents = {parent for name in earlier for parent in release.revision(name).parents}
    return tuple(sorted(earlier - parents))
