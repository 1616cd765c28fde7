"""The server for scratch databases: which one is used, and why; and a scratch database with the platform on it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.environment.platform import is_missing_in_build, missing_extension, missing_role
from wish_rollout.core.errors.projects import (
    ExtensionUnavailable,
    FeatureUnavailable,
    RoleUndeclared,
    ScratchConnectionLost,
    ScratchServerUnusable,
)
from wish_rollout.core.errors.statements import ScratchRelationMissing, StatementFailed
from wish_rollout.postgres.sessions.connections import execute_statements
from wish_rollout.postgres.sessions.server_errors import as_rollout_error, is_connection_lost
from wish_rollout.rollout.release.base_schema import SCRATCH, base_statements
from wish_rollout.rollout.servers.scratch_choice import choose_scratch_server
from wish_rollout.sandbox.platform_setup import roles_for_scratch, run_platform
from wish_rollout.sandbox.scratch_databases import scratch_database, scratch_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.rollout.release.release_source import ReleaseSource

UNDEFINED_TABLE = "42P01"


@contextmanager
def scratch(project: ReleaseSource) -> Iterator[str]:
    """Yield the URL of a new database with the schema before the first revision; raise as ``empty_scratch``."""
    with empty_scratch(project) as url:
        execute_statements(url, SCRATCH, base_statements(project.scripts.folder))
        yield url


@contextmanager
def empty_scratch(project: ReleaseSource) -> Iterator[str]:
    """Yield the URL of a new database with the platform's objects on the scratch server; drop it afterwards.

    Raises what ``choose_scratch_server`` raises, PlatformFailed, DatabaseRoleFailed, ScratchConnectionLost; and
    ExtensionUnavailable, FeatureUnavailable, ScratchRelationMissing and RoleUndeclared if a script misses something there.
    """
    chosen, platform = choose_scratch_server(project), project.platform
    servers = "; ".join((*chosen.considered, f"{chosen.name}: used"))
    with _lost_connections_as_errors(), ExitStack() as stack:
        url = chosen.url or stack.enter_context(scratch_server(chosen.server))
        created = scratch_database(url, lambda session: roles_for_scratch(session, platform.roles))
        try:
            database = stack.enter_context(created)
        except psycopg.Error as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ScratchServerUnusable(chosen.name, reason) from None
        run_platform(database, platform, str(project.config.release.platform.sql), servers)
        try:
            yield database
        except StatementFailed as error:
            if extension := missing_extension(error.reason):
                raise ExtensionUnavailable(extension, servers) from error
            if error.sqlstate == "0A000" and is_missing_in_build(error.reason):
                raise FeatureUnavailable(error.revision, error.reason, servers) from error
            if error.sqlstate == "42704" and (role := missing_role(error.reason)):
                raise RoleUndeclared(role, error.revision) from error
            if error.sqlstate == UNDEFINED_TABLE and type(error) is StatementFailed:
                raise ScratchRelationMissing(**asdict(error)) from error
            raise


@contextmanager
def _lost_connections_as_errors() -> Iterator[None]:
    """Raise ScratchConnectionLost for a lost connection, and another RolloutError for other operational errors."""
    try:
        yield
    except StatementFailed as error:
        origin = getattr(error.__cause__, "orig", error.__cause__)
        if isinstance(origin, psycopg.OperationalError) and is_connection_lost(origin):
            raise ScratchConnectionLost(error.reason.rstrip(".")) from error
        raise
    except psycopg.OperationalError as error:
        if is_connection_lost(error):
            raise ScratchConnectionLost(str(error).strip().splitlines()[0].rstrip(".")) from None
        raise as_rollout_error(error, SCRATCH) from None
