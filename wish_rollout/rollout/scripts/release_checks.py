"""The checks of a pull request: scripts, records, models and downgrades agree with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.declarable_properties import select_declarable
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.journal import Journal, SchemaWalk
from wish_rollout.rollout.project.base_schema import SCRATCH
from wish_rollout.rollout.project.recorder import Report, at_most_each_second
from wish_rollout.rollout.project.replay import replay
from wish_rollout.rollout.project.scratch import scratch
from wish_rollout.rollout.scripts.release_hazards import check_hazards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.revisions.journal import Objects, Recorded
    from wish_rollout.revisions.revision_record import Record
    from wish_rollout.rollout.project.project import Project

SHOWN = 6
"""So many differences are shown."""


def check_release(project: Project, progress: Callable[[str], None] = lambda _: None) -> list[Check]:
    """Return the result of every check; a check that needs the result of one that raised is left out.

    ``progress`` is called with what is being done. The scripts are replayed once.
    """
    findings: list[Check] = []
    for name, check in (("one head", _heads), ("history", _history)):
        progress(name)
        try:
            findings += check(project)
        except RolloutError as error:
            findings.append(Check(name, passed=False, detail=str(error)))
            if check is _heads:
                return findings
    progress("replay")
    try:
        behaviour: list[str] = []
        journal = Journal(project.scripts.folder / "meta")
        base = journal.base if journal.entries else ()
        found = replay(project, base, report=Report(at_most_each_second(progress), behaviour))
    except RolloutError as error:
        return [*findings, Check("replay", passed=False, detail=str(error))]
    checks: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: _replayed(journal, found, behaviour),
        lambda: _models(project, found),
        lambda: _downgrades(project, journal, found),
        lambda: check_hazards(project),
    )
    for title, run in zip(("replay", "models", "round trip", "hazards"), checks, strict=True):
        if title == "hazards" and _is_uncertain(findings):
            break
        try:
            findings += run()
        except RolloutError as error:
            findings.append(Check(title, passed=False, detail=str(error)))
    return findings


def _heads(project: Project) -> Iterator[Check]:
    head = project.release.head
    yield Check("one head" if len(head) < 2 else "heads", passed=True, detail=format_position(head))


def _is_uncertain(findings: list[Check]) -> bool:
    """Return whether the schemas between the revisions are not certain, so that hazards cannot be assessed."""
    return any(not finding.passed and finding.name in ("history", "replay") for finding in findings)


def _history(project: Project) -> Iterator[Check]:
    journal = Journal(project.scripts.folder / "meta")
    journal.check(project.release)
    known = project.release.by_id
    before = project.release.ancestors(journal.base) if journal.entries else frozenset()
    unrecorded = [name for name in known if name not in journal.entries and name not in before]
    vanished = [name for name in journal.entries if name not in known]
    if vanished:
        detail = f"recorded, but without a script: {', '.join(vanished)}"
        yield Check("history", passed=False, detail=detail)
    elif not journal.entries:
        yield Check("history", passed=True, detail="nothing is recorded yet: wish-rollout generate --record")
    elif unrecorded:
        detail = f"not recorded: {', '.join(unrecorded)}; record with: wish-rollout generate --record"
        yield Check("history", passed=False, detail=detail)
    else:
        yield Check("history", passed=True, detail=f"{len(journal.entries)} scripts are as recorded")


def _replayed(journal: Journal, found: Recorded, behaviour: list[str]) -> Iterator[Check]:
    """Compare what each revision does with what is recorded of it."""
    wrong: list[str] = []
    walk = SchemaWalk(found.start, found.records, next((each.parent for each in found.records.values()), ""))
    for name, record in found.records.items():
        before = dict(walk.before(record))
        walk.after(record)
        recorded = journal.record(name)
        if recorded and (recorded.parent, recorded.changes, recorded.merged) != (
            record.parent,
            record.changes,
            record.merged,
        ):
            difference_ = _difference(before, recorded, record, found)
            if difference_:
                wrong.append(f"{name}: {summarize_delta(difference_)}")
    well = "every recorded snapshot is reproduced" if journal.entries else "every script runs"
    yield Check("replay", not wrong, "; ".join(wrong[:SHOWN]) or well)
    yield Check("behaviour", not behaviour, "; ".join(behaviour) or "every verify() holds")


def _difference(before: Objects, one: Record, other: Record, found: Recorded) -> Delta:
    """Return the delta between the schemas that two records of a revision lead to."""
    schemas = []
    for record in (one, other):
        objects = {**before, **record.merged, **record.changes}
        kept = {key: value for key, value in objects.items() if value is not None}
        schemas.append(Snapshot(kept, found.start.readable_properties))
    return difference(*schemas)


def _models(project: Project, found: Recorded) -> Iterator[Check]:
    """Compare the declared schema with the one at the head."""
    spec = project.config.release.models
    if spec is None:
        return
    drift = models_drift(project, found.end(project.release.head))
    detail = (
        f"{spec} differs from what the scripts lead to: {summarize_delta(drift)}"
        if drift
        else f"{spec} is what they lead to"
    )
    yield Check("models", not drift, detail)


def models_drift(project: Project, scripted: Snapshot | None = None) -> Delta | None:
    """Return the delta from the scripts' schema to the declared one, in what models can declare.

    ``None`` without configured models. ``scripted``: the schema at the head; without it, the promised one. The
    declared schema is created on a scratch database. Raises what importing the models and creating them raises.
    """
    from wish_rollout.revisions.models import create_models, load_models

    spec = project.config.release.models
    if spec is None:
        return None
    metadata = load_models(project.config.root, spec)
    with scratch(project) as url, connect(url, SCRATCH) as connection:
        create_models(connection, metadata, project.config.release.search_path)
        declared = read_database_state(connection, project.scope_of()).snapshot
    scripted = scripted or project.history.at(project.release.head)
    return difference(select_declarable(scripted), select_declarable(declared))


def _downgrades(project: Project, journal: Journal, found: Recorded) -> Iterator[Check]:
    """Report revisions that cannot be undone: new ones as a failure, older and declared ones as information."""
    from wish_rollout.revisions.declarations import IRREVERSIBLE, declared_reasons

    release = project.release
    names = [revision.id for revision in release.revisions]
    declared = declared_reasons(project.scripts, IRREVERSIBLE, names)
    old = release.ancestors(journal.accepted) if journal.entries else frozenset(release.by_id)
    new: list[str] = []
    known: list[str] = []
    for name, record in found.records.items():
        recorded = journal.record(name)
        accepted = name in declared or (name in old and (recorded is None or recorded.irreversible))
        if record.irreversible:
            (known if accepted else new).append(f"{name}: {record.irreversible}")
    well = "upgrade → downgrade comes back"
    if known:
        more = f"; and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        well = f"{len(known)} recorded revisions cannot be rolled back: {'; '.join(known[:SHOWN])}{more}"
    if new:
        accept = (
            'correct the downgrade(); or declare it in the script: irreversible = "the reason"; or accept it with: '
            "wish-rollout generate --record --as-is"
        )
        yield Check("round trip", passed=False, detail=f"{'; '.join(new[:SHOWN])}; {accept}")
    else:
        yield Check("round trip", passed=True, detail=well)
