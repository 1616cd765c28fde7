"""The platform on a scratch database: its roles, and its SQL."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from wish_rollout.core.environment.platform import missing_extension
from wish_rollout.core.errors.projects import DatabaseRoleFailed, ExtensionUnavailable, PlatformFailed
from wish_rollout.sandbox import server_admin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.environment.platform import Platform

    Session = psycopg.Connection[tuple[object, ...]]

MARK = "created by wish-rollout for scratch databases; it is dropped when none is in use"
MARKED = """
SELECT r.rolname FROM pg_catalog.pg_roles r
JOIN pg_catalog.pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::regclass
WHERE d.description = %s
"""
RIGHTS = """
SELECT rolsuper OR rolcreatedb, rolsuper OR rolcreaterole, pg_catalog.current_setting('server_version'),
       ARRAY(SELECT name::text FROM pg_catalog.pg_available_extensions),
       ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles)
FROM pg_catalog.pg_roles WHERE rolname = current_user
"""


@contextmanager
def roles_for_scratch(session: Session, roles: Iterable[str]) -> Iterator[None]:
    """Have roles on the server meanwhile. A missing one is created without LOGIN, and dropped when no one uses it.

    All users of a role hold a shared advisory lock of its name; who gets it exclusively drops the role, those of killed
    processes too. Raises DatabaseRoleFailed.
    """
    roles = tuple(roles)
    if not roles:
        yield
        return
    keys = [_lock_key(role) for role in roles]
    for key in sorted(keys):
        session.execute("SELECT pg_catalog.pg_advisory_lock_shared(%s)", [key])
    try:
        for role in roles:
            _create_missing(session, role)
        yield
    finally:
        with suppress(psycopg.Error):
            for key in keys:
                session.execute("SELECT pg_catalog.pg_advisory_unlock_shared(%s)", [key])
            _drop_unused(session)


def _create_missing(session: Session, role: str) -> None:
    if session.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [role]).fetchone():
        return
    name = sql.Identifier(role)
    try:
        with session.transaction():
            session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
            session.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, MARK))
            row = session.execute(
                "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
            ).fetchone()
            if row and not row[0]:  # so that it may act as the role, and make it an owner
                session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    except (errors.DuplicateObject, errors.UniqueViolation):
        return  # another process has created it
    except psycopg.Error as error:
        raise DatabaseRoleFailed(role, (error.diag.message_primary or str(error)).strip()) from None


def _drop_unused(session: Session) -> None:
    for (name,) in session.execute(MARKED, [MARK]).fetchall():
        role = str(name)
        row = session.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", [_lock_key(role)]).fetchone()
        if row and row[0]:
            try:
                with suppress(psycopg.Error):  # somebody has given it an object outside of a scratch database
                    session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
            finally:
                session.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", [_lock_key(role)])


def _lock_key(role: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{MARK}: {role}".encode()).digest()[:8], "big", signed=True)


def run_platform(url: str, platform: Platform, path: str, server: str) -> None:
    """Execute the platform's statements in a scratch database, in one transaction.

    Raises PlatformFailed, and ExtensionUnavailable, which names ``server``.
    """
    if not platform.statements:
        return
    with server_admin.connect(url) as session:
        for statement in platform.statements:
            try:
                session.execute(statement.encode())
            except psycopg.Error as error:
                message = (error.diag.message_primary or str(error)).strip()
                if extension := missing_extension(message):
                    raise ExtensionUnavailable(extension, server) from None
                first = " ".join(statement.split())[:80]
                raise PlatformFailed(path, f"{message} (in: {first})") from None


@dataclass(frozen=True)
class ServerRights:
    """What a server offers to a role, for scratch databases."""

    may_create_databases: bool
    may_create_roles: bool
    version: str
    extensions: frozenset[str]
    roles: frozenset[str]

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])


def read_rights(url: str) -> ServerRights:
    """Read what a server offers to the role of a URL. Raises psycopg's errors."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(RIGHTS).fetchone()
    assert row is not None
    version = str(row[2]).split(" ", maxsplit=1)[0]
    return ServerRights(bool(row[0]), bool(row[1]), version, frozenset(row[3]), frozenset(row[4]))
