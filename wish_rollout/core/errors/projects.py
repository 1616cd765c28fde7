"""What can be wrong with an Alembic project: its configuration, env.py, its platform, its extensions."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, RolloutError


@dataclass(eq=False)
class BadAlembicConfiguration(ConfigurationError):
    """Alembic cannot use alembic.ini or pyproject.toml, or they name folders that do not exist."""

    path: str
    reason: str

    summary = "The Alembic configuration {path} cannot be used: {reason}."
    explanation = (
        "A release is read from the folders that it names; a missing folder must not look like an empty one."
    )
    hint = "correct it until this lists the revisions: alembic history; then: wish-rollout check"


@dataclass(eq=False)
class SeveralDatabases(ConfigurationError):
    """env.py migrates several databases, as Alembic's template multidb does."""

    path: str
    names: str

    summary = "The scripts of {path} migrate several databases: {names}."
    explanation = (
        "A release is of one database; each of these has its own version table and its own part of a script."
    )
    hint = (
        'give each database its own rollout.toml, which names it: [release] database = "NAME"; '
        "then: wish-rollout --config FILE check"
    )


@dataclass(eq=False)
class NoMigrationsRun(ConfigurationError):
    """env.py ended without having run migrations."""

    path: str

    summary = "{path} ended without a call of context.run_migrations()."
    explanation = "So no revision was run, and nothing was changed."
    hint = "see which branch of env.py is executed: alembic current; then: wish-rollout check"


@dataclass(eq=False)
class FlaskAppMissing(ConfigurationError):
    """env.py requires a Flask application, and none could be loaded."""

    path: str
    reason: str

    summary = "{path} uses Flask's current_app, and the application cannot be loaded: {reason}."
    explanation = "Flask-Migrate's env.py runs in the context of the application only."
    hint = 'name it as flask --app takes it, in rollout.toml: [release] flask_app = "package:create_app"'


@dataclass(eq=False)
class PlatformFailed(ConfigurationError):
    """The SQL that declares what the platform provides failed on a scratch database."""

    path: str
    reason: str

    summary = "{path} failed on a scratch database: {reason}."
    explanation = (
        "It declares what the platform provides: roles, schemas, extensions, default privileges. Every replay "
        "of the scripts starts from it. No environment was touched."
    )
    hint = "correct the file; or let wish-rollout init --from ENV draft it from a database"


@dataclass(eq=False)
class ExtensionUnavailable(ConfigurationError):
    """A script or the platform requires an extension that no scratch server has."""

    extension: str
    servers: str

    summary = "No scratch server has the extension {extension}. Considered: {servers}."
    explanation = "The scripts are replayed on a scratch database, so its server must have the extension."
    hint = (
        "one of these: install the extension's package for a PostgreSQL on this machine (Debian: postgresql-18-NAME); "
        'name a server that has it, in rollout.toml: [release] scratch = "postgresql://…"; or set the URL of a '
        "disposable environment whose server has it and whose role may create databases; wish-rollout check --scratch URL"
    )


@dataclass(eq=False)
class FeatureUnavailable(ConfigurationError):
    """A script requires a feature with which the scratch server was not built, such as ICU."""

    revision: str
    reason: str
    servers: str

    summary = "The scratch server cannot execute revision {revision}: {reason}. Considered: {servers}."
    explanation = (
        "The scripts are replayed there, so it must be built with what they use. No environment was touched."
    )
    hint = 'name a server that can, in rollout.toml: [release] scratch = "postgresql://…"; or: wish-rollout check --scratch URL'


@dataclass(eq=False)
class RoleUndeclared(ConfigurationError):
    """A script names a role that the platform's SQL does not declare."""

    role: str
    revision: str

    summary = "Revision {revision} names the role {role}, which does not exist on the scratch server."
    explanation = "Grants, policies and owners name roles that the platform creates; scratch databases need them as well."
    hint = (
        'declare it in a file that is named in rollout.toml:\n[release.platform]\nsql = "platform.sql"\n'
        "with the line: CREATE ROLE {role}; or write a draft of it: wish-rollout init --from ENV"
    )


@dataclass(eq=False)
class SubfolderProject(ConfigurationError):
    """The Alembic project is in a sub-folder."""

    folder: str
    found: str

    summary = "{folder} has no Alembic project; {found} has one."
    explanation = "rollout.toml belongs beside alembic.ini, so nothing was written."
    hint = "cd {found} && wish-rollout init"


@dataclass(eq=False)
class SectionMissing(ConfigurationError):
    """alembic.ini has no section ``[alembic]``, but others that ``alembic -n`` chooses."""

    path: str
    sections: str
    first: str

    summary = "{path} has no section [alembic]; sections with a script folder: {sections}."
    explanation = "Each section is a project of its own, which a rollout.toml names as alembic -n does; nothing was written."
    hint = "wish-rollout init --section {first}"


@dataclass(eq=False)
class DatabaseRoleFailed(RolloutError):
    """A role that scripts name cannot be made on the scratch server."""

    role: str
    reason: str

    summary = "The role {role}, which the release needs, cannot be created on the scratch server: {reason}."
    explanation = "Grants, policies and owners name roles, and a scratch database needs them as well."
    hint = "let the scratch server's role create roles: ALTER ROLE … CREATEROLE; or create it there: CREATE ROLE {role} NOLOGIN"


@dataclass(eq=False)
class ScratchConnectionLost(RolloutError):
    """The connection to the scratch server was lost, or refused, during a replay or rehearsal."""

    reason: str

    summary = "The scratch server cannot be used, or its connection was lost: {reason}."
    explanation = "The release could not be rehearsed; nothing was changed in any environment."
    hint = (
        "check the scratch server, and its log: wish-rollout doctor; then run the same command again, because a "
        "rehearsal starts from an empty database each time"
    )


@dataclass(eq=False)
class GitReferenceUnusable(ConfigurationError):
    """git cannot compare the scripts with the reference of ``check --since``."""

    reference: str
    reason: str

    summary = "The revisions since {reference} cannot be determined: {reason}."
    explanation = "Only git knows which scripts the branch adds, and a new one must not be left out."
    hint = "fetch the whole history: git fetch --unshallow origin; or check all revisions: wish-rollout check"


@dataclass(eq=False)
class ScratchServerUnusable(ConfigurationError):
    """No scratch database can be created on the chosen server."""

    server: str
    reason: str

    summary = "No scratch database can be created on {server}: {reason}."
    explanation = "The scripts are replayed there, because no database of an environment may be used for it."
    hint = (
        "start that server, and use a role that may create databases: [release] scratch in rollout.toml; "
        "wish-rollout doctor names the server"
    )
