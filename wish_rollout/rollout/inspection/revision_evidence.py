"""The evidence of a release's revisions, from their scripts and from what ``meta/`` records of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.release.release import parse_position
from wish_rollout.core.reports.evidence_revisions import EvidenceHazard, EvidenceRevision
from wish_rollout.rollout.project_commands.finding_locations import FindingLocations
from wish_rollout.rollout.project_commands.release_hazards import describe_hazard, revision_hazards

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wish_rollout.core.ledger import Act
    from wish_rollout.core.release.measurements import StatementMeasurement
    from wish_rollout.core.release.release import Revision
    from wish_rollout.rollout.project.project import Project


def collect_revisions(project: Project, acts: Iterable[Act]) -> tuple[EvidenceRevision, ...]:
    """Return the revisions that these acts have applied or reverted, in the order of the release.

    Revisions that the project does not have any more are left out.
    """
    names: set[str] = set()
    for act in acts:
        try:
            start, end = (project.release.ancestors(parse_position(text)) for text in (act.start, act.end))
        except RolloutError:
            continue
        names |= start ^ end
    places = FindingLocations(project)
    return tuple(
        _evidence(project, places, revision) for revision in project.release.revisions if revision.id in names
    )


def check_revisions(project: Project, found: Sequence[EvidenceRevision]) -> Check:
    """Compare recorded revisions with the project's scripts and records as they are now."""
    try:
        known = project.release.by_id
        wrong = [
            each.revision
            for each in found
            if each.revision in known
            and _digests(project, known[each.revision]) != (each.script, each.record)
        ]
    except RolloutError as error:  # for example a script that was edited after it was recorded
        return Check("revisions", passed=False, detail=error.fill(error.summary))
    absent = [each.revision for each in found if each.revision not in known]
    if wrong:
        return Check("revisions", passed=False, detail=f"script or record was changed: {', '.join(wrong)}")
    if absent:
        detail = f"not compared, because the project does not have them: {', '.join(absent)}"
        return Check("revisions", passed=True, detail=detail)
    return Check("revisions", passed=True, detail=f"{len(found)} scripts and their records are these")


def _evidence(project: Project, places: FindingLocations, revision: Revision) -> EvidenceRevision:
    path, message = places.path(revision.path), revision.message
    script, digest = _digests(project, revision)
    record = project.history.meta.record(revision.id)
    if record is None:
        return EvidenceRevision(revision.id, message, path, script)
    return EvidenceRevision(
        revision.id,
        message,
        path,
        script,
        digest,
        project.history.postgres,
        len(record.upgrade),
        len(record.downgrade),
        record.irreversible,
        tuple(_describe_measurements(project.measurements.of(revision).upgrade)),
        tuple(_hazards(project, revision)),
    )


def _digests(project: Project, revision: Revision) -> tuple[str, str]:
    """Return SHA-256 of a revision's script and of its record; "" for one that is not recorded."""
    script = (project.config.root / revision.path).read_bytes()
    record = project.history.meta.record(revision.id)
    text = record.to_json() if record else ""
    return hashlib.sha256(script).hexdigest(), hashlib.sha256(text.encode()).hexdigest() if text else ""


def _describe_measurements(statements: Iterable[StatementMeasurement]) -> Iterator[str]:
    """Yield a line for each statement that locked, read or rewrote a table that was there before."""
    for each in statements:
        parts = [
            *(["locks could not be measured"] if each.locks is None else map(str, each.locks)),
            *(f"reads {name}" for name in each.scans),
            *(f"rewrites {name}" for name in each.rewrites),
        ]
        if parts:
            yield f"line {each.line or '?'}: {', '.join(parts)}"


def _hazards(project: Project, revision: Revision) -> Iterator[EvidenceHazard]:
    for each in revision_hazards(project, revision):
        yield EvidenceHazard(each.kind, describe_hazard(each), each.line, each.allowed)
