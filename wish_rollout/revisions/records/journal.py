"""``meta/``: what each revision was recorded to lead to. ``generate`` writes it; nobody edits it by hand.

``_journal.json`` has a line for each revision. ``<revision>_delta.json`` holds what the revision changes (see
``revision_record``). ``base_snapshot.json`` is the schema that the first recorded revision starts from, and
``<revision>_snapshot.json`` a whole schema now and then, so that no more has to be read than twice the schema.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wish_rollout import __version__
from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.errors.releases import InvalidReleaseRecord, ScriptEdited
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.file_replacement import replace_file
from wish_rollout.revisions.records.revision_record import FORMAT, Changes, Record, apply_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from wish_rollout.core.release.release import Position, Release, Revision
    from wish_rollout.core.schema.snapshot import Json, Key

Objects = dict["Key", "Mapping[str, Json]"]
BASE = "base"
JOURNAL = "_journal.json"
LEAST = 1 << 16
"""A whole schema is written after at least so many bytes of changes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. ``record_sha256``: of the file of its record."""

    revision: str
    parents: tuple[str, ...]
    script_sha256: str
    digest: str
    record_sha256: str
    tool_version: str


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


class Journal:
    """The folder ``meta/`` of a script folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        if not self.path.exists():
            return {"postgres": 0, "base": [], "accepted": [], "entries": []}
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] == 1:
                reason = "its format is 1, of an earlier version of this tool"
                raise InvalidReleaseRecord(str(self.path), reason)
            if content["format"] != FORMAT:
                raise InvalidReleaseRecord(
                    str(self.path), f"its format is {content['format']}, this tool reads {FORMAT}"
                )
            found: dict[str, Any] = {"postgres": int(content["postgres"])}
            found |= {"base": list(content["base"]), "accepted": list(content["accepted"])}
            rows = content["entries"]
            found["entries"] = [Entry(**{**row, "parents": tuple(row["parents"])}) for row in rows]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidReleaseRecord(str(self.path), f"{type(error).__name__}: {error}") from None
        return found

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by revision; empty where there is no journal; raise InvalidReleaseRecord."""
        return {entry.revision: entry for entry in self._content["entries"]}

    @property
    def base(self) -> Position:
        """The position that the first recorded revision starts from."""
        return tuple(self._content["base"])

    @property
    def accepted(self) -> Position:
        """The position up to which downgrades were recorded as they are."""
        return tuple(self._content["accepted"])

    @property
    def postgres(self) -> int:
        """The major version of the server on which this was recorded; 0 where nothing is."""
        return int(self._content["postgres"])

    def check(self, release: Release) -> None:
        """Raise ScriptEdited where a recorded revision's script or parents are no longer what they were."""
        for name, entry in self.entries.items():
            revision = release.by_id.get(name)
            if revision and entry.script_sha256 != revision.script_sha256:
                raise ScriptEdited(revision.id, revision.path, entry.script_sha256, revision.script_sha256)
            if revision and entry.digest != revision.digest:
                raise ScriptEdited(
                    revision.id, f"{revision.path}, or its parents,", entry.digest, revision.digest
                )

    def record(self, revision: str) -> Record | None:
        """Return what was recorded of a revision; None where nothing was. Raise InvalidReleaseRecord."""
        entry = self.entries.get(revision)
        if entry is None:
            return None
        path = self.folder / f"{revision}_delta.json"
        text = _read(path)
        if _sha256(text) != entry.record_sha256:
            raise InvalidReleaseRecord(str(path), "its SHA-256 is not the one in the journal")
        return Record.from_json(text, str(path))

    def snapshot(self, name: str) -> Snapshot | None:
        """Return a schema that was recorded whole: of a revision or of ``base``. Raise InvalidReleaseRecord."""
        path = self.folder / f"{name}_snapshot.json"
        if not path.exists():
            return None
        try:
            return Snapshot.from_json(_read(path))
        except InvalidSnapshotFile as error:
            raise InvalidReleaseRecord(str(path), error.reason) from None

    def recorded(self, start: Snapshot) -> Recorded:
        """Return all that is recorded, as a walk found it; raise InvalidReleaseRecord."""
        records = {name: record for name in self.entries if (record := self.record(name))}
        return Recorded(self.base, start, records, self.postgres)

    def write_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Write a whole schema, of a position with several heads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(f"{name}_snapshot.json", snapshot.to_json())

    def write(self, release: Release, recorded: Recorded, *, keep: bool = False, as_is: bool = False) -> None:
        """Record revisions. The journal goes last: until it is there, the rest counts for nothing.

        ``keep``: what is recorded of other revisions stays, and ``recorded`` starts from one of them. ``as_is``:
        accept downgrades that do not lead back; the first record accepts those that there are.
        """
        accepted = release.head if as_is else self._accepted(release)
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.entries if keep else {}
        base, start = (self.base, None) if keep else (recorded.base, recorded.start)
        if start:
            self._write(f"{BASE}_snapshot.json", start.to_json())
        texts = {name: record.to_json() for name, record in recorded.records.items()}
        hashes = {name: self._write(f"{name}_delta.json", text) for name, text in texts.items()}
        whole = dict(whole_schemas(recorded, texts, self._unread(recorded) if keep else 0))
        for name, snapshot in whole.items():
            self._write(f"{name}_snapshot.json", snapshot.to_json())
        entries = [
            _entry(each, hashes[each.id], self._previous(each))
            if each.id in hashes
            else asdict(before[each.id])
            for each in release.revisions
            if each.id in hashes or each.id in before
        ]
        head = {"format": FORMAT, "postgres": recorded.postgres, "base": base, "accepted": accepted}
        lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
        self._write(JOURNAL, f'{json.dumps(head)[:-1]}, "entries": [\n{lines}\n]}}\n')
        kept = {BASE, *whole, *before}
        self._remove_stale({*hashes, *before}, kept)
        for name in ("_content", "entries"):
            self.__dict__.pop(name, None)

    def _accepted(self, release: Release) -> Position:
        """Return up to where downgrades are accepted as they are."""
        try:
            known = self.accepted if self.entries else release.head
        except InvalidReleaseRecord:  # of an earlier format
            return release.head
        return known if all(name in release.by_id for name in known) else release.head

    def _remove_stale(self, records: Iterable[str], snapshots: Iterable[str]) -> None:
        """Remove the files of revisions that are recorded no more, and those of earlier formats."""
        kept = {*(f"{name}_delta.json" for name in records), *(f"{name}_snapshot.json" for name in snapshots)}
        for path in self.folder.glob("*_*.json"):
            if path.name not in kept and path.stem.endswith(("_delta", "_snapshot", "_statements")):
                path.unlink()

    def _unread(self, recorded: Recorded) -> int:
        """Return how many bytes of changes lie between the last whole schema and where ``recorded`` starts."""
        name, size = next(iter(recorded.records.values())).parent, 0
        while name and not (self.folder / f"{name}_snapshot.json").exists():
            record = self.record(name)
            assert record is not None
            size, name = size + len(record.to_json()), record.parent
        return size

    def _previous(self, revision: Revision) -> Entry | None:
        try:
            return self.entries.get(revision.id)
        except InvalidReleaseRecord:  # it is being written again
            return None

    def _write(self, name: str, text: str) -> str:
        """Write a file and return its SHA-256. A reader or a kill in between sees the old file or the new one."""
        target = self.folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            replace_file(target, text)
        return _sha256(text)


def whole_schemas(
    recorded: Recorded, texts: Mapping[str, str], unread: int = 0
) -> Iterator[tuple[str, Snapshot]]:
    """Give the schemas that are written whole: where the changes since the last one are larger than the schema.

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


def _entry(revision: Revision, record_sha256: str, previous: Entry | None) -> dict[str, Any]:
    same = previous and (previous.digest, previous.record_sha256) == (revision.digest, record_sha256)
    return {
        "revision": revision.id,
        "parents": revision.parents,
        "script_sha256": revision.script_sha256,
        "digest": revision.digest,
        "record_sha256": record_sha256,
        "tool_version": previous.tool_version if previous and same else __version__,
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidReleaseRecord(str(path), f"{type(error).__name__}: {error}") from None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
