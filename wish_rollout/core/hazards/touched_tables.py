"""The tables that a revision changes, locks or names: facts are read about these tables only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import STORED, RevisionStep
from wish_rollout.core.hazards.rules.drops import reads_table
from wish_rollout.core.hazards.script_statements import Script
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.domains import domain_columns
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import is_name_of, split_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.hazards.pending_revision import PendingRevision
    from wish_rollout.core.release.measurements import StatementMeasurement
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta


def find_touched_tables(one: PendingRevision) -> set[str]:
    """Return the tables and materialized views that a revision changes, locks, reads, or names in a statement."""
    tables = {name for kind, name in one.before.objects if kind in STORED}
    plain = {".".join(split_name(name)): name for name in tables}
    measured = {plain[name] for each in one.measured for name in _relations(each) if name in plain}
    changes = difference(one.before, one.after).changes
    actions = Script(one.statements).actions
    if any(action.verb in ("reindex", "cluster", "vacuum full") and not action.name for action in actions):
        return tables
    named = {
        str(each["table"])
        for name, each in one.before.of_kind("index")
        if any(is_name_of(action.name, name) for action in actions)
    } | {
        split_last(name)[0]
        for name, _ in one.before.of_kind("constraint")
        if any(action.name[-1:] == (split_last(name)[1].strip('"'),) for action in actions)
    }
    changed = {name for change in changes for name in _of(change, one, tables)} | named
    return {
        name
        for name in tables
        if name in changed
        or name in measured
        or any(is_name_of(action.name, name) or is_name_of(action.of, name) for action in actions)
    }


def _relations(measured: StatementMeasurement) -> set[str]:
    """Return the relations that a statement locks, reads or writes, without quotes."""
    locks = {f"{lock.schema}.{lock.table}" for lock in measured.locks or ()}
    return {*locks, *measured.scans, *measured.rewrites, *(write.table for write in measured.writes)}


def locked(statements: Sequence[str], promised: Delta) -> list[str]:
    """Return the names, as SQL, of what statements may lock: what changes, what they name, and what a foreign key references."""
    found = {RevisionStep.table_of(change) for change in promised.changes}
    found |= {str(change.properties.get("references", ("", ""))[1] or "") for change in promised.changes}
    for action in Script(statements).actions:
        found |= {
            ".".join(f'"{part.replace(chr(34), chr(34) * 2)}"' for part in name)
            for name in (action.name, action.of)
        }
    return sorted(found - {""})


def _of(change: Change, one: PendingRevision, tables: set[str]) -> set[str]:
    """Return the tables of a change, or those that it concerns through a type or a view."""
    if change.kind in ("view", "materialized view") and change.change == "removed":
        return {change.name, *(name for name in tables if reads_table(change, name))}
    table = RevisionStep.table_of(change)
    if ("domain", table) in one.before.objects:
        return {name for name, _ in domain_columns(one.before, table)}
    if change.kind == "enum":
        columns = one.before.of_kind("column")
        return {split_last(name)[0] for name, each in columns if change.name in str(each["type"])}
    return {table}
