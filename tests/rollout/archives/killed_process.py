"""A forked process that kills itself before a statement."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable


def every(_statement: str) -> bool:
    """Count every statement."""
    return True


def statements_until_end(
    act: Callable[[], Any], kill_before: int = 0, counts: Callable[[str], bool] = every
) -> int:
    """Run an act in a forked process that may kill itself before a statement; return its statements, 0 if it was killed.

    ``counts``: whether a statement is one of those that are counted.
    """
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        sent = 0
        execute = psycopg.Cursor.execute

        def counted(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal sent
            sent += counts(query.decode() if isinstance(query, bytes) else str(query))
            if sent == kill_before > 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(cursor, query, *arguments, **options)

        try:
            psycopg.Cursor.execute = counted  # type: ignore[method-assign, assignment]
            act()
            os.write(writer, f"{sent}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return int(text or 0)
