"""Transactions for reading the system catalogs that do not depend on the session's settings."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

# Settings that affect deparsed text, and settings that would slow reading down. Manual, "Client Connection Defaults"
# and "Version and Platform Compatibility".
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
"""Deparsing an expression locks its table, so reading would otherwise wait as long as another session locks it."""
_SET_LOCK_TIMEOUT = (
    "set_config('lock_timeout', coalesce(nullif(current_setting('lock_timeout'), '0'), "
    f"'{LOCK_TIMEOUT}'), true)"
)
PLAIN_SETTINGS = f"{_SET_LOCK_TIMEOUT}, " + ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items()
)
"""The columns of a SELECT that keeps settings out of deparsed text, until the present transaction ends."""
_SET_ALL = f"SELECT {PLAIN_SETTINGS}, set_config('join_collapse_limit', '1', true)"
"""Joins are executed in the order in which they are written: to plan the catalog queries takes longer than to execute them."""


@contextmanager
def lock_timeout_transaction(connection: psycopg.Connection) -> Iterator[None]:
    """Run a transaction that waits for locks no longer than ``lock_timeout``, or LOCK_TIMEOUT if that is 0.

    Operators and functions are those of pg_catalog, whatever ``search_path`` the role has. Inside a transaction of the
    caller, nothing is changed.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
        return
    with connection.transaction():
        connection.execute(f"SELECT {_SET_LOCK_TIMEOUT}, set_config('search_path', '', true)")
        yield


@contextmanager
def consistent_read_transaction(connection: psycopg.Connection) -> Iterator[None]:
    """Run a ``REPEATABLE READ READ ONLY`` transaction in which the session's settings do not affect deparsed text.

    If the session is in a transaction already, the statements become a part of it, and its settings are restored
    at the end of the block (manual, "Transaction Isolation"). Statements wait for locks no longer than the
    session's ``lock_timeout``, or LOCK_TIMEOUT if that is 0.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        with connection.transaction(force_rollback=True):
            connection.execute(_SET_ALL)
            yield
        return
    before = connection.isolation_level, connection.read_only, connection.deferrable
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.deferrable = None
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_SET_ALL)
            yield
    finally:
        if not connection.closed:
            connection.isolation_level, connection.read_only, connection.deferrable = before
