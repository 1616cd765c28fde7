"""Why a plan cannot be carried out; looked at in order, and the most telling reason is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.databases import CreatePrivilegeMissing, ReadOnlyDatabase, SchemaMissing
from wish_rollout.core.errors.ledger import LedgerPrivilegeMissing, LedgerMissing
from wish_rollout.core.errors.plans import SchemaDrifted, SchemaNotAdoptable, CleanNotAllowed, ConflictingObjectsFound, SchemaAhead
from wish_rollout.core.errors.releases import ForeignRevision
from wish_rollout.core.plan.plan import Action, EnvironmentPlan
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import say
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.conflicting_objects import without
from wish_rollout.core.schema.delta_rendering import brief
from wish_rollout.core.schema.names import split_first
from wish_rollout.rollout.planning.hazard_assessment import refuse_hazards
from wish_rollout.rollout.planning.row_checks import refuse_violating_rows

if TYPE_CHECKING:
    from wish_rollout.config import Environment
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.project.project import Project


def refuse_infeasible(env: Environment, plan: EnvironmentPlan, project: Project, seen: DatabaseState) -> None:
    """Raise what stands against carrying the plan out; the most telling reason comes first."""
    refuse_foreign(env, plan.start, project)
    for refuse in (refuse_unwritable, _cannot_adopt, _cannot_clean, _in_the_way, _drifted):
        refuse(env, plan, project, seen)
    refuse_hazards(plan)
    refuse_violating_rows(plan)


def refuse_foreign(env: Environment, position: Position, project: Project) -> None:
    """Raise ForeignRevision where the database is at a revision that the release does not know."""
    known = {revision.id for revision in project.release.revisions}
    strange = next((name for name in position if name not in known), None)
    if strange:
        raise ForeignRevision(strange, say(project.release.head), f"'{env.name}'")


def refuse_unwritable(env: Environment, plan: EnvironmentPlan, project: Project, seen: DatabaseState) -> None:
    """Raise where the server, or the role's rights, do not let the plan be carried out."""
    facts = plan.facts
    if plan.is_empty:
        return
    if facts.in_recovery:
        raise ReadOnlyDatabase(env.name, "the server is a replica (in recovery)")
    if facts.read_only:
        raise ReadOnlyDatabase(env.name, "default_transaction_read_only is on for this session")
    schemas = schemas_with_new_objects(plan.promised)
    if not plan.start:
        schemas.add(project.config.release.version_table.split(".", maxsplit=1)[0])
    missing = sorted(schemas - set(facts.creates_in_schemas))
    if missing and missing[0] != "public" and ("schema", missing[0]) not in seen.snapshot.objects:
        raise SchemaMissing(env.name, missing[0], facts.role)
    if missing:
        raise CreatePrivilegeMissing(env.name, facts.role, f"SCHEMA {missing[0]}")
    makes_schema = any(
        change.kind in ("schema", "extension") and change.change == "added"
        for change in plan.promised.changes
    )
    if makes_schema and not facts.creates_in_database:
        raise CreatePrivilegeMissing(env.name, facts.role, f"DATABASE {facts.database}")
    if not facts.writes_ledger and facts.ledger:
        raise LedgerPrivilegeMissing(env.name, facts.role)
    if not facts.writes_ledger:
        raise LedgerMissing(env.name, facts.role, facts.database)


def schemas_with_new_objects(promised: Delta) -> set[str]:
    """Name the schemas in which the delta creates objects, but for those that it creates itself."""
    made = {
        change.name for change in promised.changes if change.kind == "schema" and change.change == "added"
    }
    kinds = ("table", "view", "materialized view", "sequence", "enum", "domain", "function", "composite type")
    return {
        split_first(change.name)
        for change in promised.changes
        if change.change == "added" and change.kind in kinds and "." in change.name
    } - made


def _cannot_adopt(env: Environment, plan: EnvironmentPlan, project: Project, seen: DatabaseState) -> None:
    if plan.action is Action.ADOPT:
        missing = difference(project.history.at(plan.end), project.count(seen.snapshot).snapshot)
        if missing:
            raise SchemaNotAdoptable(env.name, brief(missing))


def _cannot_clean(env: Environment, plan: EnvironmentPlan, project: Project, seen: DatabaseState) -> None:
    if plan.action is not Action.CLEAN:
        return
    if not env.disposable:
        raise CleanNotAllowed(env.name)
    left = without(seen.snapshot, plan.obstacles)
    if drift := difference(project.history.at(plan.start), project.count(left).snapshot):
        raise SchemaDrifted(env.name, say(plan.start), brief(drift))


def _in_the_way(env: Environment, plan: EnvironmentPlan, project: Project, seen: DatabaseState) -> None:
    if plan.obstacles and plan.action is Action.UPGRADE and not plan.resumes:
        same = not difference(project.history.at(plan.end), project.count(seen.snapshot).snapshot)
        raise ConflictingObjectsFound(env.name, "; ".join(map(str, plan.obstacles)), ways_out(env, adoptable=same))


def _drifted(env: Environment, plan: EnvironmentPlan, _project: Project, _seen: DatabaseState) -> None:
    if plan.action in (Action.ADOPT, Action.CLEAN) or plan.resumes:
        return
    if plan.verdict is Verdict.AHEAD:
        raise SchemaAhead(env.name, say(plan.start), say(plan.end))
    if plan.verdict is Verdict.DRIFTED:
        raise SchemaDrifted(env.name, say(plan.start), brief(plan.drift))


def ways_out(env: Environment, *, adoptable: bool) -> str:
    """Say which of the three ways are open: adopt, clean, adapt."""
    adopt = (
        f"adopt it, since it is exactly what the release would have made: wish-rollout apply --adopt {env.name}"
        if adoptable
        else "it cannot be adopted, since it is not exactly what the release would have made"
    )
    clean = (
        f"drop it, with its rows: wish-rollout apply --clean {env.name}"
        if env.disposable
        else f"it cannot be cleaned away, since '{env.name}' is not disposable: coordinate with its owners"
    )
    return (
        f"(1) {adopt}; (2) {clean}; (3) write a revision that adapts it: wish-rollout generate -m 'adapt …'"
    )
