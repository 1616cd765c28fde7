"""Errors of the sandbox server."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused, RolloutError


@dataclass(eq=False)
class SandboxMissing(RolloutError):
    """The PostgreSQL server programs are not installed."""

    looked_in: str

    summary = "There are no PostgreSQL server programs in {looked_in}."
    explanation = "The sandbox and every replay on a scratch database need a local server."
    hint = "pip install 'wish-rollout[sandbox]'"


@dataclass(eq=False)
class SandboxUnwritable(ConfigurationError):
    """The folder of the sandbox cannot be created or written to."""

    path: str
    reason: str

    summary = "The folder of the sandbox, {path}, cannot be written to: {reason}."
    explanation = "The sandbox and every replay on a scratch database keep the files of their server there."
    hint = (
        "make the folder writable; or run wish-rollout generate --record and commit its files; or name a server for "
        'replays: under [release] in rollout.toml, scratch = "postgresql://…"'
    )


@dataclass(eq=False)
class SandboxFailed(RolloutError):
    """A server program failed or timed out. ``log``: the last lines of its output."""

    doing: str
    reason: str
    log: str

    summary = "The sandbox server failed while {doing}: {reason}.\n{log}\n"
    explanation = "Only the sandbox is affected."
    hint = "create it again: wish-rollout sandbox reset"


@dataclass(eq=False)
class SandboxNotMade(RolloutError):
    """The URL of a server that was never started."""

    home: str

    summary = "There is no sandbox server in {home} yet."
    hint = "start it: wish-rollout sandbox up"


@dataclass(eq=False)
class SandboxUnsafe(Refused):
    """A directory that must be private belongs to another user or is writable by others."""

    path: str
    reason: str

    summary = "The directory {path} is not used: {reason}."
    explanation = (
        "Programs are started from it, so a user who can write there could run code as the current user."
    )
    hint = "inspect it with ls -ld {path}, then remove it"


@dataclass(eq=False)
class SandboxNameTaken(ConfigurationError):
    """The sandbox cannot create a database with the name of an environment."""

    name: str
    reason: str

    summary = "The sandbox cannot create a database for the environment {name}: {reason}."
    hint = "rename the environment in rollout.toml"
