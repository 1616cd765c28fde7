"""Which indexes are dropped and created again because of others. Manual, CREATE INDEX, Partitioned Tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.steps.index_attachment import attaching_indexes, fitting_indexes, indexed_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key

_INDEXES = ("index", "constraint")


def rebuilt_indexes(changes: ChangeSet) -> Iterator[tuple[Key, Key]]:
    """Yield what is dropped and created again, and the object because of which; what is found first counts for the next."""
    yield from _attached_by_creation(changes)
    yield from _invalid_ones(changes)
    yield from _attached_with_table(changes)
    for key in sorted(changes.dropped):
        if key[0] == "operator class":  # the family keeps its members
            method = key[1].rsplit(" USING ", 1)[1]
            yield ("operator family", f"{changes.draft.live[key]['family']} USING {method}"), key


def _attached_by_creation(changes: ChangeSet) -> Iterator[tuple[Key, Key]]:
    """Yield what the creation of a parent's index would attach, and the indexes that are attached or separated."""
    live, target = changes.draft.live, changes.draft.target
    for key in sorted(live.keys() & target.keys()):
        if key[0] in _INDEXES and any(
            other in changes.created for other in attaching_indexes(changes.after, key)
        ):
            yield key, key
    for key, pairs in list(changes.changed.items()):
        table = ("table", indexed_table(key, target[key]) or "")
        for index in pairs.get("attached to", ()) if not _has_other_parent(changes, table) else ():
            if ("index", index) in target:
                yield ("index", index), key


def _has_other_parent(changes: ChangeSet, table: Key) -> bool:
    """Return whether a table is separated from its parent, or becomes a partition, with its indexes."""
    return "partition of" in changes.changed.get(table, {})


def _attached_with_table(changes: ChangeSet) -> Iterator[tuple[Key, Key]]:
    """Yield the indexes that ATTACH PARTITION would attach to those of the parent, and that are to be by themselves."""
    live, target = changes.draft.live, changes.draft.target
    for key in sorted(live.keys() & target.keys()):
        if key[0] not in _INDEXES or not _has_other_parent(
            changes, ("table", indexed_table(key, target[key]) or "")
        ):
            continue
        if any(
            other in live and other not in changes.dropped for other in attaching_indexes(changes.after, key)
        ):
            yield key, key


def _invalid_ones(changes: ChangeSet) -> Iterator[tuple[Key, Key]]:
    """Yield the invalid indexes of parents to which an index may be attached that is to be by itself."""
    attached = [name for (_, name), pairs in changes.changed.items() if "partition of" in pairs]
    kept = {key for table in attached for key in changes.after.parts.get(table, ())}
    for key in sorted((changes.added | kept) & changes.draft.target.keys()):
        for index in fitting_indexes(changes.after, key) if key[0] in _INDEXES else ():
            if changes.draft.live.get(index, {}).get("invalid"):
                yield index, index
