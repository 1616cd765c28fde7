"""The fields of a plan that describe the scripts: their code, and what they declare of their statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.release.release import Revision
    from wish_rollout.rollout.project.project import Project


def script_fields(project: Project, revisions: Iterable[Revision]) -> dict[str, Any]:
    """Return the fields of a plan that executes env.py and some revisions."""
    return {
        "code": project.code.files(),
        "packages": project.code.packages(),
        "env_before": project.code.record.before,
        "env_after": project.code.record.after,
        **declarations(project, revisions),
    }


def declarations(project: Project, revisions: Iterable[Revision]) -> dict[str, Any]:
    """Return what the scripts of some revisions declare of their statements. Raises ScriptUnreadable."""
    from wish_rollout.revisions.script_folder.declarations import (
        DATA_DEPENDENT,
        DRIVER_STATEMENTS,
        declared_reasons,
    )

    names = [revision.id for revision in revisions]
    return {
        "data_dependent": declared_reasons(project.scripts, DATA_DEPENDENT, names),
        "driver_statements": declared_reasons(project.scripts, DRIVER_STATEMENTS, names),
    }


def no_scripts() -> dict[str, Any]:
    """Return the fields of a plan that executes neither env.py nor a revision."""
    return {"data_dependent": {}, "driver_statements": {}, "env_before": (), "env_after": ()}
