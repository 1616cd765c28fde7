"""A consistent read of the catalog, whatever the session's settings are."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

# What shows in deparsed text, and what would make reading slow. Manual, "Client Connection Defaults" and
# "Version and Platform Compatibility".
_SETTINGS = {
    "search_path": "",
    "quote_all_identifiers": "off",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "array_nulls": "on",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}

LOCK_TIMEOUT = "10s"
"""Deparsing an expression locks its table, so a reader would wait as long as somebody holds that exclusively."""
_LIMIT = (
    "set_config('lock_timeout', coalesce(nullif(current_setting('lock_timeout'), '0'), "
    f"'{LOCK_TIMEOUT}'), true)"
)
_SET = f"SELECT {_LIMIT}, " + ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items()
)


def set_plain_settings(connection: psycopg.Connection) -> None:
    """Set, until the present transaction ends, what keeps settings out of deparsed text."""
    connection.execute(_SET)


@contextmanager
def bounded(connection: psycopg.Connection) -> Iterator[None]:
    """Read for a while, and wait for no lock longer than the session's own ``lock_timeout``, or LOCK_TIMEOUT.

    In a transaction of the caller's, that one's bounds hold.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
        return
    with connection.transaction():
        connection.execute(f"SELECT {_LIMIT}")
        yield


@contextmanager
def consistent_read(connection: psycopg.Connection) -> Iterator[None]:
    """Hold one ``REPEATABLE READ READ ONLY`` transaction in which settings do not show in text.

    If the connection is in a transaction already, the reads are part of that one, and its settings are as
    before when the block ends. Manual, "Transaction Isolation". No lock is waited for longer than the session's
    own ``lock_timeout``, or LOCK_TIMEOUT where it has none.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        with connection.transaction(force_rollback=True):
            connection.execute(_SET)
            yield
        return
    before = connection.isolation_level, connection.read_only, connection.deferrable
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.deferrable = None
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_SET)
            yield
    finally:
        if not connection.closed:
            connection.isolation_level, connection.read_only, connection.deferrable = before
