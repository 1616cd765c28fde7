"""Checks whether a plan can write its revisions to Alembic's version table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.version_tables import (
    VersionColumnTooShort,
    VersionRowsUnidentified,
    VersionTablePrivilegeMissing,
)

if TYPE_CHECKING:
    from wish_rollout.config import Environment
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project


def refuse_unwritable_version_table(env: Environment, plan: EnvironmentPlan, project: Project) -> None:
    """Raise if the role may not change the version table, or if the server would refuse a change of its rows.

    Raises VersionTablePrivilegeMissing, VersionRowsUnidentified, VersionColumnTooShort.
    """
    facts, table = plan.facts, project.config.release.version_table
    if not facts.writes_version_table:
        raise VersionTablePrivilegeMissing(table, facts.database, facts.role, "change")
    if facts.unidentified_in:
        raise VersionRowsUnidentified(env.name, table, facts.unidentified_in)
    pending = (each.split(" ", maxsplit=1)[0] for each in plan.pending)  # without the messages
    written = {*pending, *plan.end, *(plan.adopted or ())}
    longest = max(sorted(written), key=len, default="")
    if 0 < facts.version_length < len(longest):
        raise VersionColumnTooShort(env.name, table, longest, facts.version_length, len(longest))
