"""What ``meta/`` records of one revision: the objects that it changes, its statements, and whether it can be undone.

The file is JSON with a format version. A reader ignores keys that it does not know, so that more can be recorded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.releases import InvalidReleaseRecord
from wish_rollout.core.text.secret_masking import mask_recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.schema.snapshot import Json, Key

FORMAT = 2
Changes = dict["Key", "Mapping[str, Json] | None"]
"""(kind, name) → the object's properties after the revision; ``None`` for an object that it drops."""


@dataclass(frozen=True, slots=True)
class Record:
    """One revision.

    ``parent``: the revision whose schema ``changes`` start from; empty at base. ``merged``: for a revision with
    several parents, what the other parents' branches add to that schema; ``changes`` come after it.
    ``irreversible``: why its downgrade cannot be used; empty where it leads back to the schema before it.
    ``other``: what another version of this tool recorded.
    """

    revision: str
    parent: str
    changes: Changes
    upgrade: tuple[str, ...] = ()
    downgrade: tuple[str, ...] = ()
    irreversible: str = ""
    merged: Changes = field(default_factory=dict)
    other: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of the record's file: a line an object, so that a review can read it."""
        parts: dict[str, Any] = {"format": FORMAT, "revision": self.revision, "parent": self.parent}
        if self.merged:
            parts["merged"] = self.merged
        parts |= {"changes": self.changes, "upgrade": self.upgrade, "downgrade": self.downgrade}
        if self.irreversible:
            parts["irreversible"] = self.irreversible
        parts |= self.other
        return (
            "{\n"
            + ",\n".join(f" {_compact(name)}: {_written(value)}" for name, value in parts.items())
            + "\n}\n"
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> Record:
        """Read what ``to_json`` wrote; raise InvalidReleaseRecord. ``path``: how the error calls the file."""
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise InvalidReleaseRecord(
                    path, f"its format is {content['format']}, this tool reads {FORMAT}"
                )
            known = {
                "format",
                "revision",
                "parent",
                "merged",
                "changes",
                "upgrade",
                "downgrade",
                "irreversible",
            }
            return cls(
                content["revision"],
                content["parent"],
                _read_changes(content["changes"]),
                tuple(map(mask_recorded, content["upgrade"])),
                tuple(map(mask_recorded, content["downgrade"])),
                content.get("irreversible", ""),
                _read_changes(content.get("merged", {})),
                {name: value for name, value in content.items() if name not in known},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidReleaseRecord(path, f"{type(error).__name__}: {error}") from None


def apply_changes(objects: dict[Key, Mapping[str, Json]], changes: Changes) -> None:
    """Change objects in place as a record says."""
    for key, properties in changes.items():
        if properties is None:
            objects.pop(key, None)
        else:
            objects[key] = properties


def _read_changes(content: Mapping[str, Mapping[str, Json]]) -> Changes:
    return {(kind, name): value for kind, named in content.items() for name, value in named.items()}


def _written(value: Any) -> str:
    """Write a value: changes with a line an object, lists with a line an item, all else in one line."""
    if isinstance(value, tuple):
        return "[" + ",".join(f"\n  {_compact(item)}" for item in value) + ("\n ]" if value else "]")
    if not isinstance(value, dict) or not all(isinstance(key, tuple) for key in value):
        return _compact(value)
    kinds: dict[str, dict[str, Any]] = {}
    for (kind, name), properties in value.items():
        kinds.setdefault(kind, {})[name] = properties
    lines = (
        f"\n  {_compact(kind)}: {{"
        + ",".join(f"\n   {_compact(name)}: {_compact(each)}" for name, each in named.items())
        + "}"
        for kind, named in kinds.items()
    )
    return "{" + ",".join(lines) + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
