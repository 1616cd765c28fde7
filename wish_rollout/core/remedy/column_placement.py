"""The order of columns: an added one comes last, and no statement moves one. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.attribute_renames import renamed_attributes
from wish_rollout.core.remedy.graph.names_in_texts import lists_columns
from wish_rollout.core.remedy.writers.columns.creation import follows_type
from wish_rollout.core.schema.column_order import moved_columns
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.steps.change_set import ChangeSet

WHY = "it would be at another place among the columns, and no statement moves a column"


def note_places(draft: Draft, changes: ChangeSet) -> None:
    """Report as not covered the columns whose place will not be that of the target schema."""
    touched = {
        split_last(name)[0]
        for kind, name in changes.added | changes.dropped | changes.changed.keys()
        if kind == "column"
    }
    for table in sorted(touched):
        for kind in ("table", "foreign table"):
            key = (kind, table)
            if key in draft.live and key in draft.target and key not in changes.rebuilt:
                _note(draft, table, changes)


def _note(draft: Draft, table: str, changes: ChangeSet) -> None:
    wanted = draft.columns(draft.target, table)
    names = _new_names(draft, table)
    staying = [
        name
        for name in (names.get(each, each) for each in draft.columns(draft.live, table))
        if ("column", name) in draft.target and ("column", name) not in changes.rebuilt
    ]
    final = staying + [name for name in wanted if name not in staying]
    if final != wanted:
        places = [{name: place for place, name in enumerate(names)} for names in (final, wanted)]
        moved = moved_columns(*places)
        for name in sorted(moved):
            _report(draft, name, changes)
        _report_statistics(draft, table, changes)
        _report_lists(draft, table, changes)


def _report_statistics(draft: Draft, table: str, changes: ChangeSet) -> None:
    """Report the extended statistics of a table: their definition has the columns in the order of the table."""
    for key in changes.after.parts.get(table, ()):
        if key[0] == "statistics" and key in changes.created | changes.changed.keys():
            draft.gap(*key, "its definition has the columns in the order of the table")


def _report_lists(draft: Draft, table: str, changes: ChangeSet) -> None:
    """Report the views whose query gives all columns of a table other names, by their places."""
    for key in sorted(changes.after.dependents.get(("table", table), ())):
        is_view = key[0] in {"view", "materialized view"}
        if is_view and lists_columns({"definition": draft.target[key]["definition"]}):
            why = f"its query names the columns of {table} by their places"
            draft.gap(*key, why)
            for column in draft.columns(draft.target, key[1]):
                draft.gap("column", column, why)


def _new_names(draft: Draft, table: str) -> dict[str, str]:
    """Return the columns of a typed table that are renamed with the attributes of its type."""
    if not follows_type(draft, table):
        return {}
    key = ("composite type", draft.live["table", table]["of type"])
    before, after = (objects.get(key, {}).get("attributes") or [] for objects in (draft.live, draft.target))
    names = renamed_attributes(before, after)
    return {f"{table}.{old}": f"{table}.{new}" for old, new in names.items()}


def _report(draft: Draft, column: str, changes: ChangeSet) -> None:
    """Report a column, and those of the children that are created with it."""
    draft.gap("column", column, WHY)
    table, own = split_last(column)
    for child in changes.after.children.get(table, ()):
        if ("table", child) in changes.created and ("column", f"{child}.{own}") in draft.target:
            _report(draft, f"{child}.{own}", changes)
