"""The entries of the journal: one line for each recorded revision."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout import __version__
from wish_rollout.core.errors.releases import InvalidReleaseRecord

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.release.release import Revision


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. ``record_sha256``: of the file of its record."""

    revision: str
    parents: tuple[str, ...]
    script_sha256: str
    digest: str
    record_sha256: str
    tool_version: str


def read_journal(content: Any) -> dict[str, Any]:
    """Return what a journal says: PostgreSQL's major version, positions and entries.

    Raises ValueError, TypeError, KeyError or AttributeError if it is none.
    """
    positions = {name: _names(content[name]) for name in ("base", "accepted")}
    return {
        "postgres": int(content["postgres"]),
        **positions,
        "entries": list(map(_read_entry, content["entries"])),
    }


def _read_entry(row: dict[str, Any]) -> Entry:
    _names([value for name, value in row.items() if name != "parents"])
    return Entry(**{**row, "parents": _names(row["parents"])})


def _names(value: Any) -> tuple[str, ...]:
    """Return a list of texts as a tuple; raise TypeError if it is none."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{value!r} is not a list of texts")
    return tuple(value)


def build_entry(revision: Revision, record_sha256: str, previous: Entry | None) -> dict[str, Any]:
    """Return a revision's entry; an entry that is the same as before keeps the version of the tool that wrote it."""
    same = previous and (previous.digest, previous.record_sha256) == (revision.digest, record_sha256)
    return {
        "revision": revision.id,
        "parents": revision.parents,
        "script_sha256": revision.script_sha256,
        "digest": revision.digest,
        "record_sha256": record_sha256,
        "tool_version": previous.tool_version if previous and same else __version__,
    }


def read_text(path: Path) -> str:
    """Return the text of a file in ``meta/``; raise InvalidReleaseRecord."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidReleaseRecord(str(path), f"{type(error).__name__}: {error}") from None


def sha256_of(text: str) -> str:
    """Return SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
