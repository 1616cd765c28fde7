"""A delta as a value: the changes between two snapshots, its inverse, and its application to a snapshot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from wish_rollout.core.errors.base import InvalidSnapshotFile, VerificationFailed
from wish_rollout.core.schema.change import Change, ChangeKind, ValuePair
from wish_rollout.core.schema.column_order import assign_positions
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import INFORMATIONAL_PROPERTIES, Json, Key, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "wish-rollout/delta"
VERSION = 1


@dataclass(eq=False)
class DeltaDoesNotFit(VerificationFailed):
    """A delta was applied to another snapshot than the one that it was computed from."""

    kind: str
    name: str
    reason: str

    summary = "The delta does not fit: {kind} {name} {reason}."
    explanation = "It was computed from another schema than the one that it is applied to."
    hint = "compute the delta again from the current schema"


@dataclass(frozen=True)
class Delta:
    """All changes between two snapshots, sorted by kind and name. A delta without changes is false."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def inverse(self) -> Delta:
        """Return the delta in the opposite direction."""
        return Delta(tuple(sorted((change.inverse() for change in self.changes), key=_sort_key)))

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot after this delta.

        Raises DeltaDoesNotFit if an object of the snapshot differs from the delta's description of it.
        """
        objects = dict(snapshot.objects)
        changes = tuple(unfold_inherited(self.changes))
        for change in changes:
            _check_applicable(change, objects)
        for change in changes:
            if change.change in {"removed", "renamed"}:
                del objects[change.kind, change.name]
        for change in changes:
            _store_object(change, objects, snapshot.objects)
        _set_positions(changes, objects, snapshot)
        return Snapshot(objects, snapshot.readable_properties)

    def as_dict(self) -> list[dict[str, Json]]:
        """Return the changes as plain JSON values."""
        return [change.as_dict() for change in self.changes]

    def to_json(self) -> str:
        """Return the delta as a JSON document that ends with a newline."""
        document = {"format": FORMAT, "version": VERSION, "changes": self.as_dict()}
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "given as text") -> Delta:
        """Return the delta that ``to_json`` wrote; raise InvalidSnapshotFile for any other text."""
        try:
            document = json.loads(text)
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                raise InvalidSnapshotFile(source, f"it is not of the format {FORMAT}, version {VERSION}")
            entries = document["changes"]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidSnapshotFile(source, f"it is not a delta ({error})") from None
        return cls.from_list(entries, source)

    @classmethod
    def from_list(cls, entries: list[dict[str, Json]], source: str) -> Delta:
        """Return the delta that ``as_dict`` returned as JSON values; raise InvalidSnapshotFile for other values."""
        try:
            return cls(tuple(_change_from_document(entry) for entry in entries))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidSnapshotFile(source, f"it is not a delta ({error})") from None


def _sort_key(change: Change) -> tuple[str, str, str]:
    return (change.kind, change.name, change.change)


def _change_from_document(entry: dict[str, Any]) -> Change:
    change = entry["change"]
    if change not in get_args(ChangeKind):
        raise ValueError(change)
    also = {child: _as_pairs(own) for child, own in entry.get("also", {}).items()}
    properties = _as_pairs(entry["properties"])
    return Change(entry["kind"], entry["name"], cast("ChangeKind", change), properties, also)


def _as_pairs(pairs: dict[str, Any]) -> dict[str, ValuePair]:
    return {key: (before, after) for key, (before, after) in pairs.items()}


def _check_applicable(change: Change, objects: Mapping[Key, Mapping[str, Json]]) -> None:
    present = objects.get((change.kind, change.name))
    if change.change == "added":
        if present is not None:
            raise DeltaDoesNotFit(change.kind, change.name, "exists already")
        return
    if present is None:
        raise DeltaDoesNotFit(change.kind, change.name, "does not exist")
    for name, (before, _) in change.properties.items():
        is_computed = change.change == "renamed" or (change.kind == "column" and name == "position")
        if not is_computed and present.get(name) != before:
            raise DeltaDoesNotFit(change.kind, change.name, f"has another {name} than the delta starts from")
    if change.change == "removed":
        extra = set(present) - set(change.properties) - INFORMATIONAL_PROPERTIES
        if extra:
            raise DeltaDoesNotFit(change.kind, change.name, f"also has {', '.join(sorted(extra))}")


def _store_object(
    change: Change, objects: dict[Key, Mapping[str, Json]], before: Mapping[Key, Mapping[str, Json]]
) -> None:
    if change.change == "removed":
        return
    name, pairs = change.name, dict(change.properties)
    if change.change == "renamed":
        _, name = pairs.pop("name")
        properties = dict(before[change.kind, change.name])
    else:
        properties = dict(objects.get((change.kind, name), {}))
    for key, (_, after) in pairs.items():
        if after is None:
            properties.pop(key, None)
        else:
            properties[key] = after
    objects[change.kind, name] = properties


def _set_positions(
    changes: tuple[Change, ...], objects: dict[Key, Mapping[str, Json]], snapshot: Snapshot
) -> None:
    """Set the positions of the unchanged columns of each table of which a column was added, removed or moved."""
    fixed = _fixed_positions(changes, snapshot)
    if not fixed:
        return
    columns = sorted((properties.get("position", 0), name) for name, properties in snapshot.of_kind("column"))
    staying: dict[str, list[str]] = {}
    for _, name in columns:
        table = split_last(name)[0]
        if table in fixed and ("column", name) in objects and name not in fixed[table]:
            staying.setdefault(table, []).append(name)
    for table, positions in fixed.items():
        for name, position in assign_positions(staying.get(table, ()), positions).items():
            objects["column", name] = {**objects["column", name], "position": position}


def _fixed_positions(changes: tuple[Change, ...], snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Return table → column → position, for the columns whose position the changes determine."""
    fixed: dict[str, dict[str, int]] = {}
    for change in changes:
        if change.kind == "column":
            positions = fixed.setdefault(split_last(change.name)[0], {})
            if change.change == "renamed":
                position = snapshot.objects["column", change.name]["position"]
                positions[change.properties["name"][1]] = position
            elif change.properties.get("position", (None, None))[1] is not None:
                positions[change.name] = change.properties["position"][1]
    return fixed
