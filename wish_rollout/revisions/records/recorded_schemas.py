"""The schemas that a walk through the scripts recorded, and which of them are written whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.revision_record import Changes, Record, apply_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Json, Key


Objects = dict["Key", "Mapping[str, Json]"]


LEAST = 1 << 16
"""A whole schema is written after at least so many bytes of changes."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a walk through the scripts found.

    ``base``: the position that it started from, and ``start`` the schema there. ``postgres``: the major version of
    the server.
    """

    base: Position
    start: Snapshot
    records: Mapping[str, Record]
    postgres: int

    def end(self, position: Position) -> Snapshot:
        """Return the schema at a position of one revision, or where the walk began."""
        if not position or position == self.base:
            return self.start
        waiting: list[Changes] = []
        name = position[0]
        while name in self.records:
            record = self.records[name]
            waiting += [record.changes, record.merged]
            name = record.parent
        objects = dict(self.start.objects)
        for changes in reversed(waiting):
            apply_changes(objects, changes)
        return Snapshot(objects, self.start.readable_properties)


def whole_schemas(
    recorded: Recorded, texts: Mapping[str, str], unread: int = 0
) -> Iterator[tuple[str, Snapshot]]:
    """Yield the schemas that are written whole: where the changes since the last one are larger than the schema.

    ``texts``: those of the records. ``unread``: bytes of changes before the first record.
    """
    first = next(iter(recorded.records.values()), None)
    walk = SchemaWalk(recorded.start, recorded.records, first.parent if first else "")
    sizes = {walk.root: unread}
    for name, record in recorded.records.items():
        objects = walk.after(record)
        sizes[name] = sizes.get(record.parent, 0) + len(texts[name])
        if sizes[name] > max(LEAST, walk.size):
            sizes[name] = 0
            yield name, Snapshot(dict(objects), recorded.start.readable_properties)


class SchemaWalk:
    """The objects after each record; a schema is kept only until its last child has been given.

    ``root``: the revision whose schema ``start`` is; empty for base.
    """

    def __init__(self, start: Snapshot, records: Mapping[str, Record], root: str) -> None:
        self.root = root
        self.children = Counter(record.parent for record in records.values())
        self.tips: dict[str, tuple[Objects, int]] = {root: (dict(start.objects), _size(start.objects))}
        self.size = 0

    def before(self, record: Record) -> Objects:
        """Return the objects before a record, whose parent was given before; valid until ``after``."""
        return self.tips[record.parent][0]

    def after(self, record: Record) -> Objects:
        """Return the objects after a record, whose parent was given before; valid until the next call."""
        objects, self.size = self.tips[record.parent]
        self.children[record.parent] -= 1
        if self.children[record.parent]:
            objects = dict(objects)
        else:
            del self.tips[record.parent]
        for changes in (record.merged, record.changes):
            self.size += _size(changes) - _size({key: objects.get(key) for key in changes})
            apply_changes(objects, changes)
        if self.children[record.revision]:
            self.tips[record.revision] = objects, self.size
        return objects


def _size(objects: Mapping[Key, Json]) -> int:
    """Return about how many bytes objects take in a file."""
    return sum(len(repr(value)) + len(name) for (_, name), value in objects.items() if value is not None)
