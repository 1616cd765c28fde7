"""Databases that live for a moment, for replays, and the server to make them on."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.server import embedded
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.sandbox.server import Server

PREFIX = "wish_scratch_"


@contextmanager
def scratch_database(admin_url: str) -> Iterator[str]:
    """Yield the address of a fresh, empty database, and drop it with all its sessions afterwards.

    ``admin_url``: any database of a server from 14 on, as a role that may create databases. A session holds
    an advisory lock from before the database is there until after it is gone, so that what a killed process
    left is told from what is in use: the next call drops it. Raises ``psycopg.Error``.
    """
    name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(6)}"
    with server_admin.connect(admin_url) as keeper:
        keeper.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [_lock_key(name)])
        _sweep(keeper)
        server_admin.create_database(keeper, name, owner=None)
        try:
            yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
        finally:
            _drop(keeper, admin_url, name)


@contextmanager
def scratch_server(server: Server | None = None) -> Iterator[str]:
    """Yield the superuser's address of a server for replays: this project's sandbox, or the one given.

    It is started if it is down, and then stopped again by the last of those that use it.
    """
    server = server or embedded()
    with server.keep_running():
        yield server.url("postgres", ADMIN)


def _drop(keeper: psycopg.Connection[tuple[object, ...]], admin_url: str, name: str) -> None:
    """Drop a database, over a new session if the keeper's was cut; what fails is left to the next sweep."""
    try:
        server_admin.drop_database(keeper, name)
    except psycopg.Error:
        with suppress(psycopg.Error), server_admin.connect(admin_url) as another:
            server_admin.drop_database(another, name)


def _sweep(keeper: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop the scratch databases of killed processes that are our role's to drop.

    The databases are listed first, the locks read afterwards: a database in that list whose lock is then not
    held has lost its owner, since the owner takes the lock first and gives it up last.
    """
    names = [
        str(row[0])
        for row in keeper.execute(
            "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, %s)"
            " AND pg_catalog.pg_has_role(datdba, 'USAGE')",
            [PREFIX],
        )
    ]
    held = {
        row[0]
        for row in keeper.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_catalog.pg_locks"
            " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
        )
    }
    for name in names:
        if _lock_key(name) not in held:
            with suppress(psycopg.Error):  # another process sweeps the same
                server_admin.drop_database(keeper, name)


def _lock_key(name: str) -> int:
    """Give the 64-bit key of a database's lock; pg_locks shows it as two halves."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
