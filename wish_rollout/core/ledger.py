"""Values of the ledger: a hash chain of records, in which a changed or removed row is detected."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.gate.ledger import LedgerChainBroken, LedgerRowsMissing
from wish_rollout.core.plan.canonical_digest import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMAT = 1
VERSION_TABLE = "version_table"
"""The name, in a row's detail, of the version table of the project whose act it records."""
HEAD = re.compile(r"(\d{1,18}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Act:
    """A change of a database.

    ``act``: the kind of change. ``who``: the requester. ``run``: the Dagster run. ``before``, ``after``: the
    fingerprint before the change, and the fingerprint that the change must produce; a later verification
    records whether it did. ``nonce``: the request whose approval was used. ``detail``: JSON values only.
    """

    act: str
    who: str
    run: str
    release: str
    plan: str
    start: str
    end: str
    before: str
    after: str
    milliseconds: int
    nonce: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A row of the ledger.

    ``seq``: its number, from 1. ``at``: the server's time. ``previous``: the hash of the row before it.
    """

    seq: int
    at: str
    act: Act
    previous: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return {
            "seq": self.seq,
            "at": self.at,
            **asdict(self.act),
            "previous": self.previous,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The last row of a ledger: its number and its hash. The number 0 is an empty ledger."""

    seq: int = 0
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}" if self.seq else "empty"

    @classmethod
    def from_text(cls, text: str) -> LedgerHead:
        """Return the head with this text; raise ValueError for any other text."""
        if text == "empty":
            return cls()
        found = HEAD.fullmatch(text)
        if not found or found[1].startswith("0"):
            raise ValueError(f"its ledger row is not 'number hash' or 'empty': {text[:80]!r}")
        return cls(int(found[1]), found[2])


EMPTY_LEDGER = LedgerHead()


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What is known of a ledger from outside of it: rows that it must contain, and uses of approvals.

    ``heads``: rows, each with where it is known from, as a clause ("is in …"). ``used``: nonce → its use, as text.
    """

    heads: tuple[tuple[LedgerHead, str], ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)


NOTHING_KNOWN = KnownRows()


def rows_of(entries: Iterable[LedgerEntry], version_table: str) -> list[LedgerEntry]:
    """Return the rows of one project: those that name its version table, or none. Several projects may share a ledger."""
    return [entry for entry in entries if entry.act.detail.get(VERSION_TABLE, version_table) == version_table]


def last_head(entries: Sequence[LedgerEntry]) -> LedgerHead:
    """Return the last row of a ledger."""
    return LedgerHead(entries[-1].seq, entries[-1].hash) if entries else LedgerHead()


def refuse_missing_rows(
    environment: str, entries: Sequence[LedgerEntry], heads: Iterable[tuple[LedgerHead, str]]
) -> None:
    """Raise LedgerRowsMissing if a row that is known from elsewhere is not in the ledger."""
    hashes = {entry.seq: entry.hash for entry in entries}
    for head, source in heads:
        if head.seq and hashes.get(head.seq) != head.hash:
            raise LedgerRowsMissing(environment, head.seq, head.hash, source)


def entry_hash(seq: int, at: str, act: Act, previous: str) -> str:
    """Return the hash of a row: over its values and the hash of the row before it ("" for the first row)."""
    return canonical_digest([FORMAT, seq, at, asdict(act), previous])


def next_entry(act: Act, at: str, last: tuple[int, str] | None) -> LedgerEntry:
    """Return the row that follows the last row, given by its number and hash; None for an empty ledger."""
    seq, previous = (last[0] + 1, last[1]) if last else (1, "")
    return LedgerEntry(seq, at, act, previous, entry_hash(seq, at, act, previous))


def verify_chain(environment: str, entries: Sequence[LedgerEntry]) -> None:
    """Raise LedgerChainBroken at the first row that was changed or does not follow the row before it.

    Rows that were removed from the end are not detected here: compare the last hash with a stored copy.
    """
    last: tuple[int, str] | None = None
    for entry in entries:
        expected = next_entry(entry.act, entry.at, last)
        if entry.seq != expected.seq:
            raise LedgerChainBroken(environment, entry.seq, f"its number should be {expected.seq}")
        if entry.previous != expected.previous:
            raise LedgerChainBroken(environment, entry.seq, "it does not follow the row before it")
        if entry.hash != expected.hash:
            raise LedgerChainBroken(environment, entry.seq, "its values do not match its hash")
        last = (entry.seq, entry.hash)
