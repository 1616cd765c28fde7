"""Measurements of statements: what each statement of a revision locked, scanned and rewrote on a scratch server.

A scratch server is empty, but the locks are those of a full table: PostgreSQL chooses the mode by the statement
(manual, 13.3.1 Table-Level Locks). ``LockSequence`` answers, while a release runs, which locks come next.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from wish_rollout.core.release.table_locks import LockMode, TableLock, merge_locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Way = Literal["upgrade", "downgrade"]


@dataclass(frozen=True, slots=True, order=True)
class TableWrites:
    """What a statement does to the rows of a table that has ``rows`` example rows.

    ``updated``, ``deleted`` and ``inserted``: the numbers of rows.
    """

    table: str
    rows: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class StatementMeasurement:
    """What one statement did.

    ``digest``: of its text with the parameters filled in, see ``statement_digest``. ``outside``: it ran outside of
    the revision's transaction. ``locks``: the locks that it took and that no earlier statement of its transaction
    held; None if they could not be measured, because it cannot run in a transaction block. ``scans``: tables and
    indexes that it read from the beginning to the end, ``rewrites``: tables and indexes that it rewrote, each as
    ``schema.name``; relations that its own transaction created are in neither. ``other_locks``: the
    locks of relations that LOCK TABLE does not take, such as indexes and sequences. ``writes``: what it does to tables
    that have rows; empty if it writes no table, or if that could not be measured. ``line``: of the script, or 0.
    ``does``: statements that do the same to tables and columns, for a text that does not show it, as that of DO.
    """

    digest: str
    outside: bool
    locks: tuple[TableLock, ...] | None = ()
    scans: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = ()
    other_locks: tuple[TableLock, ...] = ()
    writes: tuple[TableWrites, ...] = ()
    line: int = 0
    does: tuple[str, ...] = ()

    @property
    def blocks_queries(self) -> bool:
        """Whether it takes a lock that blocks queries of other sessions."""
        return any(lock.mode.blocks_queries for lock in self.locks or ())

    def as_json(self) -> dict[str, Any]:
        """Return JSON values; lock modes are written as LOCK TABLE spells them."""
        values = {
            "digest": self.digest,
            "outside": self.outside,
            "locks": None if self.locks is None else [_lock_as_json(lock) for lock in self.locks],
            "scans": self.scans,
            "rewrites": self.rewrites,
            "other_locks": [_lock_as_json(lock) for lock in self.other_locks],
            "writes": [asdict(each) for each in self.writes],
            "line": self.line,
        }
        return {**values, "does": self.does} if self.does else values

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the measurement that ``as_json`` wrote. Raises KeyError, TypeError, ValueError."""
        locks = value["locks"]
        read = None if locks is None else tuple(_lock_from_json(lock) for lock in locks)
        lists = {name: tuple(map(str, value[name])) for name in ("scans", "rewrites")}
        return cls(
            digest=str(value["digest"]),
            outside=bool(value["outside"]),
            locks=read,
            other_locks=tuple(_lock_from_json(lock) for lock in value["other_locks"]),
            writes=tuple(TableWrites(**each) for each in value["writes"]),
            line=int(value["line"]),
            does=tuple(map(str, value.get("does", ()))),
            **lists,
        )


def _lock_as_json(lock: TableLock) -> dict[str, Any]:
    mode = lock.mode.sql
    return {"schema": lock.schema, "table": lock.table, "mode": mode, "recursive": lock.recursive}


def _lock_from_json(lock: Mapping[str, Any]) -> TableLock:
    mode = LockMode[str(lock["mode"]).replace(" ", "_")]
    return TableLock(str(lock["schema"]), str(lock["table"]), mode, recursive=bool(lock["recursive"]))


def statement_digest(text: str) -> str:
    """Return SHA-256 of a statement's text with its parameters filled in, without spaces around it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RevisionMeasurements:
    """The statements of one revision, in order. Empty where nothing was measured."""

    upgrade: tuple[StatementMeasurement, ...] = ()
    downgrade: tuple[StatementMeasurement, ...] = ()


class LockSequence:
    """The measured statements of the revisions that are about to run, and how far the run has come.

    A script may send other statements than on the scratch server, since it may read rows. Such a statement is not
    found, and the sequence continues with the next statement that is.
    """

    def __init__(self, revisions: Sequence[tuple[str, Sequence[StatementMeasurement]]]) -> None:
        self._order = [name for name, _ in revisions]
        self._statements = {name: list(statements) for name, statements in revisions}
        self._next = dict.fromkeys(self._order, 0)
        self._sent = 0

    @property
    def total(self) -> int:
        """The number of measured statements."""
        return sum(map(len, self._statements.values()))

    @property
    def position(self) -> int:
        """The number of the current statement among all statements."""
        return max(self._sent, sum(self._next.values()))

    @property
    def needs_watchdog(self) -> bool:
        """Whether a statement blocks queries, or commits before the release is complete."""
        statements = (each for found in self._statements.values() for each in found)
        return any(each.blocks_queries or each.outside for each in statements)

    def advance(self, revision: str, digest: str) -> StatementMeasurement | None:
        """Return the measurement of the statement that comes next, or None if it was not measured."""
        self._sent += 1
        statements = self._statements.get(revision, [])
        for index in range(self._next.get(revision, 0), len(statements)):
            if statements[index].digest == digest:
                self._next[revision] = index + 1
                return statements[index]
        return None

    def locks_to_take(self, revision: str, *, until_end: bool) -> list[TableLock]:
        """Return the locks of the current statement and of all that follow it in its transaction.

        The current statement is the last one that ``advance`` found. ``until_end``: the revisions that follow run in
        the same transaction. The strongest lock is the first.
        """
        found: list[TableLock] = []
        for statement in self._remaining(revision, until_end):
            if statement.outside:
                break
            found += statement.locks or ()
        return merge_locks(found)

    def _remaining(self, revision: str, until_end: bool) -> Iterable[StatementMeasurement]:
        place = self._order.index(revision)
        yield from self._statements[revision][max(self._next[revision] - 1, 0) :]
        for name in self._order[place + 1 :] if until_end else ():
            yield from self._statements[name]
