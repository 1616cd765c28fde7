"""A snapshot: everything that the catalog says about a schema, as plain values.

Nothing in it depends on a server's OIDs, on the order in which objects were made, or on a session's settings.
docs/snapshot.md lists each kind, its properties, and the JSON format.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from wish_rollout.core.errors.base import InvalidSnapshotFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json: TypeAlias = Any
"""A plain JSON value. ``None`` is never a property's value: a property without one is left out."""
Key = tuple[str, str]
"""Kind and name."""

FORMAT = "wish-rollout/snapshot"
VERSION = 1

INFORMATIONAL_PROPERTIES = frozenset({"installed version", "attribute number", "not null constraint", "mapping options"})
"""Properties that only some servers, roles or histories can tell. They are no part of the fingerprint."""

_NO_OBJECTS: Mapping[Key, Mapping[str, Json]] = {}


class Snapshot:
    """A schema as a frozen value; two are equal if their fingerprints are.

    ``objects``: (kind, name) → properties. Neither the mapping nor what is in it may be changed.
    ``readable_properties``: those of the noted properties that this snapshot's reader could see wherever they exist.
    """

    def __init__(
        self, objects: Mapping[Key, Mapping[str, Json]] = _NO_OBJECTS, readable_properties: Iterable[str] = ()
    ) -> None:
        self._found = objects
        self.readable_properties = frozenset(readable_properties)

    @cached_property
    def objects(self) -> Mapping[Key, Mapping[str, Json]]:
        """(kind, name) → properties, sorted."""
        return MappingProxyType({key: self._found[key] for key in sorted(self._found)})

    def has_same_objects(self, other: Snapshot) -> bool:
        """Whether both have the same objects with the same properties, notes included; told without sorting."""
        return self._found == other._found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex of the canonical form: sorted JSON with the format version, without the notes."""
        rows = [[kind, name, without_informational_properties(properties)] for (kind, name), properties in self.objects.items()]
        canonical = json.dumps(
            [FORMAT, VERSION, rows], ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self.objects)} objects, {self.fingerprint[:12]}>"

    def of_kind(self, kind: str) -> list[tuple[str, Mapping[str, Json]]]:
        """Give the objects of one kind, as (name, properties), sorted by name."""
        return [(name, properties) for (of, name), properties in self.objects.items() if of == kind]

    def to_json(self) -> str:
        """Write the snapshot as a JSON document that ends with a newline and changes only with the schema."""
        kinds: dict[str, dict[str, Mapping[str, Json]]] = {}
        for (kind, name), properties in self.objects.items():
            kinds.setdefault(kind, {})[name] = dict(sorted(properties.items()))
        document = {
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "sees": sorted(self.readable_properties),
            "objects": kinds,
        }
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "given as text") -> Snapshot:
        """Read what ``to_json`` wrote.

        ``source`` is how the error calls the text: a file's path, say. Raises ``InvalidSnapshotFile`` if the text
        is cut short, is of another format, or does not have the fingerprint that it claims.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InvalidSnapshotFile(source, f"it is no complete JSON document ({error})") from None
        snapshot = _read(cls, document, source)
        if snapshot.fingerprint != document.get("fingerprint"):
            raise InvalidSnapshotFile(source, "its content does not match the fingerprint in it")
        return snapshot


def without_informational_properties(properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give an object's properties without those that are only noted."""
    if INFORMATIONAL_PROPERTIES.isdisjoint(properties):
        return properties
    return {name: value for name, value in properties.items() if name not in INFORMATIONAL_PROPERTIES}


def _read(cls: type[Snapshot], document: Json, source: str) -> Snapshot:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidSnapshotFile(source, f"it is not of the format {FORMAT}")
    if document.get("version") != VERSION:
        raise InvalidSnapshotFile(source, f"its format version is {document.get('version')}, not {VERSION}")
    try:
        objects = {
            (kind, name): dict(properties.items())
            for kind, named in document["objects"].items()
            for name, properties in named.items()
        }
        return cls(objects, document["sees"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidSnapshotFile(source, f"it does not have the expected shape ({error})") from None
