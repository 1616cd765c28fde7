"""What was done to a database, as a chain of records of which none can be changed without breaking it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.ledger import LedgerChainBroken
from wish_rollout.core.plan.plan import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Act:
    """One act. ``who`` asked for it, in the Dagster run ``run``; ``nonce`` is the approval that it used up.

    ``before`` and ``after`` are fingerprints, the latter of what must come of it; a verification behind it
    says whether it did. ``detail`` holds JSON values only.
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
class Entry:
    """A row of the ledger: its number from 1, the server's time, the act, and the hashes that chain it."""

    seq: int
    at: str
    act: Act
    previous: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            "seq": self.seq,
            "at": self.at,
            **asdict(self.act),
            "previous": self.previous,
            "hash": self.hash,
        }


def hash_of(seq: int, at: str, act: Act, previous: str) -> str:
    """Hash a row over everything in it and the hash of the row before, empty for the first."""
    return digest_of([FORMAT, seq, at, asdict(act), previous])


def chain(act: Act, at: str, last: tuple[int, str] | None) -> Entry:
    """Make the row that follows on the last one (its number and hash)."""
    seq, previous = (last[0] + 1, last[1]) if last else (1, "")
    return Entry(seq, at, act, previous, hash_of(seq, at, act, previous))


def verify(environment: str, entries: Sequence[Entry]) -> None:
    """Raise LedgerBroken at the first row that does not follow on the one before, or was changed.

    Rows taken off the end leave no gap here: compare the last hash with one that was kept elsewhere.
    """
    last: tuple[int, str] | None = None
    for entry in entries:
        expected = chain(entry.act, entry.at, last)
        if entry.seq != expected.seq:
            raise LedgerChainBroken(environment, entry.seq, f"its number should be {expected.seq}")
        if entry.previous != expected.previous:
            raise LedgerChainBroken(environment, entry.seq, "it does not follow on the row before it")
        if entry.hash != expected.hash:
            raise LedgerChainBroken(environment, entry.seq, "its values are not those that were hashed")
        last = (entry.seq, entry.hash)
