"""What can go wrong with a server on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused, RolloutError


@dataclass(eq=False)
class SandboxMissing(RolloutError):
    """No PostgreSQL binaries where they should be."""

    looked_in: str

    summary = "There are no PostgreSQL server programs in {looked_in}."
    explanation = "The sandbox, and every replay on a scratch database, needs a server of its own."
    hint = "pip install 'wish-rollout[sandbox]'"


@dataclass(eq=False)
class SandboxUnwritable(ConfigurationError):
    """The folder of the sandbox cannot be made, or written to."""

    path: str
    reason: str

    summary = "The sandbox's folder {path} cannot be written to: {reason}."
    explanation = (
        "The sandbox, and every replay of scripts on a scratch database, keeps its server's files there."
    )
    hint = (
        "make the folder writable; where it must not be, commit what wish-rollout generate --record writes, or name a "
        'server for replays: under [release] in rollout.toml, scratch = "postgresql://…"'
    )


@dataclass(eq=False)
class SandboxFailed(RolloutError):
    """A server program failed, or took too long; ``log`` is the end of what it said."""

    doing: str
    reason: str
    log: str

    summary = "The sandbox server failed while {doing}: {reason}.\n{log}\n"
    explanation = "Nothing but the sandbox is affected."
    hint = "make it anew: wish-rollout sandbox reset"


@dataclass(eq=False)
class SandboxNotMade(RolloutError):
    """Asked for the address of a server that was never started."""

    home: str

    summary = "There is no sandbox server under {home} yet."
    hint = "start it: wish-rollout sandbox up"


@dataclass(eq=False)
class SandboxUnsafe(Refused):
    """A directory that we must be able to trust belongs to, or can be written by, somebody else."""

    path: str
    reason: str

    summary = "The directory {path} is not used: {reason}."
    explanation = "Programs are started from it, so whoever can write there could run code as this user."
    hint = "look at what it is, and remove it: ls -ld {path}"


@dataclass(eq=False)
class SandboxNameTaken(ConfigurationError):
    """An environment's name that cannot be a database of the sandbox."""

    name: str
    reason: str

    summary = "The sandbox cannot have a database for the environment {name}: {reason}."
    hint = "give the environment another name in rollout.toml"
