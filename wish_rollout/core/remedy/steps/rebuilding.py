"""Which objects are dropped and created again: those that no statement alters, and what depends on them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.names_in_texts import WITH_QUERY, lists_columns, properties_with_names
from wish_rollout.core.remedy.graph.parts import reported
from wish_rollout.core.remedy.graph.schema_index import RELATIONS
from wish_rollout.core.remedy.steps.index_rebuilding import rebuilt_indexes
from wish_rollout.core.remedy.steps.inherited_checks import inherited_copies
from wish_rollout.core.remedy.steps.parent_changes import (
    checks_above,
    circular_references,
    is_separated,
    later_checks,
    referencing_keys,
)
from wish_rollout.core.remedy.writers.by_kind import WRITERS, reason_not_created
from wish_rollout.core.remedy.writers.columns.expressions import BELOW, can_be_reset
from wish_rollout.core.remedy.writers.data_types import type_replacement
from wish_rollout.core.remedy.writers.data_types.row_type_limits import views_of_rows
from wish_rollout.core.remedy.writers.foreign_servers import has_secrets
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Pairs
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key


class CannotDrop(Exception):
    """An object that would have to be dropped, and that has to stay as it is."""

    def __init__(self, key: Key, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.reason = reason


class Rebuilding:
    """Follows the dependencies of what is dropped, and adds to ``rebuilt`` and ``moved`` of a set of changes."""

    def __init__(self, changes: ChangeSet) -> None:
        self.changes = changes
        self.draft = changes.draft
        self.waiting: list[Key] = sorted(changes.removed)

    def find(self) -> None:
        """Find all; raise CannotDrop where an object that has to be dropped cannot be."""
        changes = self.changes
        for key in sorted(changes.forced):
            self._add(key)
        for key, pairs in sorted(changes.changed.items()):
            if changes.needs_rebuild(key, pairs):
                reason = reason_not_created(self.draft, key)
                if has_secrets(self.draft, key):
                    reason = "it would have to be created again, and no snapshot has its secret options"
                if reason:
                    raise CannotDrop(key, reason)
                self._add(key)
        self._follow_parents()
        for key, pairs in sorted(changes.changed.items()):
            if key not in changes.rebuilt:
                for other in self._stopping(key, pairs):
                    self._release(other, key)
        while self.waiting:
            self._follow(self.waiting.pop())

    def _add(self, key: Key) -> None:
        self.changes.rebuilt.add(key)
        self.waiting.append(key)

    def _rebuild(self, key: Key, below: Key) -> None:
        """Add an object that depends on another one, which is dropped or altered."""
        changes = self.changes
        if key not in self.draft.live or key in changes.dropped:
            return
        key = self._whole(key)
        if key in changes.dropped:
            return
        if not changes.can_be_rebuilt(key):
            why = f"{' '.join(reported(key))} depends on it, and cannot be dropped and created again"
            raise CannotDrop(below, why)
        self._add(key)

    def _whole(self, key: Key) -> Key:
        """Return the foreign table of a column: it has no rows, so it is created again as a whole."""
        table = ("foreign table", split_last(key[1])[0])
        return table if key[0] == "column" and table in self.draft.live else key

    def _release(self, key: Key, below: Key) -> None:
        """Add an object that prevents a change of another one: a generated column can be NULL meanwhile."""
        if key[0] == "column" and can_be_reset(self.draft, key):
            self.changes.reset.add(key)
        else:
            self._rebuild(key, below)

    def _follow_parents(self) -> None:
        """Add what does not depend on a change by name: indexes, views of rows, foreign keys and checks of parents."""
        changes = self.changes
        circles = ((key, key) for key in circular_references(changes))
        rows = views_of_rows(self.draft, changes.changed, changes.added)
        for key, below in chain(rebuilt_indexes(changes), rows, circles):
            self._rebuild(key, below)
        for key in sorted(changes.changed):
            for other in [*referencing_keys(changes, key), *later_checks(changes, key)]:
                self._rebuild(other, key)
        for key in sorted(changes.removed):
            for other in checks_above(changes, key):
                self._rebuild(other, key)

    def _follow(self, key: Key) -> None:
        """Add what depends on an object that is dropped."""
        changes = self.changes
        copies = inherited_copies(changes.before, key) if key in changes.rebuilt else []
        self._follow_table(key)
        for other in [*copies, *sorted(changes.before.dependents.get(key, ()))]:
            if other in changes.removed or other in changes.rebuilt or self._lets_go(other, key):
                continue
            if key[0] == "table" and other[0] in {"table", "foreign table"}:
                continue  # it is separated from its parent
            if other[0] == "column" and key[0] in RELATIONS:
                if key[0] == "foreign table":
                    self._add(other)
                elif key in changes.rebuilt:
                    self._rebuild(other, key)
            elif type_replacement.can_move(self.draft, other, key):
                for stopping in self._stopping(other, {"type": (None, None)}):
                    self._release(stopping, key)
                changes.moved.add(other)
            elif key[0] in BELOW and can_be_reset(self.draft, other):
                changes.reset.add(other)
            else:
                self._rebuild(other, key)

    def _follow_table(self, key: Key) -> None:
        """Add the columns and sequences that are dropped with a table and created again with it."""
        if key[0] != "table" or key not in self.changes.rebuilt:
            return
        for other in sorted(self.draft.live.keys() & self.draft.target.keys()):
            of = self.draft.live[other].get("owned by", "") if other[0] == "sequence" else other[1]
            if "owned by" in self.changes.changed.get(other, {}):
                continue  # it is separated from the table, and stays
            if (
                other[0] in {"column", "sequence"}
                and split_last(of)[0] == key[1]
                and other not in self.changes.rebuilt
            ):
                self._add(other)

    def _lets_go(self, other: Key, key: Key) -> bool:
        """Return whether an object is altered so that it does not need another one any longer."""
        changes = self.changes
        if key[0] == other[0] == "column":
            own = split_last(other[1])[0]
            if own != split_last(key[1])[0] and is_separated(changes, own):
                return True
            if self._has_other_parents(other):
                return key not in changes.after.needs(other)
        if other not in changes.changed or (other[0] == "column" and changes.is_view_column(other[1])):
            return False
        if other[0] == "constraint" and key[0] == "index":
            return False
        listed = other[0] in WITH_QUERY and lists_columns(
            properties_with_names(*other, self.draft.live[other])
        )
        if key[0] == "column" and listed:
            return False  # the query that it gets has no name for the column
        return key not in changes.after.needs(other)

    def _has_other_parents(self, column: Key) -> bool:
        """Return whether the table of a column that stays is attached to other parents."""
        table = ("table", split_last(column[1])[0])
        return column in self.draft.target and "inherits" in self.changes.changed.get(table, {})

    def _stopping(self, key: Key, pairs: Pairs) -> Iterator[Key]:
        """Yield what has to be dropped while an object is altered in place."""
        kind, name = key
        writer = WRITERS.get(kind)
        if writer is None or writer.stops is None or (kind == "column" and self.changes.is_view_column(name)):
            return
        for other in sorted(self.changes.before.dependents.get(key, ())):
            if writer.stops(self.draft, name, pairs, other):
                yield other


def find_rebuilt(changes: ChangeSet) -> None:
    """Find what is dropped and created again; begin again each time that an object has to stay as it is."""
    while True:
        changes.rebuilt, changes.moved, changes.reset = set(), set(), set(changes.forced_resets)
        try:
            Rebuilding(changes).find()
        except CannotDrop as stays:
            changes.block(stays.key, stays.reason)
        else:
            return
