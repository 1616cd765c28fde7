"""The hazards of a release on tables with rows, for a pull request: no database of an environment is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.hazard import STORED, LiveFacts, TableFacts
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseFinding
from wish_rollout.revisions.script_folder.hazard_allowances import allowances
from wish_rollout.rollout.planning.hazard_assessment import functions_in_new_defaults
from wish_rollout.rollout.project.revision_schemas import schemas_around

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.release.release import Revision
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project_commands.finding_locations import FindingLocations

ASSUMED_ROWS = 1_000_000
"""Rows that each table is assumed to have before a revision."""
SHOWN = 6
"""Hazards in the text of the check; JSON and the other formats have them all as findings."""


def check_hazards(
    project: Project, places: FindingLocations, revisions: Container[str]
) -> Iterator[ReleaseCheck]:
    """Yield a check with the hazards of these revisions that their scripts do not allow, each with file and line.

    The check passes: only the database of an environment shows whether its tables have rows, and ``plan`` refuses there.
    Raises InvalidHazardAllowance.
    """
    examined = [each for each in project.release.revisions if each.id in revisions]
    hazards = [
        (revision, hazard)
        for revision in examined
        for hazard in revision_hazards(project, revision)
        if not hazard.allowed
    ]
    found = [_text(revision, hazard) for revision, hazard in hazards[:SHOWN]]
    if (rest := len(hazards) - SHOWN) > 0:
        found.append(f"and {rest} more: wish-rollout check --json")
    findings = tuple(_finding(places, revision, hazard) for revision, hazard in hazards)
    none = "none that is not allowed, if all tables have rows"
    yield ReleaseCheck("hazards", passed=True, detail="; ".join(found) or none, findings=findings)


def revision_hazards(project: Project, revision: Revision) -> list[Hazard]:
    """Return the hazards of a revision if each table has rows before it. Raises InvalidHazardAllowance."""
    history = project.history
    pending = PendingRevision(
        revision.id,
        *schemas_around(project, revision),
        history.record(revision.id).upgrade,
        project.measurements.of(revision).upgrade,
    )
    facts = TableFacts(ASSUMED_ROWS, 0)
    tables = {name: facts for kind, name in pending.before.objects if kind in STORED}
    live = LiveFacts(
        tables, volatile=frozenset(functions_in_new_defaults([pending])), utc=True, in_use=bool(tables)
    )
    allowed = {revision.id: allowances(project.scripts, revision.id)}
    return list(judge_hazards([pending], live, allowed))


def _text(revision: Revision, hazard: Hazard) -> str:
    place = f"{revision.path}:{hazard.line}" if hazard.line else revision.path
    return f"{place}: {hazard.kind}: {hazard.subject} on {hazard.table}, under {hazard.lock}"


def describe_hazard(hazard: Hazard) -> str:
    """Return what a hazard does and what to do instead, without its kind and its place."""
    lock = f", under {hazard.lock}" if hazard.lock != "none" else ""
    return f"{hazard.subject} on {hazard.table}{lock}: {hazard.why} Instead: {hazard.instead}"


def _finding(places: FindingLocations, revision: Revision, hazard: Hazard) -> ReleaseFinding:
    path = places.path(revision.path)
    return ReleaseFinding(hazard.kind, "warning", describe_hazard(hazard), path, hazard.line, revision.id)
