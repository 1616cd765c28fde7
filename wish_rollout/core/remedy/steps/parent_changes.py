"""What has to go meanwhile where the parents of tables change. Manual, ALTER TABLE, INHERIT, DETACH PARTITION."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.steps.inherited_checks import inherited_checks
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key


def later_checks(changes: ChangeSet, key: Key) -> list[Key]:
    """Return the checks of new parents that a table is to have from them alone.

    INHERIT needs a table with such a check, which stays the table's own. So the parent gets the check only afterwards.
    """
    pairs = changes.changed.get(key, {})
    if key[0] not in {"table", "foreign table"} or "inherits" not in pairs or "partition of" in pairs:
        return []
    before, after = (parents_of(objects[key]) for objects in (changes.draft.live, changes.draft.target))
    added = [each for each in after if each not in before]
    present = {split_last(check[1])[1] for check in inherited_checks(changes.before, key[1])}
    return [
        check
        for check in inherited_checks(changes.after, key[1], added)
        if (own := split_last(check[1])[1]) not in present
        and ("constraint", f"{key[1]}.{own}") not in changes.draft.target
    ]


def checks_above(changes: ChangeSet, key: Key) -> list[Key]:
    """Return the checks of parents that stay, while a table loses its own of the name: it can drop no inherited one."""
    if key[0] != "constraint" or changes.draft.live[key].get("copy"):
        return []
    table, own = split_last(key[1])
    return [check for check in inherited_checks(changes.after, table) if split_last(check[1])[1] == own]


def is_separated(changes: ChangeSet, table: str) -> bool:
    """Return whether a partition is detached, perhaps to be attached again."""
    pairs = changes.changed.get(("table", table)) or changes.changed.get(("foreign table", table)) or {}
    return bool({"partition bound", "partition of"} & pairs.keys())


def referencing_keys(changes: ChangeSet, key: Key) -> list[Key]:
    """Return the foreign keys to the tables above a partition that gets another bound: it is separated meanwhile."""
    pairs = changes.changed.get(key, {})
    if "partition bound" not in pairs or "partition of" in pairs:
        return []
    return [
        other
        for other in sorted(changes.before.dependents.get(key, ()))
        if changes.draft.live[other].get("type") == "foreign key"
        and changes.draft.live[other]["references"] != key[1]
    ]


def comes_later(changes: ChangeSet, key: Key, column: str, parents: list[str]) -> bool:
    """Return whether a table gets a column when its parent does, after it was attached."""
    return ("column", f"{key[1]}.{column}") in changes.added and any(
        ("column", f"{parent}.{column}") in changes.added and (key[0], parent) not in changes.created
        for parent in parents
    )


def circular_references(changes: ChangeSet) -> list[Key]:
    """Return the foreign keys in circles of tables that become logged or unlogged: no order of these changes is possible."""
    changed = {
        key[1] for key, pairs in changes.changed.items() if key[0] == "table" and "persistence" in pairs
    }
    found = {
        key: (split_last(key[1])[0], properties["references"])
        for key, properties in changes.draft.live.items()
        if key[0] == "constraint" and properties["type"] == "foreign key"
    }
    found = {key: pair for key, pair in found.items() if pair[0] != pair[1] and changed.issuperset(pair)}

    def leads_to(table: str, wanted: str, seen: frozenset[str]) -> bool:
        following = {each for start, each in found.values() if start == table} - seen
        return wanted in following or any(leads_to(each, wanted, seen | {each}) for each in following)

    return sorted(key for key, (table, other) in found.items() if leads_to(other, table, frozenset({other})))
