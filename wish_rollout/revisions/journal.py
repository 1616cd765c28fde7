"""``meta/``: what each revision was recorded to lead to, written by ``generate`` and never by hand.

``_journal.json`` holds an entry a revision: index, revision, parent digests, script SHA-256, digest,
fingerprint, tool version. Beside it lie ``<revision>_snapshot.json`` and ``<revision>_statements.json``
(what upgrade and downgrade send to the server), and ``base_snapshot.json``, an empty database.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wish_rollout import __version__
from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.errors.releases import InvalidReleaseRecord, ScriptEdited
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wish_rollout.core.release.release import Release, Revision

FORMAT = 1
BASE = "base"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    index: int
    revision: str
    parent_digests: tuple[str, ...]
    script_sha256: str
    digest: str
    fingerprint: str
    tool_version: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one revision leads to, and what it sends to the server on the way up and down."""

    snapshot: Snapshot
    upgrade: tuple[str, ...] = ()
    downgrade: tuple[str, ...] = ()


class Journal:
    """The folder ``meta/`` of a script folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "_journal.json"

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by revision; empty where there is no journal; raise InvalidReleaseRecord."""
        if not self.path.exists():
            return {}
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise InvalidReleaseRecord(
                    str(self.path), f"its format is {content['format']}, this tool reads {FORMAT}"
                )
            entries = [
                Entry(**{**row, "parent_digests": tuple(row["parent_digests"])}) for row in content["entries"]
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidReleaseRecord(str(self.path), f"{type(error).__name__}: {error}") from None
        return {entry.revision: entry for entry in entries}

    def check(self, release: Release) -> None:
        """Raise ScriptEdited where a recorded revision's script or parents are no longer what they were."""
        for revision in release.revisions:
            entry = self.entries.get(revision.id)
            if entry and entry.script_sha256 != revision.script_sha256:
                raise ScriptEdited(revision.id, revision.path, entry.script_sha256, revision.script_sha256)
            if entry and entry.digest != revision.digest:
                raise ScriptEdited(
                    revision.id, f"{revision.path}, or its parents,", entry.digest, revision.digest
                )

    def recorded(self, revision: str) -> Recorded | None:
        """Give what was recorded of a revision (or of ``base``), None where nothing was; raise InvalidReleaseRecord."""
        path = self.folder / f"{revision}_snapshot.json"
        if revision != BASE and revision not in self.entries:
            return None
        if revision == BASE and not path.exists():
            return None
        try:
            snapshot = Snapshot.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, InvalidSnapshotFile) as error:
            reason = error.reason if isinstance(error, InvalidSnapshotFile) else str(error)
            raise InvalidReleaseRecord(str(path), reason) from None
        if revision != BASE and snapshot.fingerprint != self.entries[revision].fingerprint:
            raise InvalidReleaseRecord(str(path), "its fingerprint is not the one in the journal")
        return Recorded(snapshot, *self._statements(revision))

    def _statements(self, revision: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if revision == BASE:
            return (), ()
        path = self.folder / f"{revision}_statements.json"
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return tuple(content["upgrade"]), tuple(content["downgrade"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidReleaseRecord(str(path), f"{type(error).__name__}: {error}") from None

    def write(self, release: Release, recorded: Mapping[str, Recorded]) -> None:
        """Record every revision anew. The journal goes last: until it is there, the rest counts for nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {"_journal.json"}
        for name, record in recorded.items():
            kept.add(self._write(f"{name}_snapshot.json", record.snapshot.to_json()))
            if name != BASE:
                statements = {"upgrade": record.upgrade, "downgrade": record.downgrade}
                kept.add(self._write(f"{name}_statements.json", _pretty(statements)))
        entries = [
            self._entry(index, revision, release, recorded[revision.id])
            for index, revision in enumerate(release.revisions)
        ]
        self._write(
            "_journal.json", _pretty({"format": FORMAT, "entries": [asdict(entry) for entry in entries]})
        )
        for stale in self.folder.glob("*_s*.json"):
            if stale.name not in kept:
                stale.unlink()
        self.__dict__.pop("entries", None)

    def _entry(self, index: int, revision: Revision, release: Release, record: Recorded) -> Entry:
        previous = self.__dict__.get("entries", {}).get(revision.id)
        fingerprint = record.snapshot.fingerprint
        same = previous and (previous.digest, previous.fingerprint) == (revision.digest, fingerprint)
        return Entry(
            index=index,
            revision=revision.id,
            parent_digests=tuple(release.revision(parent).digest for parent in revision.parents),
            script_sha256=revision.script_sha256,
            digest=revision.digest,
            fingerprint=fingerprint,
            tool_version=previous.tool_version if previous and same else __version__,
        )

    def _write(self, name: str, text: str) -> str:
        """Write beside, then rename: a reader or a kill in between sees the old file or the new one."""
        target = self.folder / name
        beside = self.folder / f".{name}.{os.getpid()}"
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
        return name


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
