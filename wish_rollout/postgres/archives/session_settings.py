"""The settings under which values are written as text, so that text is the same in each session."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.sessions.read_transaction import PLAIN_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

CHANGED = (
    "lock_timeout",
    "search_path",
    "row_security",
    *(
        "quote_all_identifiers",
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "extra_float_digits",
        "bytea_output",
    ),
    *("standard_conforming_strings", "xmloption", "lc_monetary", "lc_numeric", "array_nulls", "jit"),
    "max_parallel_workers_per_gather",
)
READ = "select " + ", ".join(f"current_setting('{name}')" for name in CHANGED)
RESTORE = "select " + ", ".join(f"set_config('{name}', %s, true)" for name in CHANGED)


@contextmanager
def plain_text_settings(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Set, in the current transaction and for the block, how values are written as text; then restore the settings.

    Row security is off: the server then reports an error instead of leaving out the rows that a policy hides.
    """
    before = connection.execute(READ.encode()).fetchone()
    connection.execute(f"SELECT {PLAIN_SETTINGS}".encode())
    connection.execute("set local row_security = off")
    yield
    connection.execute(RESTORE.encode(), before)
