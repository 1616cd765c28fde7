"""A baseline: the accepted differences between an environment and the history of the release.

A platform creates objects and grants privileges before the first revision runs: the owner and privileges of schema
``public``, extensions, default privileges. They differ between environments and are no drift. The baseline is found
at the first change that wish-rollout makes in a database, recorded in the ledger, and part of the signed plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.environment.default_privileges import add_default_privileges, is_explained_by
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Json, Key

PLATFORM_KINDS = frozenset(
    {"schema", "extension", "default privileges", "language", "event trigger", "access method"}
    | {"foreign data wrapper", "cast", "transform", "publication", "subscription"}
)
"""Kinds of which a platform creates objects in a new database. Each has a name of its own in the database."""
MADE_BY_PLATFORM = ("owner", "schema")
"""Properties of an existing object that ``CREATE … IF NOT EXISTS`` in a revision does not change."""

NO_DELTA = Delta()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted delta from the history's schema at ``position`` to the environment's schema."""

    position: Position = ()
    accepted: Delta = NO_DELTA

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {"position": list(self.position), "accepted": self.accepted.as_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Baseline:
        """Return the baseline with these fields; raise InvalidSnapshotFile for other values."""
        return cls(tuple(document["position"]), Delta.from_list(document["accepted"], "the ledger"))

    @property
    def reordered_tables(self) -> frozenset[str]:
        """The tables whose columns have another order than in the history."""
        changes = unfold_inherited(self.accepted.changes)
        return frozenset(
            split_last(change.name)[0]
            for change in changes
            if "position" in change.properties and change.kind == "column" and change.change == "changed"
        )


def find_baseline(
    position: Position, base: Snapshot, promise: Snapshot, live: Snapshot, *, any_order: bool = False
) -> Baseline:
    """Return the differences that a platform explains, for a database without a recorded baseline.

    ``base``: the history's schema before its first revision. ``promise``: the one at ``position``. Properties that
    the history itself has changed since ``base`` are not explained by a platform. ``any_order``: another order of
    columns is accepted too.
    """
    delta = difference(promise, live)
    if not delta:
        return Baseline(position)
    additional = {
        key: properties
        for key, properties in live.objects.items()
        if key[0] == "default privileges" and promise.objects.get(key) != properties
    }
    accepted = []
    for change in delta.changes:
        key = (change.kind, change.name)
        if key[0] in PLATFORM_KINDS:
            kept = _explained_part(change, base.objects.get(key), promise.objects.get(key))
            accepted += [kept] if kept else []
        elif (any_order and is_column_move(change)) or is_explained_by(
            additional, change, promise.objects.get(key, {})
        ):
            accepted.append(change)
    return Baseline(position, Delta(tuple(accepted)))


def _explained_part(
    change: Change, base: Mapping[str, Json] | None, promise: Mapping[str, Json] | None
) -> Change | None:
    """Return the part of a platform object's change that does not contradict the history."""
    if change.change == "added":
        return change
    if base is None or promise is None:
        return None
    pairs = {name: pair for name, pair in change.properties.items() if base.get(name) == promise.get(name)}
    if change.change == "removed":
        return change if len(pairs) == len(change.properties) else None
    return Change(change.kind, change.name, change.change, pairs) if pairs else None


def apply_baseline(promise: Snapshot, baseline: Baseline, recorded_at: Snapshot) -> Snapshot:
    """Return the schema that an environment with this baseline must have where the history has ``promise``.

    ``recorded_at``: the history's schema at the baseline's position. A value that the history has changed since then
    is the history's. Objects that the history has created since then have the default privileges of the environment.
    The order of columns is the history's: see ``follow_column_order``.
    """
    if not baseline.accepted:
        return promise
    objects = dict(promise.objects)
    for change in unfold_inherited(baseline.accepted.changes):
        _merge_change(objects, change)
    result = Snapshot(objects, promise.readable_properties)
    additional = {
        (change.kind, change.name): objects[change.kind, change.name]
        for change in baseline.accepted.changes
        if change.kind == "default privileges" and (change.kind, change.name) in objects
    }
    return add_default_privileges(result, additional, except_for=recorded_at.objects.keys())


def _merge_change(objects: dict[Key, Mapping[str, Json]], change: Change) -> None:
    key = (change.kind, change.name)
    current = objects.get(key)
    if change.change == "added":
        added = {name: after for name, (_, after) in change.properties.items()}
        if current is None:
            objects[key] = added
        else:  # a revision creates it too, with IF NOT EXISTS
            kept = {name: added[name] for name in MADE_BY_PLATFORM if name in added}
            merged = _merge_values(None, added.get("privileges"), current.get("privileges"))
            objects[key] = {**current, **kept, **({"privileges": merged} if merged else {})}
    elif change.change == "removed":
        if current is not None and all(
            current.get(name) == old for name, (old, _) in change.properties.items()
        ):
            del objects[key]
    elif current is not None and change.change == "changed":
        merged = dict(current)
        for name, (before, after) in change.properties.items():
            if name == "position":
                continue
            value = _merge_values(before, after, current.get(name))
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = value
        objects[key] = merged


def _merge_values(before: Json, after: Json, current: Json) -> Json:
    """Return ``current`` with the change from ``before`` to ``after``; where both changed a value, ``current``'s.

    Mappings, such as the privileges of several roles, are merged by key, and the privileges of a role as sets.
    """
    if current == before:
        return after
    values = [value for value in (before, after, current) if value is not None]
    if all(isinstance(value, dict) for value in values):
        old, new, now = (value or {} for value in (before, after, current))
        merged = {
            key: _merge_values(old.get(key), new.get(key), now.get(key)) for key in sorted({*old, *new, *now})
        }
        return {key: value for key, value in merged.items() if value is not None} or None
    if all(isinstance(value, list) for value in values):
        old, new, now = (set(value or ()) for value in (before, after, current))
        return sorted((now | (new - old)) - (old - new))
    return current
