"""The remedy of a rollback: SQL from the live schema to the earlier one, which is executed instead of the downgrades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.rollback_remedies import RollbackRemedyIncomplete
from wish_rollout.core.errors.planning.rollbacks import RevisionIrreversible
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.schema.column_order import follow_column_order
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.snapshot import remove_objects
from wish_rollout.rollout.planning.accepted_differences import tables_in_other_order
from wish_rollout.rollout.planning.rehearsal_results import RehearsalResults
from wish_rollout.rollout.planning.rollbacks.rollback_result import RollbackResult, describe_last_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.release.release import Position, Revision
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

SHOWN = 3
"""So many gaps of an incomplete remedy are named."""
_REHEARSED = RehearsalResults[Remedy](lambda found: found.is_rehearsed or not found.statements)


def rollback_remedy(
    environment: Environment, schema: EnvironmentSchema, reverted: Sequence[Revision], end: Position
) -> tuple[RollbackResult, tuple[str, ...]]:
    """Return the schema that the remedy leads to, and its statements, which a scratch server has executed.

    Columns that it adds again are the last ones of their tables. Raises RevisionIrreversible if a script declares that
    it cannot be reverted, and RollbackRemedyIncomplete.
    """
    for name, reason in declared_irreversible(schema, reverted).items():
        raise RevisionIrreversible(environment.name, name, reason)
    target = schema.at(end)
    expected = follow_column_order(target, schema.live, former_names=schema.former_names(end))
    found = _rehearse(environment, schema, expected)
    if not found.covered or (found.statements and not found.is_rehearsed):
        reason = "; ".join(map(str, found.gaps[:SHOWN])) or found.rehearsal
        raise RollbackRemedyIncomplete(environment.name, format_position(end), reason)
    moved = set(tables_in_other_order(difference(target, expected).changes))
    names = ", ".join(revision.id for revision in reverted)
    notes = (
        f"the remedy is executed, and no script: what the downgrade of {names} does with rows is not done",
        *([f"the remedy was {found.rehearsal}"] if found.rehearsal else []),
        *describe_last_columns(sorted(moved - schema.baseline.reordered_tables)),
    )
    return RollbackResult(expected, notes), tuple(each.sql for each in found.statements)


def declared_irreversible(schema: EnvironmentSchema, reverted: Sequence[Revision]) -> dict[str, str]:
    """Return the revisions whose scripts declare that they cannot be reverted, with the reasons."""
    from wish_rollout.revisions.script_folder.declarations import IRREVERSIBLE, declared_reasons

    return dict(declared_reasons(schema.project.scripts, IRREVERSIBLE, [each.id for each in reverted]))


def command_instead(
    environment: Environment, schema: EnvironmentSchema, reverted: Sequence[Revision], end: Position
) -> str:
    """Return a hint with the command that executes the remedy, with a semicolon; empty if there is no complete one."""
    try:
        rollback_remedy(environment, schema, reverted, end)
    except RolloutError:
        return ""
    command = rollback_command(environment.name, Action.ROLLBACK_BY_REMEDY, format_position(end))
    return f"execute the SQL that leads to the earlier schema instead, which was rehearsed: {command}; or "


def _rehearse(environment: Environment, schema: EnvironmentSchema, expected: Snapshot) -> Remedy:
    from wish_rollout.rollout.project.remedy_rehearsal import rehearse

    project, facts = schema.project, schema.state.facts
    scope = project.scope_of(environment)
    role = scope.migrator or facts.role
    roles = Roles.of(role, scope.roles)
    live = remove_objects(schema.live, {("table", each) for each in project.runtime_partitions(schema.live)})
    key = (live.fingerprint, expected.fingerprint, facts.major, role, tuple(sorted(scope.roles.items())))
    found = remedy(live, expected, roles, facts.major)
    return _REHEARSED.get(key, lambda: rehearse(found, live, expected, project.config))
