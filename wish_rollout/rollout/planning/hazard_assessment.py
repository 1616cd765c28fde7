"""Hazards of a plan on the current database, with the reasons of the revisions that allow them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.hazards import HazardsNotAllowed
from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rules.table_rewrite import calls
from wish_rollout.core.hazards.touched_tables import find_touched_tables
from wish_rollout.core.plan.action import Action
from wish_rollout.core.text.secret_masking import is_masked, mask_recorded
from wish_rollout.postgres.rows.table_statistics import LiveQuestions, read_live_facts
from wish_rollout.rollout.planning.measurement_notes import measurement_notes
from wish_rollout.rollout.project.revision_schemas import schemas_around

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import psycopg

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project


def add_hazards(
    project: Project, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> EnvironmentPlan:
    """Return the plan with its hazards.

    ``connection``: in autocommit mode; it is only read from. Objects that are dropped before the migration
    (``Action.CLEAN``) are ignored. Raises InvalidHazardAllowance.
    """
    if plan.action is Action.NOTHING or not plan.pending:
        return plan
    from wish_rollout.revisions.runs.transaction_scope import sets_transaction_per_revision
    from wish_rollout.revisions.script_folder.hazard_allowances import allowances

    pending = PendingRevisions(project, plan)
    has_secret = any(is_masked(mask_recorded(text)) for text in plan.statements)
    if not has_secret and not _has_relations(project.history.at(plan.upgraded_from)):
        for revision in project.release.pending(plan.upgraded_from):
            allowances(project.scripts, revision.id)
        return plan
    cleaned = {each.name for each in plan.conflicting_objects} if plan.action is Action.CLEAN else set()
    allowed = {revision.revision: allowances(project.scripts, revision.revision) for revision in pending}
    one_transaction = not sets_transaction_per_revision(project.scripts.folder / "env.py")
    hazards = assess_hazards(connection, pending, allowed, cleaned, one_transaction=one_transaction)
    return replace(plan, hazards=hazards, notes=(*plan.notes, *measurement_notes(project, plan)))


def assess_hazards(
    connection: psycopg.Connection[Any],
    pending: Iterable[PendingRevision],
    allowed: Mapping[str, Mapping[str, str]],
    ignored: Collection[str] = (),
    *,
    one_transaction: bool = False,
) -> tuple[Hazard, ...]:
    """Return the hazards of revisions on a live database, which is only read from.

    ``allowed``: revision → kind → reason. ``ignored``: names of objects that are dropped before. ``connection``: in
    autocommit mode. ``one_transaction``: all revisions run in one transaction, so that locks are held to its end.
    """
    questions = LiveQuestions(
        tables=set().union(*(find_touched_tables(revision) for revision in pending)) - set(ignored),
        indexes=_names(pending, "index") - set(ignored),
        functions=functions_in_new_defaults(pending),
        sequences=_names(pending, "sequence") - set(ignored),
        identity_columns={
            name for each in pending for name, column in each.before.of_kind("column") if "identity" in column
        },
        statements=[text for revision in pending for text in revision.statements],
    )
    return judge_hazards(
        pending, read_live_facts(connection, questions), allowed, one_transaction=one_transaction
    )


def _names(pending: Iterable[PendingRevision], kind: str) -> set[str]:
    return {name for revision in pending for each, name in revision.before.objects if each == kind}


@dataclass(frozen=True)
class PendingRevisions:
    """The revisions that a plan upgrades or downgrades; their schemas are computed again in each iteration."""

    project: Project
    plan: EnvironmentPlan

    def __iter__(self) -> Iterator[PendingRevision]:
        history, release, plan = self.project.history, self.project.release, self.plan
        if plan.action is Action.ROLLBACK_BY_REMEDY:
            (newest, *_) = release.revisions_to_revert(plan.start, plan.end)
            yield PendingRevision(newest.id, history.at(plan.start), history.at(plan.end), plan.statements)
            return
        if plan.action is Action.ROLLBACK:
            for revision in release.revisions_to_revert(plan.start, plan.end):
                after, before = schemas_around(self.project, revision)
                downgrade = self.project.measurements.of(revision).downgrade
                yield PendingRevision(
                    revision.id, before, after, history.record(revision.id).downgrade, downgrade
                )
            return
        for revision in release.pending(plan.upgraded_from):
            before, after = schemas_around(self.project, revision)
            upgrade = self.project.measurements.of(revision).upgrade
            yield PendingRevision(revision.id, before, after, history.record(revision.id).upgrade, upgrade)


def _has_relations(snapshot: Snapshot) -> bool:
    """Return whether there is a table or a view, to which a statement could be a hazard."""
    kinds = ("table", "materialized view", "view", "foreign table")
    return any(kind in kinds for kind, _ in snapshot.objects)


def functions_in_new_defaults(pending: Iterable[PendingRevision]) -> set[str]:
    """Return the names of the functions that column defaults of the new schemas call."""
    return {
        name
        for revision in pending
        for _, properties in revision.after.of_kind("column")
        if "default" in properties
        for name in calls(str(properties["default"]))
    }


def refuse_hazards(plan: EnvironmentPlan) -> None:
    """Raise HazardsNotAllowed if a revision of the plan does not allow one of its hazards."""
    disallowed = [hazard for hazard in plan.hazards if not hazard.allowed]
    if not disallowed:
        return
    kinds = list(dict.fromkeys(hazard.kind for hazard in disallowed))
    raise HazardsNotAllowed(
        plan.environment,
        " ".join(f"{hazard}. {hazard.why}" for hazard in disallowed).rstrip("."),
        "\n".join(dict.fromkeys(hazard.instead for hazard in disallowed)),
        "allow_hazards = {" + ", ".join(f'"{kind}": "…"' for kind in kinds) + "}",
    )
