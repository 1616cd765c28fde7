"""``meta/``: what each revision was recorded to lead to. ``generate`` writes it; nobody edits it by hand.

``_journal.json`` has a line for each revision. ``<revision>_delta.json`` holds what the revision changes (see
``revision_record``). ``base_snapshot.json`` is the schema that the first recorded revision starts from, and
``<revision>_snapshot.json`` a whole schema now and then, so that no more has to be read than twice the schema.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.errors.releases import InvalidReleaseRecord, ScriptEdited
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.file_replacement import replace_file
from wish_rollout.revisions.records.meta_entries import Entry, build_entry, read_journal, read_text, sha256_of
from wish_rollout.revisions.records.recorded_schemas import Recorded, whole_schemas
from wish_rollout.revisions.records.revision_record import FORMAT, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wish_rollout.core.release.release import Position, Release, Revision

BASE = "base"
JOURNAL = "_journal.json"


@lru_cache(maxsize=4)
def _parse_journal(text: str, path: str) -> Mapping[str, Any]:
    """Return what a journal says, which a command needs several times; raise InvalidReleaseRecord."""
    try:
        content = json.loads(text)
        if content["format"] == 1:
            raise InvalidReleaseRecord(path, "its format is 1, of an earlier version of this tool")
        if content["format"] != FORMAT:
            raise InvalidReleaseRecord(path, f"its format is {content['format']}, this tool reads {FORMAT}")
        return read_journal(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidReleaseRecord(path, f"{type(error).__name__}: {error}") from None


class MetaFolder:
    """The folder ``meta/`` of a script folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        self._parsed: dict[str, Record] = {}  # by the SHA-256 of the file

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        if not self.path.exists():
            return {"postgres": 0, "base": (), "accepted": (), "entries": []}
        return _parse_journal(read_text(self.path), str(self.path))

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by revision; empty where there is no journal; raise InvalidReleaseRecord."""
        return {entry.revision: entry for entry in self._content["entries"]}

    @property
    def is_recorded(self) -> bool:
        """Whether revisions are recorded, or the position that the next ones start from."""
        return bool(self.entries or self.base)

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
        text = read_text(path)
        if sha256_of(text) != entry.record_sha256:
            raise InvalidReleaseRecord(str(path), "its SHA-256 is not the one in the journal")
        if entry.record_sha256 not in self._parsed:
            self._parsed[entry.record_sha256] = Record.from_json(text, str(path))
        return self._parsed[entry.record_sha256]

    def snapshot(self, name: str) -> Snapshot | None:
        """Return a schema that was recorded whole: of a revision or of ``base``. Raise InvalidReleaseRecord."""
        path = self.folder / f"{name}_snapshot.json"
        if not path.exists():
            return None
        try:
            return Snapshot.from_json(read_text(path))
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
            build_entry(each, hashes[each.id], self._previous(each))
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
            known = self.accepted if self.is_recorded else release.head
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
        while name and name not in self.base and not (self.folder / f"{name}_snapshot.json").exists():
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
        return sha256_of(text)
