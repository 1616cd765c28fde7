"""A change of one object of a schema, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.schema.snapshot import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

ChangeKind = Literal["added", "removed", "changed", "renamed"]
ValuePair = tuple[Json, Json]
_OPPOSITE: dict[ChangeKind, ChangeKind] = {
    "added": "removed",
    "removed": "added",
    "changed": "changed",
    "renamed": "renamed",
}


@dataclass(frozen=True)
class Change:
    """A change of one object.

    ``properties``: property → (before, after); ``None`` means that the object did not have the property.
    An added or removed object lists all its properties. A renamed object has its old name in ``name``, and
    both names in the property ``name``. ``also``: inherited columns with the same change, by name, with the
    properties in which they differ.
    """

    kind: str
    name: str
    change: ChangeKind
    properties: Mapping[str, ValuePair] = field(default_factory=dict)
    also: Mapping[str, Mapping[str, ValuePair]] = field(default_factory=dict)

    def inverse(self) -> Change:
        """Return the change that reverts this one."""
        name = self.properties["name"][1] if self.change == "renamed" else self.name
        also = {
            own["name"][1] if self.change == "renamed" else child: _swap(own)
            for child, own in self.also.items()
        }
        return Change(self.kind, name, _OPPOSITE[self.change], _swap(self.properties), also)

    def as_dict(self) -> dict[str, Json]:
        """Return the change as plain JSON values; a property is the list of its two values."""
        document: dict[str, Json] = {
            "kind": self.kind,
            "name": self.name,
            "change": self.change,
            "properties": _as_lists(self.properties),
        }
        if self.also:
            document["also"] = {child: _as_lists(own) for child, own in self.also.items()}
        return document

    @property
    def labels(self) -> dict[str, str]:
        """An enum's renamed labels, old → new.

        A label cannot be dropped or moved, only renamed (manual, ALTER TYPE). So two lists of the same length
        prove a rename at each position in which they differ, unless a label is in both lists.
        """
        before, after = self.properties.get("labels", (None, None))
        if self.kind != "enum" or not before or not after or len(before) != len(after):
            return {}
        pairs = {old: new for old, new in zip(before, after, strict=True) if old != new}
        return pairs if set(pairs).isdisjoint(after) and set(pairs.values()).isdisjoint(before) else {}


def _swap(pairs: Mapping[str, ValuePair]) -> dict[str, ValuePair]:
    return {key: (after, before) for key, (before, after) in pairs.items()}


def _as_lists(pairs: Mapping[str, ValuePair]) -> dict[str, list[Json]]:
    return {key: list(pair) for key, pair in pairs.items()}
