"""Table locks: the modes, which of them conflict, and the locks of several statements together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    Way = Literal["upgrade", "downgrade"]


CONFLICTS = "8", "78", "5678", "45678", "34678", "345678", "2345678", "12345678"
"""The numbers of the conflicting modes, for each mode from the weakest."""


class LockMode(IntEnum):
    """The modes of table locks, from the weakest (manual, 13.3.1); the numbers are those of the server's source."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @classmethod
    @cache
    def from_pg_locks(cls, mode: str) -> LockMode:
        """Return the mode of a text in ``pg_locks.mode``, such as ``AccessExclusiveLock``."""
        return next(each for each in cls if each.pg_locks_name == mode)

    @property
    def sql(self) -> str:
        """The mode as LOCK TABLE spells it."""
        return self.name.replace("_", " ")

    @property
    def pg_locks_name(self) -> str:
        """The mode as ``pg_locks.mode`` spells it, such as ``AccessExclusiveLock``."""
        return self.sql.title().replace(" ", "") + "Lock"

    @property
    def conflicting(self) -> tuple[LockMode, ...]:
        """The modes in which no other session can hold a lock at the same time (manual, table 13.2)."""
        return tuple(LockMode(int(digit)) for digit in CONFLICTS[self - 1])

    @property
    def blocks_queries(self) -> bool:
        """Whether a session that holds this lock, or waits for it, blocks queries that read or write rows."""
        return self >= LockMode.SHARE


@dataclass(frozen=True, slots=True, order=True)
class TableLock:
    """A lock of a table that existed before the transaction.

    ``recursive``: its partitions and child tables are locked in the same mode, or it had none on the scratch server.
    """

    schema: str
    table: str
    mode: LockMode
    recursive: bool = True

    def __str__(self) -> str:
        return f"{self.schema}.{self.table} ({self.mode.sql})"


def merge_locks(locks: Iterable[TableLock]) -> list[TableLock]:
    """Return each lock once, the strongest first, without those that a stronger lock of the same table includes.

    SHARE includes neither ROW EXCLUSIVE nor SHARE UPDATE EXCLUSIVE (manual, table 13.2); each stronger mode conflicts
    with all that a weaker one conflicts with.
    """
    modes: dict[tuple[str, str, bool], set[LockMode]] = {}
    for lock in locks:
        modes.setdefault((lock.schema, lock.table, lock.recursive), set()).add(lock.mode)
    found = [
        TableLock(schema, table, mode, recursive=recursive)
        for (schema, table, recursive), held in modes.items()
        for mode in held
        if mode == max(held) or max(held) == LockMode.SHARE
    ]
    return sorted(found, key=lambda lock: (-lock.mode, lock.schema, lock.table, lock.recursive))
