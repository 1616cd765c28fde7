"""The checks of a pull request: scripts, records, models and downgrades agree with each other."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.release.release import format_position
from wish_rollout.core.reports.release_report import (
    ReleaseCheck,
    ReleaseReport,
    RevisionChange,
)
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.revisions.records.meta_folder import MetaFolder
from wish_rollout.rollout.project.continued_record import last_recorded_position, reliable_record
from wish_rollout.rollout.project_commands.finding_locations import FindingLocations
from wish_rollout.rollout.project_commands.model_checks import check_models
from wish_rollout.rollout.project_commands.new_revisions import position_before
from wish_rollout.rollout.project_commands.release_hazards import check_hazards
from wish_rollout.rollout.project_commands.replay_checks import check_downgrades, check_replay
from wish_rollout.rollout.replay.parallel_replay import replay_in_parallel
from wish_rollout.rollout.replay.recorded_statements import NotAsRecordedError
from wish_rollout.rollout.replay.replay import replay
from wish_rollout.rollout.replay.replay_report import Report, at_most_each_second

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.rollout.project.project import Project

NEWEST = 20
"""So many revisions are always replayed by their scripts."""


def check_release(
    project: Project,
    progress: Callable[[str], None] = lambda _: None,
    only: frozenset[str] | None = None,
    *,
    every: bool = False,
) -> ReleaseReport:
    """Return the result of every check; a check that needs the result of one that raised is left out.

    ``progress`` is called with what is being done. ``only``: the revisions to examine, with all that come after them;
    None: all. The scripts are replayed once. ``every``: those of all recorded revisions, and not only of the newest ones.
    """
    places = FindingLocations(project)
    findings = _check_files(project, places, progress)
    if not findings[0].passed:
        return ReleaseReport(tuple(findings))
    progress("replay")
    try:
        behaviour: list[str] = []
        meta = MetaFolder(project.scripts.folder / "meta")
        report = Report(at_most_each_second(progress), behaviour)
        found = _replay(project, meta, report, only, every=every)
    except RolloutError as error:
        return ReleaseReport((*findings, _failed(places, "replay", error)))
    checks: tuple[tuple[str, Callable[[], Iterator[ReleaseCheck]]], ...] = (
        ("replay", lambda: check_replay(places, meta, found, behaviour)),
        ("models", lambda: check_models(project, found)),
        ("round trip", lambda: check_downgrades(places, meta, found)),
        ("hazards", lambda: check_hazards(project, places, found.records.keys() if only is None else only)),
    )
    for title, run in checks:
        if title == "hazards" and _is_uncertain(findings):
            break
        findings += _results(places, title, run)
    return ReleaseReport(tuple(findings), _changes(places, found), _delta(project, found))


def _check_files(
    project: Project, places: FindingLocations, progress: Callable[[str], None]
) -> list[ReleaseCheck]:
    """Return the checks that read files only. If the heads cannot be read, that is the only one."""
    progress("one head")
    findings = _results(places, "one head", lambda: _heads(project))
    if findings[0].passed:
        progress("history")
        findings += _results(places, "history", lambda: _history(project, places))
    return findings


def _replay(
    project: Project, meta: MetaFolder, report: Report, only: frozenset[str] | None, *, every: bool
) -> Recorded:
    """Replay the scripts that are to be checked.

    The older ones are as recorded, and so is what they import; so the recorded statements are executed instead, and
    have to lead to the recorded schema.
    """
    known = None if every or only is not None else reliable_record(project, meta)
    position = last_recorded_position(project, known, NEWEST) if known else ()
    if known and position:
        with suppress(NotAsRecordedError):
            return replay(project, position, report=report, recorded=known)
    return replay_in_parallel(project, _base(project, meta, only), report)


def _results(
    places: FindingLocations, title: str, run: Callable[[], Iterator[ReleaseCheck]]
) -> list[ReleaseCheck]:
    """Return the results of a check; an error that it raises is a failure."""
    results: list[ReleaseCheck] = []
    try:
        results.extend(run())
    except RolloutError as error:
        results.append(_failed(places, title, error))
    return results


def _base(project: Project, meta: MetaFolder, only: frozenset[str] | None) -> Position:
    """Return the position after which revisions are examined: where the records begin, or before the new ones."""
    release = project.release
    recorded = meta.base or release.start
    if only is None:
        return recorded
    return position_before(release, frozenset(only) - release.ancestors(recorded))


def _failed(places: FindingLocations, name: str, error: RolloutError) -> ReleaseCheck:
    return ReleaseCheck(name, passed=False, detail=str(error), findings=places.of_error(name, error))


def _changes(places: FindingLocations, found: Recorded) -> tuple[RevisionChange, ...]:
    revisions = (places.project.release.revision(name) for name in found.records)
    return tuple(
        RevisionChange(each.id, each.message, places.path(each.path), found.records[each.id].upgrade)
        for each in revisions
    )


def _delta(project: Project, found: Recorded) -> Delta | None:
    """Return what the examined revisions change; None if the release has several heads."""
    head = project.release.head
    if len(head) > 1:
        return None
    return difference(found.start, found.end(head)) if found.records else Delta(())


def _heads(project: Project) -> Iterator[ReleaseCheck]:
    head = project.release.head
    yield ReleaseCheck("one head" if len(head) < 2 else "heads", passed=True, detail=format_position(head))


def _is_uncertain(findings: list[ReleaseCheck]) -> bool:
    """Return whether the schemas between the revisions are not certain, so that hazards cannot be assessed."""
    return any(not finding.passed and finding.name in ("history", "replay") for finding in findings)


def _history(project: Project, places: FindingLocations) -> Iterator[ReleaseCheck]:
    meta = MetaFolder(project.scripts.folder / "meta")
    meta.check(project.release)
    known = project.release.by_id
    before = project.release.ancestors(meta.base or project.release.start)
    unrecorded = [name for name in known if name not in meta.entries and name not in before]
    vanished = [name for name in meta.entries if name not in known]
    if vanished:
        detail = f"recorded, but without a script: {', '.join(vanished)}"
        yield ReleaseCheck("history", passed=False, detail=detail)
    elif not meta.is_recorded:
        yield ReleaseCheck(
            "history", passed=True, detail="nothing is recorded yet: wish-rollout generate --record"
        )
    elif unrecorded:
        detail = f"not recorded: {', '.join(unrecorded)}; record with: wish-rollout generate --record"
        text = "the schema that it leads to is not recorded; record it with: wish-rollout generate --record"
        found = tuple(places.finding("history", text, name) for name in unrecorded)
        yield ReleaseCheck("history", passed=False, detail=detail, findings=found)
    else:
        yield ReleaseCheck("history", passed=True, detail=f"{len(meta.entries)} scripts are as recorded")
