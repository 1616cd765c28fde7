"""What can be wrong with the call, the configuration or the URLs: exit 2, nothing was looked at."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError


@dataclass(eq=False)
class InvalidConfiguration(ConfigurationError):
    """``rollout.toml`` is missing, is no TOML, or says something that we do not know."""

    path: str
    reason: str

    summary = "The configuration {path} cannot be used: {reason}."
    explanation = "The pipeline is built from it, so nothing was started."
    hint = "mend the file, then: wish-rollout doctor"


@dataclass(eq=False)
class UnknownEnvironment(ConfigurationError):
    """An environment that rollout.toml does not declare."""

    name: str
    known: str

    summary = "There is no environment named '{name}'."
    explanation = "rollout.toml declares, in this order: {known}."
    hint = 'name one of those, or declare it in rollout.toml:\n[[environment]]\nname = "{name}"'


@dataclass(eq=False)
class DatabaseUrlMissing(ConfigurationError):
    """No URL is set for an environment."""

    environment: str
    variable: str

    summary = "The environment '{environment}' has no database URL: {variable} is not set."
    explanation = "It is read from the process's environment, then .env.local, then .env."
    hint = 'export {variable}=postgresql://USER@HOST/DATABASE, or for the sandbox: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class DatabaseUrlMalformed(ConfigurationError):
    """A database URL that libpq cannot read."""

    source: str
    reason: str

    summary = "The database URL in {source} is malformed: {reason}."
    explanation = "Nothing was connected to."
    hint = (
        "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded"
    )


@dataclass(eq=False)
class UnknownTarget(ConfigurationError):
    """A TARGET that is neither an environment, nor a URL, nor a file."""

    target: str
    known: str

    summary = "'{target}' is no environment ({known}), no postgresql:// URL and no snapshot file."
    hint = "name an environment, a URL, or a file that this wrote: wish-rollout snapshot TARGET > FILE"


@dataclass(eq=False)
class DagsterUnavailable(ConfigurationError):
    """Dagster's instance, where runs and approvals are kept, cannot be opened."""

    home: str
    error: str
    reason: str

    summary = "Dagster's own database cannot be opened ({error}: {reason})."
    explanation = "Runs, evidence and approvals are kept there, so nothing is migrated without it; see {home}/dagster.yaml."
    hint = 'set DAGSTER_POSTGRES_URL=postgresql+psycopg2://USER@HOST/DATABASE, or: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class NotDagsterDatabase(ConfigurationError):
    """The database that is to be Dagster's own is somebody else's."""

    source: str
    database: str
    reason: str

    summary = "{source} leads to the database {database}, which is not Dagster's: {reason}."
    explanation = "Dagster makes some twenty tables where it is sent, and an environment would be drifted by them; none was made."
    hint = 'give it a database of its own: CREATE DATABASE dagster; or: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class ConfirmationRequired(ConfigurationError):
    """A question that has to be answered, and nobody there to ask."""

    question: str
    option: str

    summary = "This asks: {question}"
    explanation = "There is no terminal to ask at, and silence is no yes."
    hint = "say it on the command line: {option}"


@dataclass(eq=False)
class DatabaseUrlSourceFailed(ConfigurationError):
    """The file or the command that holds a URL gave none."""

    environment: str
    source: str
    reason: str

    summary = "The URL of '{environment}' could not be had from {source}: {reason}."
    explanation = "What it said is not shown, since it may hold a password."
    hint = "try it by hand, as the user that runs this; it is to give one line, postgresql://…"


@dataclass(eq=False)
class DatabaseResourceOverridden(ConfigurationError):
    """A run that is to take another database for an environment's own."""

    environment: str

    summary = "This run was given another database for '{environment}' than the one that its environment has."
    explanation = "A database goes by its environment's rules: under another one's name it would be reached past its gate."
    hint = "leave the resource database_{environment} out of the run's configuration; its URL is what rollout.toml says"


@dataclass(eq=False)
class UnencryptedConnection(ConfigurationError):
    """A gated environment on another machine, without TLS."""

    environment: str
    host: str
    mode: str

    summary = "The connection to '{environment}' at {host} might not be encrypted (sslmode={mode})."
    explanation = "Whoever is on the way could read the password, and change what is sent."
    hint = (
        "add to its URL: ?sslmode=verify-full&sslrootcert=FILE; where the way is safe by other means, "
        "in rollout.toml under this environment: allow_plaintext = true"
    )


@dataclass(eq=False)
class IamRequirementNotMet(ConfigurationError):
    """AWS IAM cannot be used as things are."""

    environment: str
    reason: str

    summary = "'{environment}' logs in by AWS IAM, and that cannot be: {reason}."
    explanation = "A token lets its holder in, so it is sent only to a server that has proven who it is."
    hint = "postgresql://ROLE@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=global-bundle.pem"


@dataclass(eq=False)
class ConfigurationNotFound(ConfigurationError):
    """No rollout.toml here, nor in a folder above."""

    folder: str

    summary = "There is no rollout.toml in {folder}, nor in a folder above it."
    explanation = "It says which scripts are rolled out, and through which environments."
    hint = "go to the project's folder, or name the file: --config FILE; for a new project: wish-rollout init"


@dataclass(eq=False)
class QuorumUnreachable(ConfigurationError):
    """More persons have to approve than there are."""

    environment: str
    persons: int
    quorum: int

    summary = "'{environment}' wants the approvals of {quorum} persons, and {persons} may sign for it."
    explanation = (
        "So nothing can be approved there; where break_glass is not off, one of them may go on alone."
    )
    hint = "add persons to its file of allowed signers; or lower quorum in rollout.toml"


@dataclass(eq=False)
class AlembicProjectNotFound(ConfigurationError):
    """No Alembic project begins in a folder."""

    folder: str

    summary = (
        "In {folder} no Alembic project begins: there is no alembic.ini, and no script folder with an env.py."
    )
    explanation = "The files that a rollout needs lie beside these, so nothing was written."
    hint = "cd to the folder that has them; or make a project: alembic init alembic"
