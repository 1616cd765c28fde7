"""What statements rename: a renamed object is compared with the object under its old name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.hazards.script_statements import Script
from wish_rollout.core.schema.names import PART_KINDS, split_last
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import NameParts, split_name, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.hazards.pending_revision import PendingRevision
    from wish_rollout.core.hazards.script_statements import StatementAction

Renamed = dict[tuple[str, str], str]
FOLLOWED = ("table", "index", "column", "constraint")
VERBS = ("rename table", "set schema", "rename index", "rename column", "rename constraint")


def all_renames(start: Snapshot, pending: Iterable[PendingRevision]) -> Renamed:
    """Return what all pending revisions together rename: (kind, first name) → last name."""
    names = {key: key[1] for key in start.objects if key[0] in ("table", "column")}
    for one in pending if names else ():
        found = find_renames(Script(one.statements), one.before, one.after)
        tables = {old: new for (kind, old), new in found.items() if kind == "table"}
        if found:
            names = {key: new_name(key[0], name, tables, found) for key, name in names.items()}
    return {key: name for key, name in names.items() if key[1] != name}


def find_renames(script: Script, before: Snapshot, after: Snapshot) -> Renamed:
    """Return what the statements rename, in order, if the schema after them has the new names: (kind, old name) → new name."""
    actions = script.of_verb(*VERBS)
    if not actions:
        return {}
    now = {key: split_name(key[1]) for key in before.objects if key[0] in FOLLOWED}
    for action in actions:
        now = {key: moved_name(action, key[0], parts) for key, parts in now.items()}
    names = {(kind, split_name(name)): name for kind, name in after.objects if kind in FOLLOWED}
    return {
        (kind, old): names[kind, parts]
        for (kind, old), parts in now.items()
        if (kind, parts) in names and _is_renamed(kind, split_name(old), parts)
    }


def _is_renamed(kind: str, old: NameParts, new: NameParts) -> bool:
    """Return whether an object has another name of its own: a part of a renamed table has not."""
    return old[-1:] != new[-1:] if kind in PART_KINDS else old != new


def moved_name(action: StatementAction, kind: str, parts: NameParts) -> NameParts:
    """Return the name of an object after a rename, which is unchanged if the rename is of another object."""
    new, of = unquote_identifier(action.words[0]) if action.words else "", parts[:-1]
    if action.verb in ("rename column", "rename constraint"):
        mine = (
            kind == action.verb.removeprefix("rename ") and parts[-1:] == action.name and _ends(of, action.of)
        )
        return (*of, new) if mine else parts
    if action.verb == "rename index" or kind == "index":
        mine = action.verb == "rename index" and kind == "index" and _ends(parts, action.name)
        return (*of, new) if mine else parts
    table, own = (of, parts[-1:]) if kind in PART_KINDS else (parts, ())
    if not _ends(table, action.name):
        return parts
    return (new, *table[1:], *own) if action.verb == "set schema" else (*table[:-1], new, *own)


def _ends(name: NameParts, written: NameParts) -> bool:
    return bool(written) and name[-len(written) :] == written


def with_renames(snapshot: Snapshot, renamed: Mapping[tuple[str, str], str]) -> Snapshot:
    """Return the snapshot as it would be after the renames only, as far as the rules compare it."""
    if not renamed:
        return snapshot
    tables = {old: new for (kind, old), new in renamed.items() if kind == "table"}
    objects: dict[tuple[str, str], Mapping[str, Any]] = {}
    for (kind, name), properties in snapshot.objects.items():
        changed = {
            key: tables.get(value, value)
            if key in ("table", "references") and isinstance(value, str)
            else value
            for key, value in properties.items()
        }
        objects[kind, new_name(kind, name, tables, renamed)] = changed
    return Snapshot(objects, snapshot.readable_properties)


def new_name(kind: str, name: str, tables: Mapping[str, str], renamed: Mapping[tuple[str, str], str]) -> str:
    """Return the name of an object after renames. ``tables``: the renames of tables only."""
    if (kind, name) in renamed:
        return renamed[kind, name]
    if kind in PART_KINDS:
        table, last = split_last(name)
        return f"{tables.get(table, table)}.{last}"
    return name
