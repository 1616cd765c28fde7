"""What a plan says of statements whose locks were not measured, or were measured on another version of PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.core.text.secret_masking import is_masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Revision
    from wish_rollout.rollout.project.project import Project

MARKERS = ("COMMIT", "BEGIN")
"""What a record contains where a revision leaves its transaction, and no statement of the revision."""
SHOWN = 60
"""So many characters of a statement are shown."""


def measurement_notes(project: Project, plan: EnvironmentPlan) -> Iterator[str]:
    """Yield a line for each revision of a plan with statements that were not measured, and one for another version."""
    if not plan.pending:
        return
    if plan.action is Action.ROLLBACK_BY_REMEDY:
        yield "the statements of the remedy were not measured: the tables that they name are locked before the first one"
        return
    is_rollback = plan.action is Action.ROLLBACK
    revisions = (
        project.release.revisions_to_revert(plan.start, plan.end)
        if is_rollback
        else project.release.pending(plan.upgraded_from)
    )
    for revision in revisions:
        yield from _notes_of(project, plan, revision, "downgrade" if is_rollback else "upgrade")
    measured_on, major = project.history.postgres, plan.facts.major
    if measured_on and measured_on != major:
        yield (
            f"the statements were measured on PostgreSQL {measured_on}, and {plan.environment} is PostgreSQL {major}:"
            " their locks can differ; to measure them on the same version, set [release] scratch to such a server,"
            " then: wish-rollout generate --record"
        )


def _notes_of(project: Project, plan: EnvironmentPlan, revision: Revision, way: str) -> Iterator[str]:
    if reason := plan.data_dependent.get(revision.id):
        yield f"{revision.id}: statements that differ from the measured ones run as not measured: {reason}"
    record = project.history.record(revision.id)
    measured = {each.digest for each in getattr(project.measurements.of(revision), way)}
    texts = [text for text in getattr(record, way) if text not in MARKERS and not is_masked(text)]
    missing = [text for text in texts if statement_digest(text) not in measured]
    if missing:
        shown = ", ".join(escape_to_one_line(" ".join(text.split())[:SHOWN]) for text in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        yield f"{revision.id}: not measured, so assessed from the text: {shown}{more}"
