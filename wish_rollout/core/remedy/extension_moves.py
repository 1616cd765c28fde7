"""Extensions that move to another schema: the first statements, since the names of all their members change.

Manual, ALTER EXTENSION, SET SCHEMA. What an extension owns is in no snapshot: a name in its former schema that no
object has is a member's, if the target schema has the same name in the extension's new schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.graph.schema_index import plain_name
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.schema.names_in_text import QUALIFIED_NAME, WITHOUT_NAMES, find_qualified_names
from wish_rollout.core.schema.scope import MIGRATOR
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from wish_rollout.core.schema.snapshot import Key


def move_extensions(live: Snapshot, target: Snapshot) -> tuple[list[Statement], Snapshot]:
    """Return the statements that move extensions, and the schema after them."""
    made: list[Statement] = []
    for key in sorted(live.objects):
        old, new = (each.objects.get(key, {}).get("schema") for each in (live, target))
        if key[0] != "extension" or new in {None, old}:
            continue
        objects = dict(live.objects)
        if ("schema", new) not in objects:
            made.append(Statement(f"CREATE SCHEMA {new}", "schema", new))
            objects["schema", new] = {"owner": MIGRATOR}
        made.append(Statement(f"ALTER EXTENSION {key[1]} SET SCHEMA {new}", *key))
        objects[key] = {**objects[key], "schema": new}
        live = _Renaming(objects, target, str(old), new).renamed(live)
    return made, live


class _Renaming:
    """Gives the members of an extension their new names in all texts."""

    def __init__(self, objects: dict[Key, Any], target: Snapshot, old: str, new: str) -> None:
        self.objects = objects
        self.old = f"{old}."
        self.new = f"{new}."
        self.own = {plain_name(*key) for key in objects}
        self.wanted = set(_names(target))

    def renamed(self, live: Snapshot) -> Snapshot:
        """Return a schema with the new names."""
        objects = {
            (kind, self._text(name)): {
                key: value if key in WITHOUT_NAMES or kind == "extension" else self._value(value)
                for key, value in properties.items()
            }
            for (kind, name), properties in self.objects.items()
        }
        return Snapshot(objects, live.readable_properties)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if isinstance(value, dict):
            return {key: self._value(each) for key, each in value.items()}
        return value

    def _text(self, text: str) -> str:
        return QUALIFIED_NAME.sub(self._name, text) if self.old in text else text

    def _name(self, match: re.Match[str]) -> str:
        name = match[0]
        if not name.startswith(self.old) or name in self.own:
            return name
        renamed = self.new + name.removeprefix(self.old)
        return renamed if renamed in self.wanted and name not in self.wanted else name


def _names(schema: Snapshot) -> Iterator[str]:
    for (_, name), properties in schema.objects.items():
        yield from find_qualified_names({**properties, "own name": name})
