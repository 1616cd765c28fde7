"""A delta as a value: what happened to each object, how it is taken back, and how it is applied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from wish_rollout.core.errors.base import InvalidSnapshotFile, VerificationFailed
from wish_rollout.core.schema.change import Change, Kind, Pair
from wish_rollout.core.schema.column_order import placed
from wish_rollout.core.schema.inheritance import unfold
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import INFORMATIONAL_PROPERTIES, Json, Key, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "wish-rollout/delta"
VERSION = 1


@dataclass(eq=False)
class DeltaDoesNotFit(VerificationFailed):
    """A delta was applied to a snapshot that it does not start from."""

    kind: str
    name: str
    reason: str

    summary = "The delta does not fit: {kind} {name} {reason}."
    explanation = "It was computed from another schema than the one that it is applied to."
    hint = "compute the delta anew from the schema as it is now"


@dataclass(frozen=True)
class Delta:
    """All changes between two snapshots, sorted by kind and name; false if there are none."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def inverse(self) -> Delta:
        """Give the delta that leads back."""
        return Delta(tuple(sorted((change.inverse() for change in self.changes), key=_order)))

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """Give the snapshot that this delta leads to.

        Raises ``DeltaDoesNotFit`` if an object is not as the delta says that it was before.
        """
        objects = dict(snapshot.objects)
        changes = tuple(unfold(self.changes))
        for change in changes:
            _check(change, objects)
        for change in changes:
            if change.change in {"removed", "renamed"}:
                del objects[change.kind, change.name]
        for change in changes:
            _put(change, objects, snapshot.objects)
        _place_columns(changes, objects, snapshot)
        return Snapshot(objects, snapshot.readable_properties)

    def as_dict(self) -> list[dict[str, Json]]:
        """Give the changes as plain JSON values."""
        return [change.as_dict() for change in self.changes]

    def to_json(self) -> str:
        """Write the delta as a JSON document that ends with a newline."""
        document = {"format": FORMAT, "version": VERSION, "changes": self.as_dict()}
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "given as text") -> Delta:
        """Read what ``to_json`` wrote; raises ``InvalidSnapshotFile`` for anything else."""
        try:
            document = json.loads(text)
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                raise InvalidSnapshotFile(source, f"it is not of the format {FORMAT}, version {VERSION}")
            return cls(tuple(_change(entry) for entry in document["changes"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidSnapshotFile(source, f"it is no delta ({error})") from None


def _order(change: Change) -> tuple[str, str, str]:
    return (change.kind, change.name, change.change)


def _change(entry: dict[str, Any]) -> Change:
    change = entry["change"]
    if change not in get_args(Kind):
        raise ValueError(change)
    also = {child: _read_pairs(own) for child, own in entry.get("also", {}).items()}
    return Change(entry["kind"], entry["name"], cast("Kind", change), _read_pairs(entry["properties"]), also)


def _read_pairs(pairs: dict[str, Any]) -> dict[str, Pair]:
    return {key: (before, after) for key, (before, after) in pairs.items()}


def _check(change: Change, objects: Mapping[Key, Mapping[str, Json]]) -> None:
    present = objects.get((change.kind, change.name))
    if change.change == "added":
        if present is not None:
            raise DeltaDoesNotFit(change.kind, change.name, "is already there")
        return
    if present is None:
        raise DeltaDoesNotFit(change.kind, change.name, "is not there")
    for name, (before, _) in change.properties.items():
        derived = change.change == "renamed" or (change.kind == "column" and name == "position")
        if not derived and present.get(name) != before:
            raise DeltaDoesNotFit(change.kind, change.name, f"has another {name} than the delta starts from")
    if change.change == "removed":
        extra = set(present) - set(change.properties) - INFORMATIONAL_PROPERTIES
        if extra:
            raise DeltaDoesNotFit(change.kind, change.name, f"has {', '.join(sorted(extra))} as well")


def _put(
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


def _place_columns(
    changes: tuple[Change, ...], objects: dict[Key, Mapping[str, Json]], snapshot: Snapshot
) -> None:
    """Give the columns that no change speaks of their places, in each table where one was added or went."""
    fixed: dict[str, dict[str, int]] = {}
    for change in changes:
        if change.kind == "column":
            table = fixed.setdefault(split_last(change.name)[0], {})
            if change.change == "renamed":
                place = snapshot.objects["column", change.name]["position"]
                table[change.properties["name"][1]] = place
            elif change.properties.get("position", (None, None))[1] is not None:
                table[change.name] = change.properties["position"][1]
    if not fixed:
        return
    columns = sorted((properties.get("position", 0), name) for name, properties in snapshot.of_kind("column"))
    staying: dict[str, list[str]] = {}
    for _, name in columns:
        table_name = split_last(name)[0]
        if table_name in fixed and ("column", name) in objects and name not in fixed[table_name]:
            staying.setdefault(table_name, []).append(name)
    for table_name, places in fixed.items():
        for name, place in placed(staying.get(table_name, ()), places).items():
            objects["column", name] = {**objects["column", name], "position": place}
