"""Errors of the command line, rollout.toml and the database URLs: exit 2, no database was read."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, FileError


@dataclass(eq=False)
class EnvironmentConfigurationError(ConfigurationError):
    """The configuration of an environment is wrong: base class of the errors that name the environment first."""

    environment: str


class InvalidConfiguration(FileError):
    """``rollout.toml`` is missing, is not TOML, or has a wrong key or value."""

    summary = "The configuration {path} cannot be used: {reason}."
    explanation = "The pipeline is built from this file, so nothing was started."
    hint = "correct the file, then: wish-rollout doctor"


@dataclass(eq=False)
class UnknownEnvironment(ConfigurationError):
    """An environment that rollout.toml does not declare."""

    name: str
    known: str

    summary = "There is no environment named '{name}'."
    explanation = "rollout.toml declares, in this order: {known}."
    hint = 'name one of these environments, or declare a new one in rollout.toml:\n[[environment]]\nname = "{name}"'


@dataclass(eq=False)
class DatabaseUrlMissing(EnvironmentConfigurationError):
    """No database URL is set for an environment."""

    variable: str

    summary = "The environment '{environment}' has no database URL: {variable} is not set."
    explanation = "The variable is read from the process environment, then from .env.local, then from .env."
    hint = 'export {variable}=postgresql://USER@HOST/DATABASE, or for the sandbox: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class DatabaseUrlMalformed(ConfigurationError):
    """A database URL that libpq cannot parse."""

    source: str
    reason: str

    summary = "The database URL in {source} is malformed: {reason}."
    explanation = "No connection was made."
    hint = (
        "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded"
    )


@dataclass(eq=False)
class UnknownTarget(ConfigurationError):
    """A TARGET that is not an environment, a URL or a file."""

    target: str
    known: str

    summary = "'{target}' is not an environment ({known}), not a postgresql:// URL and not a snapshot file."
    hint = (
        "name an environment, a URL, or a file that this command wrote: wish-rollout snapshot TARGET > FILE"
    )


@dataclass(eq=False)
class ConfirmationRequired(ConfigurationError):
    """A question must be answered, and there is no terminal."""

    question: str
    option: str

    summary = "This command asks for confirmation: {question}"
    explanation = "There is no terminal to ask at, and no answer does not count as yes."
    hint = "confirm on the command line: {option}"


@dataclass(eq=False)
class DatabaseUrlSourceFailed(EnvironmentConfigurationError):
    """The file or the command that provides a database URL failed."""

    source: str
    reason: str

    summary = "The URL of '{environment}' could not be read from {source}: {reason}."
    explanation = "The output is not shown because it may contain a password."
    hint = "run it by hand as the same operating system user; the output must be one line, postgresql://…"


@dataclass(eq=False)
class UnencryptedConnection(EnvironmentConfigurationError):
    """The database of a gated environment or a fleet is on another machine, and TLS is not required."""

    host: str
    mode: str

    summary = "The connection to '{environment}' at {host} might not be encrypted (sslmode={mode})."
    explanation = "An attacker on the network could read the password and change the data that is sent."
    hint = (
        "add to its URL: ?sslmode=verify-full&sslrootcert=FILE; if the network is protected by other means, "
        "in rollout.toml under this environment: allow_plaintext = true"
    )


@dataclass(eq=False)
class IamRequirementNotMet(EnvironmentConfigurationError):
    """A requirement of AWS IAM authentication is not met."""

    reason: str

    summary = "'{environment}' uses AWS IAM authentication, which is not possible: {reason}."
    explanation = "An authentication token is as good as a password, so it is sent only to a server with a verified certificate."
    hint = "postgresql://ROLE@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=global-bundle.pem"


@dataclass(eq=False)
class ConfigurationNotFound(ConfigurationError):
    """There is no rollout.toml in the working folder or in a folder above it."""

    folder: str

    summary = "There is no rollout.toml in {folder}, nor in a folder above it."
    explanation = "The file declares the Alembic scripts and the environments of the project."
    hint = "change to the project's folder, or name the file: --config FILE; for a new project: wish-rollout init"


@dataclass(eq=False)
class QuorumUnreachable(EnvironmentConfigurationError):
    """The quorum is larger than the number of approvers."""

    persons: int
    quorum: int

    summary = "'{environment}' needs the approvals of {quorum} persons, and {persons} may approve."
    explanation = "Nothing can be approved there; unless break_glass = false, one approver may proceed alone."
    hint = "add approvers to its file of allowed signers; or lower quorum in rollout.toml"


@dataclass(eq=False)
class AlembicProjectNotFound(ConfigurationError):
    """There is no Alembic project in a folder."""

    folder: str

    summary = (
        "There is no Alembic project in {folder}: it has no alembic.ini, and no script folder with an env.py."
    )
    explanation = "The files for wish-rollout are created next to alembic.ini, so nothing was written."
    hint = (
        "cd to the folder that has alembic.ini; if the application prepares its Alembic Config in code, name the "
        "function that returns it: wish-rollout init --alembic-config module:function; "
        "or create a project: alembic init alembic"
    )


class FileUnusable(FileError):
    """A file or folder of the project cannot be read or written: a privilege, a full disk, a file in place of a folder."""

    summary = "{path} cannot be read or written: {reason}."
    explanation = "The command needs this file or folder."
    hint = (
        "correct its kind, its privileges or the free space (ls -ld {path}), then run the same command again"
    )
