"""What connects finished objects: privileges of columns, owners of sequences, indexes of replica identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import RELATIONS
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.steps.detached_parts import INDEX_NAMES
from wish_rollout.core.remedy.writers import privileges, sequences
from wish_rollout.core.remedy.writers.relations import tables
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.graph.step_graph import Step
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key


LATER = ("replica identity", "toast storage parameters")
"""Properties of a table that is there already, which need its indexes, or a column for which it has a TOAST table."""


class References:
    """Writes the statements that need several objects to exist."""

    def __init__(
        self, draft: Draft, changes: ChangeSet, lookup: StepLookup, marked: Collection[Step]
    ) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup
        self.marked = marked

    def statements(self) -> Iterator[Statement]:
        """Yield all of them."""
        yield from self._column_privileges()
        yield from self._sequence_owners()
        yield from self._toast_parameters()
        yield from self._replica_identities()

    def _is_marked(self, key: Key) -> bool:
        """Return whether an object is created only after something that loses data."""
        return key in self.changes.created and self.lookup.creation_of(key) in self.marked

    def _column_privileges(self) -> Iterator[Statement]:
        """Yield the grants on columns: REVOKE on a table takes those of its columns away."""
        for column, pair in self.draft.column_privileges.items():
            table = split_last(column)[0]
            step = self.lookup.creation_of(("column", column))
            marked = step in self.marked and (
                ("column", column) in self.changes.created
                or any((of, table) in self.changes.created for of in RELATIONS)
            )
            for sql in privileges.column_privileges(self.draft, column, pair):
                yield Statement(sql, "column", column, marked)

    def _sequence_owners(self) -> Iterator[Statement]:
        for key in sorted(self.changes.created | self.changes.changed.keys()):
            if key[0] == "sequence" and key in self.draft.target:
                new = self.draft.target[key]
                old = {} if key in self.changes.created else self.draft.live.get(key, {})
                if old.get("owned by") != new.get("owned by"):
                    yield Statement(sequences.owned(key[1], new), *key, self._is_marked(key))

    def _toast_parameters(self) -> Iterator[Statement]:
        for key, pairs in sorted(self.changes.changed.items()):
            if "toast storage parameters" not in pairs or key in self.changes.rebuilt:
                continue
            own = self.draft.columns(self.draft.target, key[1])
            if any(("column", each) in self.changes.blocked for each in own):
                self.draft.gap(
                    *key, "without all of its columns, it may have no TOAST table for the parameters"
                )
            for sql in tables.toast_parameters(*key, *pairs["toast storage parameters"]):
                yield Statement(sql, *key)

    def _replica_identities(self) -> Iterator[Statement]:
        for key, new in self.draft.target.items():
            if key[0] in {"table", "materialized view"} and self._identity_changes(key):
                value = new.get("replica identity")
                if value == "index (dropped)":
                    self.draft.gap(*key, "no statement leads to a replica identity whose index was dropped")
                elif self._is_of_copy(key[1], value):
                    why = "the index of its replica identity is created with that of the parent, with another name"
                    self.draft.gap(*key, why)
                else:
                    yield Statement(tables.replica_identity(key[1], value), *key, self._is_marked(key))

    def _is_of_copy(self, table: str, value: str | None) -> bool:
        """Return whether a replica identity uses a copy of a parent's index that is created, with a name that nobody chose."""
        own = (value or "").removeprefix("index ")
        live = self.draft.live.get(("table", table), {})
        copied = [*self._copied_from(table, own)]
        full_name = f"{split_last(table)[0]}.{own}"
        stays = ("index", full_name) in self.draft.live and ("index", full_name) not in self.changes.removed
        is_there = own in live.get(INDEX_NAMES, {}).values() or stays
        return bool(copied) and (not is_there or self._is_any_created(copied))

    def _copied_from(self, table: str, own: str) -> Iterator[str]:
        """Yield the indexes of the tables above of which an index of a partition is a copy, at all levels."""
        properties = self.draft.target.get(("table", table), {})
        for index, name in properties.get(INDEX_NAMES, {}).items():
            if name == own:
                yield index
                yield from self._copied_from(str(properties.get("partition of")), split_last(index)[1])

    def _is_any_created(self, indexes: list[str]) -> bool:
        """Return whether one of some indexes is created, by itself or with its constraint."""
        created = {name for kind, name in self.changes.created if kind == "index"}
        for kind, name in self.changes.created:
            if kind == "constraint":
                created.add(f"{split_last(split_last(name)[0])[0]}.{split_last(name)[1]}")
        return not created.isdisjoint(indexes)

    def _identity_changes(self, key: Key) -> bool:
        """Return whether a replica identity differs, or its index is created again."""
        if key not in self.draft.live and key not in self.changes.created:
            return False
        wanted = self.draft.target[key].get("replica identity")
        live = {} if key in self.changes.created else self.draft.live[key]
        if wanted != live.get("replica identity"):
            return True
        if wanted is None or not wanted.startswith("index "):
            return False
        index = wanted.removeprefix("index ")
        return self._is_any_created([*self._copied_from(key[1], index)]) or any(
            split_last(name)[1] == index
            for kind, name in self.changes.created | self.changes.dropped
            if kind in {"index", "constraint"}
        )
