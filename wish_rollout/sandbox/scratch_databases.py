"""Scratch databases for replays, and the server on which they are created."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.server import embedded
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.sandbox.server import Server

Session = psycopg.Connection[tuple[object, ...]]
PREFIX = "wish_scratch_"


@contextmanager
def scratch_database(
    admin_url: str, surroundings: Callable[[Session], AbstractContextManager[None]] = lambda _: nullcontext()
) -> Iterator[str]:
    """Create an empty database, yield its URL, and drop it with all its sessions afterwards.

    ``admin_url``: any database of a server of version 14 or later, as a role with CREATEDB. A session holds an
    advisory lock from before CREATE DATABASE until after DROP DATABASE. A scratch database without that lock was
    left by a killed process; the next call drops it. ``surroundings`` is entered before the database is created, and
    left after it is dropped. Raise ``psycopg.Error``.
    """
    name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(6)}"
    with server_admin.connect(admin_url) as lock_session:
        lock_session.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [_lock_key(name)])
        _sweep(lock_session)
        with surroundings(lock_session):
            server_admin.create_database(lock_session, name, owner=None)
            try:
                server_admin.commit_without_waiting(lock_session, name)
                yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
            finally:
                _drop(lock_session, admin_url, name)


@contextmanager
def scratch_server(server: Server | None = None) -> Iterator[str]:
    """Yield the superuser's URL of a running server for replays: the sandbox of this project, or ``server``.

    A server that is down is started, and stopped again by the last process that uses it.
    """
    server = server or embedded()
    with server.keep_running():
        yield server.url("postgres", ADMIN)


def _drop(lock_session: psycopg.Connection[tuple[object, ...]], admin_url: str, name: str) -> None:
    """Drop a database, over a new session if the first one was terminated. The next sweep retries a failure."""
    try:
        server_admin.drop_database(lock_session, name)
    except psycopg.Error:
        with suppress(psycopg.Error), server_admin.connect(admin_url) as another:
            server_admin.drop_database(another, name)


def _sweep(lock_session: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop the scratch databases of killed processes, if the current role may drop them.

    The databases are listed before the locks are read. A process takes its lock before CREATE DATABASE and
    releases it after DROP DATABASE, so a listed database whose lock is not held has no process.
    """
    names = [
        str(row[0])
        for row in lock_session.execute(
            "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, %s)"
            " AND pg_catalog.pg_has_role(datdba, 'USAGE')",
            [PREFIX],
        )
    ]
    held = {
        row[0]
        for row in lock_session.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_catalog.pg_locks"
            " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
        )
    }
    for name in names:
        if _lock_key(name) not in held:
            with suppress(psycopg.Error):  # another process may drop it at the same time
                server_admin.drop_database(lock_session, name)


def _lock_key(name: str) -> int:
    """Return the 64-bit key of the advisory lock of a database; pg_locks shows it as two 32-bit numbers."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
