"""A snapshot: everything that the system catalog contains about a schema, as plain values.

A snapshot does not depend on a server's OIDs, on the order in which objects were created, or on the settings of
a session. docs/snapshot.md lists each kind, its properties, and the JSON format.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.schema.names import parent_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

Json: TypeAlias = Any
"""A plain JSON value. A property never has the value ``None``: it is omitted instead."""
Key = tuple[str, str]
"""Kind and name of an object."""

FORMAT = "wish-rollout/snapshot"
VERSION = 1

INFORMATIONAL_PROPERTIES = frozenset(
    {"installed version", "attribute number", "not null constraint", "mapping options", "referenced index"}
    | {"index names"}
)
"""Properties that depend on the server version, the role or the history. The fingerprint does not cover them."""

_NO_OBJECTS: Mapping[Key, Mapping[str, Json]] = {}


class Snapshot:
    """A schema as a frozen value. Two snapshots are equal if their fingerprints are equal.

    ``objects``: (kind, name) → properties; neither the mapping nor its values may be changed.
    ``readable_properties``: the informational properties that the reader could read wherever they exist.
    """

    def __init__(
        self,
        objects: Mapping[Key, Mapping[str, Json]] = _NO_OBJECTS,
        readable_properties: Iterable[str] = (),
    ) -> None:
        self._unsorted = objects
        self.readable_properties = frozenset(readable_properties)

    def __reduce__(self) -> tuple[type[Snapshot], tuple[dict[Key, Mapping[str, Json]], frozenset[str]]]:
        """Pickle what was read; a view of it, such as ``objects``, cannot be pickled."""
        return Snapshot, (dict(self._unsorted), self.readable_properties)

    @cached_property
    def objects(self) -> Mapping[Key, Mapping[str, Json]]:
        """(kind, name) → properties, sorted."""
        return MappingProxyType({key: self._unsorted[key] for key in sorted(self._unsorted)})

    def has_same_objects(self, other: Snapshot) -> bool:
        """Return whether both have the same objects and properties, informational ones included; does not sort."""
        return self._unsorted == other._unsorted

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex of the canonical form: sorted JSON with the format version, without informational properties."""
        rows = [
            [kind, name, without_informational_properties(properties)]
            for (kind, name), properties in self.objects.items()
        ]
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
        """Return the objects of one kind, as (name, properties), sorted by name."""
        return [
            (name, properties)
            for (object_kind, name), properties in self.objects.items()
            if object_kind == kind
        ]

    def to_json(self) -> str:
        """Return the snapshot as a JSON document that ends with a newline; equal schemas give equal documents."""
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
        """Return the snapshot that ``to_json`` wrote.

        ``source``: the name of the text in error messages, for example a path. Raises InvalidSnapshotFile if
        the text is truncated, is of another format, or does not match the fingerprint in it.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InvalidSnapshotFile(source, f"it is not a complete JSON document ({error})") from None
        snapshot = _from_document(cls, document, source)
        if snapshot.fingerprint != document.get("fingerprint"):
            raise InvalidSnapshotFile(source, "its content does not match the fingerprint in it")
        return snapshot


def without_informational_properties(properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return an object's properties without the informational ones."""
    if INFORMATIONAL_PROPERTIES.isdisjoint(properties):
        return properties
    return {name: value for name, value in properties.items() if name not in INFORMATIONAL_PROPERTIES}


def select_object(snapshot: Snapshot, kind: str, name: str) -> Snapshot:
    """Return a snapshot with one whole object and its parts only."""
    return Snapshot(
        {
            key: properties
            for key, properties in snapshot.objects.items()
            if key == (kind, name) or parent_object(*key, properties) == name
        }
    )


def remove_objects(snapshot: Snapshot, keys: Set[Key]) -> Snapshot:
    """Return a snapshot without some whole objects and their parts."""
    names = {name for _, name in keys}
    return Snapshot(
        {
            key: properties
            for key, properties in snapshot.objects.items()
            if key not in keys and parent_object(*key, properties) not in names
        },
        snapshot.readable_properties,
    )


def _from_document(cls: type[Snapshot], document: Json, source: str) -> Snapshot:
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
        raise InvalidSnapshotFile(source, f"it does not have the expected structure ({error})") from None
