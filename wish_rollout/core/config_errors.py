"""What can be wrong with the call, the configuration or the URLs: exit 2, nothing was looked at."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors import ConfigurationError


@dataclass(eq=False)
class BadConfiguration(ConfigurationError):
    """``rollout.toml`` is missing, is no TOML, or says something that we do not know."""

    path: str
    reason: str

    what = "The configuration {path} cannot be used: {reason}."
    why = "The pipeline is built from it, so nothing was started."
    hint = "mend the file, then: wish-rollout doctor"


@dataclass(eq=False)
class UnknownEnvironment(ConfigurationError):
    """An environment that rollout.toml does not declare."""

    name: str
    known: str

    what = "There is no environment named '{name}'."
    why = "rollout.toml declares, in this order: {known}."
    hint = 'name one of those, or declare it in rollout.toml: [[environment]] name = "{name}"'


@dataclass(eq=False)
class MissingUrl(ConfigurationError):
    """No URL is set for an environment."""

    environment: str
    variable: str

    what = "The environment '{environment}' has no database URL: {variable} is not set."
    why = "It is read from the process's environment, then .env.local, then .env."
    hint = 'export {variable}=postgresql://USER@HOST/DATABASE, or for the sandbox: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class MalformedUrl(ConfigurationError):
    """A database URL that libpq cannot read."""

    source: str
    reason: str

    what = "The database URL in {source} is malformed: {reason}."
    why = "Nothing was connected to."
    hint = (
        "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded"
    )


@dataclass(eq=False)
class UnknownTarget(ConfigurationError):
    """A TARGET that is neither an environment, nor a URL, nor a file."""

    target: str
    known: str

    what = "'{target}' is no environment ({known}), no postgresql:// URL and no snapshot file."
    hint = "name an environment, a URL, or a file that this wrote: wish-rollout snapshot TARGET > FILE"


@dataclass(eq=False)
class DagsterUnavailable(ConfigurationError):
    """Dagster's instance, where runs and approvals are kept, cannot be opened."""

    home: str
    error: str
    reason: str

    what = "Dagster's own database cannot be opened ({error}: {reason})."
    why = "Runs, evidence and approvals are kept there, so nothing is migrated without it; see {home}/dagster.yaml."
    hint = 'set DAGSTER_POSTGRES_URL=postgresql+psycopg2://USER@HOST/DATABASE, or: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class NeedsConsent(ConfigurationError):
    """A question that has to be answered, and nobody there to ask."""

    question: str
    option: str

    what = "This asks: {question}"
    why = "There is no terminal to ask at, and silence is no yes."
    hint = "say it on the command line: {option}"
