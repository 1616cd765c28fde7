"""Checks whether a plan can be executed. The first failed check raises its error, so their order is significant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.environment.conflicting_objects import remove_conflicting_objects
from wish_rollout.core.errors.databases import (
    CreatePrivilegeMissing,
    PooledConnection,
    ReadOnlyDatabase,
    RecordsReplicated,
    SchemaMissing,
)
from wish_rollout.core.errors.gate.ledger import LedgerMissing, LedgerPrivilegeMissing
from wish_rollout.core.errors.planning.plans import CleanNotAllowed, ConflictingObjectsFound
from wish_rollout.core.plan.action import Action
from wish_rollout.core.schema.names import schema_of
from wish_rollout.rollout.planning.drift_refusals import (
    refuse_adoption,
    refuse_column_order,
    refuse_drift,
    refuse_invalid_indexes,
    refuse_position,
)
from wish_rollout.rollout.planning.half_done_releases import refuse_half_done
from wish_rollout.rollout.planning.hazard_assessment import refuse_hazards
from wish_rollout.rollout.planning.row_checks import refuse_violating_rows
from wish_rollout.rollout.planning.version_table_refusals import refuse_unwritable_version_table
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from wish_rollout.config import Environment
    from wish_rollout.core.plan.database_state import DatabaseState, ServerFacts
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.project.project import Project


CREATING = (Action.UPGRADE, Action.ADOPT)
"""The actions that create objects and let existing ones be."""
IF_NOT_EXISTS = (
    "the platform has created them: let the pending revision create them with IF NOT EXISTS, and record it: "
    "wish-rollout generate --record; then: wish-rollout apply"
)


def refuse_infeasible(
    env: Environment, plan: EnvironmentPlan, project: Project, state: DatabaseState
) -> None:
    """Raise if the plan cannot be executed.

    The errors, in this order: what ``refuse_adoption``, ``refuse_position`` and ``refuse_half_done``
    raise; what ``refuse_unwritable``
    raises; CleanNotAllowed; ConflictingObjectsFound; what ``refuse_drift`` raises; ColumnOrderWouldDiffer;
    HazardsNotAllowed; RowsDoNotFit; ScriptUnreadable.
    """
    schema = EnvironmentSchema(project, state)
    refuse_adoption(env, plan, schema)
    if plan.adopted is None:
        refuse_position(env, plan.start, project)
        refuse_half_done(plan)
        refuse_invalid_indexes(env.name, schema)
    for refuse in (refuse_unwritable, _refuse_cleaning, _refuse_conflicting_objects):
        refuse(env, plan, project, state)
    if plan.already_there or plan.action is Action.REPLAN:
        refuse_column_order(env.name, schema, plan.end, has_drift=True)
    elif plan.action in (Action.UPGRADE, Action.NOTHING) and not plan.resumed_fingerprint:
        refuse_drift(env.name, schema)
        refuse_column_order(env.name, schema, plan.end)
    refuse_hazards(plan)
    refuse_violating_rows(plan)
    if plan.pending:
        project.scripts.load()


def refuse_unwritable(
    env: Environment, plan: EnvironmentPlan, project: Project, state: DatabaseState
) -> None:
    """Raise if the server is read-only, or if the role lacks a privilege that the plan requires.

    Raises PooledConnection, ReadOnlyDatabase, RecordsReplicated, SchemaMissing, CreatePrivilegeMissing, what
    ``refuse_unwritable_version_table`` raises, LedgerPrivilegeMissing, LedgerMissing.
    """
    facts = plan.facts
    if facts.pooled and not env.pooled_sessions:
        raise PooledConnection(env.name)
    if plan.is_empty:
        return
    _refuse_read_only(env, facts)
    if received := facts.received:
        raise RecordsReplicated(
            env.name, received.subscription, ", ".join(received.records), ", ".join(received.others)
        )
    added = {(change.kind, change.name) for change in plan.promised.changes if change.change == "added"}
    missing = _schemas_without_create(plan, project, state, added)
    if missing and missing[0] != "public" and ("schema", missing[0]) not in state.snapshot.objects:
        raise SchemaMissing(env.name, missing[0], facts.role)
    if missing:
        raise CreatePrivilegeMissing(env.name, facts.role, f"SCHEMA {missing[0]}")
    makes_schema = any(kind in ("schema", "extension") for kind, _ in added)
    if makes_schema and not facts.creates_in_database:
        raise CreatePrivilegeMissing(env.name, facts.role, f"DATABASE {facts.database}")
    refuse_unwritable_version_table(env, plan, project)
    if not facts.writes_ledger and facts.ledger:
        raise LedgerPrivilegeMissing(env.name, facts.role)
    if not facts.writes_ledger:
        raise LedgerMissing(env.name, facts.role, facts.database)


def _schemas_without_create(
    plan: EnvironmentPlan, project: Project, state: DatabaseState, added: set[tuple[str, str]]
) -> list[str]:
    """Return the schemas in which the plan creates objects, and in which the role may not, or which do not exist."""
    schemas = schemas_with_new_objects(plan.promised)
    version_schema = project.config.release.version_table.split(".", maxsplit=1)[0]
    if not plan.start and ("schema", version_schema) not in added:
        schemas.add(version_schema)
    missing = sorted(schemas - set(plan.facts.creates_in_schemas))
    if any(kind == "extension" for kind, _ in added):  # it may create the schema
        return [name for name in missing if ("schema", name) in state.snapshot.objects]
    return missing


def _refuse_read_only(env: Environment, facts: ServerFacts) -> None:
    if facts.in_recovery:
        raise ReadOnlyDatabase(env.name, "the server is a replica (in recovery)")
    if facts.read_only:
        raise ReadOnlyDatabase(env.name, "default_transaction_read_only is on for this session")


def schemas_with_new_objects(promised: Delta) -> set[str]:
    """Return the existing schemas in which the delta creates objects."""
    made = {
        change.name for change in promised.changes if change.kind == "schema" and change.change == "added"
    }
    kinds = ("table", "view", "materialized view", "sequence", "enum", "domain", "function", "composite type")
    return {
        schema_of(change.name)
        for change in promised.changes
        if change.change == "added" and change.kind in kinds and "." in change.name
    } - made


def _refuse_cleaning(env: Environment, plan: EnvironmentPlan, project: Project, state: DatabaseState) -> None:
    if plan.action is not Action.CLEAN:
        return
    if not env.disposable:
        raise CleanNotAllowed(env.name)
    left = replace(state, snapshot=remove_conflicting_objects(state.snapshot, plan.conflicting_objects))
    refuse_drift(env.name, EnvironmentSchema(project, left))


def _refuse_conflicting_objects(
    env: Environment, plan: EnvironmentPlan, project: Project, state: DatabaseState
) -> None:
    if not plan.conflicting_objects or plan.resumed_fingerprint or plan.action not in CREATING:
        return
    adopted = EnvironmentSchema(project, state).find_adoptable()
    later = project.history.promised(adopted.position, plan.end).changes if adopted else ()
    created = {(change.kind, change.name) for change in later if change.change == "added"}
    if created.issuperset((each.kind, each.name) for each in plan.conflicting_objects):
        remedies = IF_NOT_EXISTS
    else:
        remedies = describe_alternatives(env, adoptable=adopted is not None)
    raise ConflictingObjectsFound(env.name, "; ".join(map(str, plan.conflicting_objects)), remedies)


def describe_alternatives(env: Environment, *, adoptable: bool) -> str:
    """Return the three ways to resolve conflicting objects, and which of them are possible: adopt, clean, adapt."""
    adopt = (
        f"adopt the schema, because it equals the schema of the release: wish-rollout apply --adopt {env.name}"
        if adoptable
        else "adopting is not possible yet, because the schema differs from every schema of the release; remove the "
        f"differences from the most similar one: wish-rollout drift {env.name} --sql; then: wish-rollout apply --adopt "
        f"{env.name}"
    )
    clean = (
        f"drop the objects and their rows: wish-rollout apply --clean {env.name}"
        if env.disposable
        else f"cleaning is not possible, because '{env.name}' is not disposable: contact the owners of the objects"
    )
    return (
        f"(1) {adopt}; (2) {clean}; (3) write a revision that adapts the objects, and let the pending one create "
        "them with IF NOT EXISTS: alembic revision; then: wish-rollout apply"
    )
