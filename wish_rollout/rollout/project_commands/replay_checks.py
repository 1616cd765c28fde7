"""The checks of a replay: what each revision does is as recorded, and each downgrade leads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.release.release import format_position
from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseFinding
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.recorded_schemas import SchemaWalk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.revisions.records.meta_folder import MetaFolder
    from wish_rollout.revisions.records.recorded_schemas import Objects, Recorded
    from wish_rollout.revisions.records.revision_record import Record
    from wish_rollout.rollout.project_commands.finding_locations import FindingLocations

SHOWN = 6
"""So many differences are shown."""


def check_replay(
    places: FindingLocations, meta: MetaFolder, found: Recorded, behaviour: list[str]
) -> Iterator[ReleaseCheck]:
    """Compare what each revision does with what is recorded of it."""
    wrong: list[str] = []
    findings: list[ReleaseFinding] = []
    walk = SchemaWalk(found.start, found.records, next((each.parent for each in found.records.values()), ""))
    for name, record in found.records.items():
        before = dict(walk.before(record))
        walk.after(record)
        recorded = meta.record(name)
        if recorded and (recorded.parent, recorded.changes, recorded.merged) != (
            record.parent,
            record.changes,
            record.merged,
        ):
            difference_ = _difference(before, recorded, record, found)
            if difference_:
                text = summarize_delta(difference_)
                wrong.append(f"{name}: {text}")
                message = f"the script leads to another schema than the recorded one: {text}"
                findings.append(places.finding("replay", message, name, "upgrade"))
    begin = f" after {format_position(meta.base)}" if meta.base else ""
    well = "every recorded snapshot is reproduced" if meta.entries else f"every script{begin} runs"
    if not found.records:
        well = f"no script is{begin}, so none was executed" if begin else "no script was executed"
    if meta.entries and len(found.records) < len(meta.entries):
        well = f"the newest {len(found.records)} scripts reproduce their recorded snapshots; the older ones have not changed"
    detail = "; ".join(wrong[:SHOWN]) or well
    if meta.entries and meta.postgres != found.postgres:
        detail += f" (recorded on PostgreSQL {meta.postgres}, replayed on PostgreSQL {found.postgres})"
    if differing := _with_other_statements(places, meta, found):
        detail += (
            f"; the statements of {', '.join(differing)} are other ones than the recorded ones, so a gated environment would "
            "refuse them: if they depend on the time or on the rows, declare data_dependent"
        )
    yield ReleaseCheck("replay", not wrong, detail, tuple(findings))
    failed = tuple(_of_verify(places, text) for text in behaviour)
    yield ReleaseCheck("behaviour", not behaviour, "; ".join(behaviour) or "every verify() holds", failed)


def _with_other_statements(places: FindingLocations, meta: MetaFolder, found: Recorded) -> list[str]:
    """Return the revisions whose statements differ from the recorded ones, and that do not declare it."""
    from wish_rollout.revisions.script_folder.declarations import DATA_DEPENDENT, declared_reasons

    recorded = {name: meta.record(name) for name in found.records}
    differing = [
        name
        for name, record in found.records.items()
        if (old := recorded[name]) and old.upgrade != record.upgrade
    ]
    declared = declared_reasons(places.project.scripts, DATA_DEPENDENT, differing)
    return [name for name in differing if name not in declared]


def _of_verify(places: FindingLocations, text: str) -> ReleaseFinding:
    return places.finding("behaviour", text, text.partition(":")[0], "verify")


def _difference(before: Objects, one: Record, other: Record, found: Recorded) -> Delta:
    """Return the delta between the schemas that two records of a revision lead to."""
    schemas = []
    for record in (one, other):
        objects = {**before, **record.merged, **record.changes}
        kept = {key: value for key, value in objects.items() if value is not None}
        schemas.append(Snapshot(kept, found.start.readable_properties))
    return difference(*schemas)


def check_downgrades(places: FindingLocations, meta: MetaFolder, found: Recorded) -> Iterator[ReleaseCheck]:
    """Report revisions that cannot be undone: new ones as a failure, older and declared ones as information."""
    from wish_rollout.revisions.script_folder.declarations import IRREVERSIBLE, declared_reasons

    release = places.project.release
    names = [revision.id for revision in release.revisions]
    declared = declared_reasons(places.project.scripts, IRREVERSIBLE, names)
    old = release.ancestors(meta.accepted) if meta.is_recorded else frozenset(release.by_id)
    new: list[str] = []
    findings: list[ReleaseFinding] = []
    known: list[str] = []
    for name in release.by_id:
        recorded = meta.record(name)
        record = found.records.get(name, recorded)
        if record is None:
            continue
        accepted = name in declared or (name in old and (recorded is None or recorded.irreversible))
        if record.irreversible:
            (known if accepted else new).append(f"{name}: {record.irreversible}")
            if not accepted:
                findings.append(places.finding("round trip", record.irreversible, name, "downgrade"))
    well = "upgrade → downgrade comes back" if found.records else "no downgrade was executed"
    if known:
        more = f"; and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        well = f"{len(known)} recorded revisions cannot be rolled back: {'; '.join(known[:SHOWN])}{more}"
    if new:
        accept = (
            'correct the downgrade(); or declare it in the script: irreversible = "the reason"; or accept it with: '
            "wish-rollout generate --record --as-is"
        )
        detail = f"{'; '.join(new[:SHOWN])}; {accept}"
        yield ReleaseCheck("round trip", passed=False, detail=detail, findings=tuple(findings))
    else:
        yield ReleaseCheck("round trip", passed=True, detail=well)
