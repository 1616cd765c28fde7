"""The hazards of a release on tables with rows, for a pull request: no database of an environment is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.hazard import STORED, LiveFacts, TableFacts
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.revisions.hazard_allowances import allowances
from wish_rollout.rollout.planning.hazard_assessment import functions_in_new_defaults

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.release.release import Revision
    from wish_rollout.rollout.project.project import Project

ASSUMED_ROWS = 1_000_000
"""Rows that each table is assumed to have before a revision."""


def check_hazards(project: Project, revisions: Container[str]) -> Iterator[Check]:
    """Yield a check with the hazards of these revisions that their scripts do not allow, each with file and line.

    The check passes: only the database of an environment shows whether its tables have rows, and ``plan`` refuses there.
    Raises InvalidHazardAllowance.
    """
    found = [
        text
        for revision in project.release.revisions
        if revision.id in revisions
        for text in _hazards(project, revision)
    ]
    none = "none that is not allowed, if all tables have rows"
    yield Check("hazards", passed=True, detail="; ".join(found) or none)


def _hazards(project: Project, revision: Revision) -> Iterator[str]:
    history = project.history
    pending = PendingRevision(
        revision.id,
        history.at(tuple(sorted(revision.parents))),
        history.at((revision.id,)),
        history.record(revision.id).upgrade,
        project.measurements.of(revision).upgrade,
    )
    facts = TableFacts(ASSUMED_ROWS, 0)
    tables = {name: facts for kind, name in pending.before.objects if kind in STORED}
    live = LiveFacts(
        tables, volatile=frozenset(functions_in_new_defaults([pending])), utc=True, in_use=bool(tables)
    )
    allowed = {revision.id: allowances(project.scripts, revision.id)}
    for hazard in judge_hazards([pending], live, allowed):
        if not hazard.allowed:
            yield _text(revision, hazard)


def _text(revision: Revision, hazard: Hazard) -> str:
    place = f"{revision.path}:{hazard.line}" if hazard.line else revision.path
    return f"{place}: {hazard.kind}: {hazard.subject} on {hazard.table}, under {hazard.lock}"
