"""What happened to one object of a schema, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.schema.snapshot import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["added", "removed", "changed", "renamed"]
Pair = tuple[Json, Json]
_OPPOSITE: dict[Kind, Kind] = {
    "added": "removed",
    "removed": "added",
    "changed": "changed",
    "renamed": "renamed",
}


@dataclass(frozen=True)
class Change:
    """What happened to one object.

    ``properties``: property → (before, after), where ``None`` means that it was not there. An added or
    removed object lists all of its properties. A renamed one has its old name, and ``name`` as a property.
    ``also``: inherited columns to which the same happened, by name, with the properties in which they differ.
    """

    kind: str
    name: str
    change: Kind
    properties: Mapping[str, Pair] = field(default_factory=dict)
    also: Mapping[str, Mapping[str, Pair]] = field(default_factory=dict)

    def inverse(self) -> Change:
        """Give the change that takes this one back."""
        name = self.properties["name"][1] if self.change == "renamed" else self.name
        pairs = {key: (after, before) for key, (before, after) in self.properties.items()}
        also = {
            own["name"][1] if self.change == "renamed" else child: {
                key: (after, before) for key, (before, after) in own.items()
            }
            for child, own in self.also.items()
        }
        return Change(self.kind, name, _OPPOSITE[self.change], pairs, also)

    def as_dict(self) -> dict[str, Json]:
        """Give the change as plain JSON values; a property is the list of its two values."""
        pairs = {key: list(pair) for key, pair in self.properties.items()}
        told = {"kind": self.kind, "name": self.name, "change": self.change, "properties": pairs}
        if self.also:
            told["also"] = {
                child: {key: list(pair) for key, pair in own.items()} for child, own in self.also.items()
            }
        return told

    @property
    def labels(self) -> dict[str, str]:
        """Give an enum's renamed labels, old → new.

        Proven where every label but those stands at its place: a label cannot be dropped, only renamed
        (manual, ALTER TYPE).
        """
        before, after = self.properties.get("labels", (None, None))
        if self.kind != "enum" or not before or not after or len(before) != len(after):
            return {}
        pairs = {old: new for old, new in zip(before, after, strict=True) if old != new}
        return pairs if set(pairs).isdisjoint(after) and set(pairs.values()).isdisjoint(before) else {}
