"""What a remedy does to each object: create, drop, alter, or drop and create again.

An object is dropped and created again where no statement alters it, or where it depends on such an object. What
holds data (a table, a column, a sequence) is never created again: a column is moved to the new form of its type.
Where that is not possible, the object below stays as it is, and is reported as not covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.dependencies import Dependencies
from wish_rollout.core.remedy.graph.parts import DEFINITION, reported
from wish_rollout.core.remedy.steps.detached_parts import detached_parts
from wish_rollout.core.remedy.steps.index_attachment import fitting_indexes
from wish_rollout.core.remedy.steps.inherited_checks import inherited_checks
from wish_rollout.core.remedy.steps.separated_partitions import separated_partitions
from wish_rollout.core.remedy.writers import foreign_servers
from wish_rollout.core.remedy.writers.by_kind import WRITERS, reason_kept, reason_not_created
from wish_rollout.core.remedy.writers.columns import limits
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key, Snapshot

_KEEPS_DATA = frozenset({"table", "sequence", "schema", "extension", "base type", DEFINITION})
_VIEWS = ("view", "materialized view")
_TYPES = frozenset({"enum", "domain", "composite type", "range type"})


class ChangeSet:
    """What becomes of each object that differs, or that depends on one that does.

    ``rebuilt``: what is dropped and created again. ``moved``: the columns that get the new form of their type.
    ``reset``: generated columns that are NULL while a function that they need is created again.
    ``blocked``: what stays as it is, although it differs.
    """

    def __init__(self, draft: Draft, live: Snapshot, target: Snapshot) -> None:
        self.draft = draft
        self.changed: dict[Key, Pairs] = {}
        self.added: set[Key] = set()
        self.removed: set[Key] = set()
        for change in unfold_inherited(difference(live, target).changes):
            key = (change.kind, change.name)
            if change.change == "changed":
                self.changed[key] = dict(change.properties)
            elif change.change == "renamed":
                self.removed.add(key)
                self.added.add((change.kind, change.properties["name"][1]))
            else:
                (self.added if change.change == "added" else self.removed).add(key)
        self.before = Dependencies(draft.live)
        self.after = Dependencies(draft.target)
        self.rebuilt: set[Key] = set()
        self.moved: set[Key] = set()
        self.reset: set[Key] = set()
        self.forced_resets: set[Key] = set()
        self.forced: set[Key] = set()
        self.blocked: set[Key] = set()
        self.after_detach: dict[str, list[str]] = {}
        self.attached_indexes: dict[Key, list[str]] = {}
        self.separated = separated_partitions(draft, self.before, self.changed)
        self.changed.update(self.separated)
        self._keep_detached_parts()
        self._keep_parts_of_children()
        self._attach_valid_indexes()
        self._block_what_cannot_be_created()

    def _keep_detached_parts(self) -> None:
        """Leave out of what is created the parts that a detached partition keeps."""
        for key, pairs in self.changed.items():
            is_detached = key in self.separated or pairs.get("partition of", (None, None))[0]
            if key[0] == "table" and ("inherits" in pairs or is_detached):
                for statement, wanted, original in detached_parts(self.before, self.after, key[1]):
                    if key in self.separated and self.draft.live[original] == self.draft.target.get(original):
                        continue  # ATTACH PARTITION makes it a copy again
                    if wanted is None or wanted in self.added:
                        self.after_detach.setdefault(key[1], []).append(statement)
                    self.added.discard(wanted or key)

    def _keep_parts_of_children(self) -> None:
        """Keep the checks of a table that become those of the table whose partition it gets: it cannot drop them."""
        for key, pairs in sorted(self.changed.items()):
            if key[0] in {"table", "foreign table"} and "partition of" in pairs:
                for check in inherited_checks(self.after, key[1]):
                    own = ("constraint", f"{key[1]}.{split_last(check[1])[1]}")
                    if own in self.removed and self.draft.live[own] == self.draft.target[check]:
                        self.removed.discard(own)

    def _attach_valid_indexes(self) -> None:
        """Find the invalid indexes of partitioned tables whose partitions have valid ones that fit."""
        for key, pairs in self.changed.items():
            if key[0] != "index" or dict(pairs) != {"invalid": (True, None)}:
                continue
            fitting = {
                str(self.draft.live[each]["table"]): each
                for each in self.removed
                if each[0] == "index"
                and "invalid" not in self.draft.live[each]
                and key in fitting_indexes(self.before, each)
            }
            if set(self.before.children.get(str(self.draft.live[key]["table"]), ())) == fitting.keys():
                self.attached_indexes[key] = sorted(each[1] for each in fitting.values())
                self.removed -= set(fitting.values())

    def block(self, key: Key, reason: str) -> None:
        """Leave an object as it is, and report that its difference is not covered."""
        self.draft.gap(*reported(key), reason)
        self.blocked.add(key)
        self.changed.pop(key, None)
        self.removed.discard(key)
        self.added.discard(key)
        self.forced.discard(key)

    @property
    def dropped(self) -> set[Key]:
        """What is dropped, whether it is created again or not."""
        return self.removed | self.rebuilt

    @property
    def created(self) -> set[Key]:
        """What is created."""
        return self.added | self.rebuilt

    def replaced(self, key: Key) -> bool:
        """Return whether a type is replaced while columns have it, so that its old form is dropped last."""
        return (
            key[0] in _TYPES
            and key in self.rebuilt
            and not self.before.dependents.get(key, set()).isdisjoint(self.moved)
        )

    def _block_what_cannot_be_created(self) -> None:
        """Block what no statement creates or changes, and what needs that in the target schema."""
        waiting = []
        for key in sorted(self.added | self.changed.keys() | self.removed):
            if key in self.added:
                reason = reason_not_created(self.draft, key)
            else:
                reason = reason_kept(self.draft, key, self.changed.get(key, {}))
            if reason:
                waiting.append((key, reason))
        while waiting:
            key, reason = waiting.pop()
            if key not in self.added | self.changed.keys() | self.removed:
                continue
            if key[0] == "column" and key in self.added:
                table = split_last(key[1])[0]
                waiting += [
                    (each, reason)
                    for each in (("table", table), ("foreign table", table))
                    if each in self.added
                ]
            if key not in self.removed:
                reason_above = f"it needs {' '.join(reported(key))}, which is not covered"
                waiting += [(other, reason_above) for other in sorted(self.after.dependents.get(key, ()))]
            self.block(key, reason)

    def needs_rebuild(self, key: Key, pairs: Pairs) -> bool:
        """Return whether no statement makes these changes to an object."""
        kind, name = key
        if key in self.attached_indexes:
            return False
        if kind == "column":
            return not self.is_view_column(name) and limits.is_rebuilt(self.draft, name, pairs)
        writer = WRITERS.get(kind)
        if writer is None:
            return False
        if writer.is_rebuilt is not None:
            return writer.is_rebuilt(self.draft, name, pairs)
        return writer.rebuilds and bool(set(pairs) - writer.alters)

    def can_be_rebuilt(self, key: Key) -> bool:
        """Return whether an object can be dropped and created again without losing data."""
        kind, name = key
        if key not in self.draft.target or key in self.blocked:
            return False
        if kind == "column":
            return self.is_view_column(name) or limits.can_be_rebuilt(self.draft, name)
        if foreign_servers.has_secrets(self.draft, key):
            return False
        writer = WRITERS.get(kind)
        return kind not in _KEEPS_DATA and writer is not None and not reason_not_created(self.draft, key)

    def is_view_column(self, name: str) -> bool:
        """Return whether a column is of a view."""
        return any((kind, split_last(name)[0]) in self.draft.live for kind in _VIEWS)
