"""The SQL from one target of ``diff`` to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.cli import output
from wish_rollout.core.errors.base import IncompleteSnapshotFile

if TYPE_CHECKING:
    from wish_rollout.cli.comparison_targets import ComparisonTargets
    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.snapshot import Snapshot

NEWEST = 18


def find_diff_remedy(
    targets: ComparisonTargets,
    snapshots: tuple[Snapshot, ...],
    server_version: int | None,
    *,
    is_rehearsed: bool,
) -> Remedy:
    """Return the SQL that takes the first target to the second, for the server of the first.

    A snapshot file names no server: then it is for that of the second, or for the newest version that is known.
    Raise IncompleteSnapshotFile for a file that names a type of an extension that is not in it.
    """
    from wish_rollout.core.remedy.missing_types import find_missing_type
    from wish_rollout.core.remedy.remedy import remedy
    from wish_rollout.core.remedy.role_names import Roles

    live, target = snapshots
    for name, snapshot in zip(targets.targets, snapshots, strict=True):
        if targets.major_of(name) is None and (missing := find_missing_type(snapshot)):
            raise IncompleteSnapshotFile(name, *missing)
    major = server_version or next(filter(None, map(targets.major_of, targets.targets)), None)
    if major is None:
        major = NEWEST
        output.write_note(f"the SQL is for PostgreSQL {major}; --server-version names another one")
    roles = targets.roles_of(targets.targets[0]) or Roles("CURRENT_USER")
    found = remedy(live, target, roles, major)
    if not is_rehearsed:
        return found
    from wish_rollout.rollout.project.remedy_rehearsal import rehearse

    return rehearse(found, live, target, targets.project.config if targets.project else targets.config)
