"""Check of Dagster's database. It must be reserved for Dagster, because its tables would be drift elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.dagster import NotDagsterDatabase, ProjectNameTaken
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.postgres.catalog.foreign_objects import are_dagster_tables, read_relation_names
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.postgres.records.project_names import read_registered_project, register_project
from wish_rollout.postgres.sessions.connections import parse_url
from wish_rollout.rollout.planning.shared_databases import read_database_identities
from wish_rollout.rollout.project.project import Project
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.config import Config, Environment


def refuse_foreign_dagster_database(config: Config, connection: psycopg.Connection[Any]) -> None:
    """Raise NotDagsterDatabase if the database belongs to an environment, or contains tables other than Dagster's.

    ``connection``: to the database that is configured for Dagster. If it contains Dagster's tables already, it is
    compared with the environments by URL only, and the environments' databases are not connected to.
    """
    name = connection.info.dbname
    tables = read_relation_names(connection)
    for env in config.single_environments:
        if _is_same_database(config, env, connection):
            raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it is the database of '{env.name}'")
    if are_dagster_tables(tables):
        return
    if tables:
        raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it contains {', '.join(tables[:3])}")
    instance = read_facts(connection, config.release.version_table).instance
    names = [env.name for env in config.single_environments]
    for each, other in read_database_identities(Project(config), names).items():
        if other.instance == instance:
            raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it is the database of '{each}'")


def refuse_taken_project_name(config: Config, connection: psycopg.Connection[Any]) -> bool:
    """Return whether a project is registered under this project's name in Dagster. Changes nothing.

    Raises ProjectNameTaken if it is another project.
    """
    registered = read_registered_project(connection, config.project.name)
    if registered and (own := project_identity(config)) and registered != own:
        name = f"named '{config.project.name}'" if config.project.name else "without a name"
        raise ProjectNameTaken(name, registered, own)
    return bool(registered)


def claim_project_name(config: Config, connection: psycopg.Connection[Any], *, replace: bool = False) -> None:
    """Register this project under its name in Dagster, unless another one is registered.

    ``replace``: register this one in any case.
    """
    if identity := project_identity(config):
        register_project(connection, config.project.name, identity, replace=replace)


def project_identity(config: Config) -> str:
    """Return what two checkouts of one project have in common: its first revisions; "" if there are none."""
    first = [each for each in Project(config).release.revisions if not each.parents]
    return escape_to_one_line(", ".join(f"{each.id} {each.message}".strip() for each in first))


def _is_same_database(config: Config, env: Environment, connection: psycopg.Connection[Any]) -> bool:
    """Return whether an environment's URL names this database. False if its URL cannot be read."""
    if env.has_configured_source:  # a command that returns a secret is not run for this check
        return False
    try:
        url = parse_url(config.url(env), env.source)
    except RolloutError:
        return False
    info = connection.info
    address = (url.get("host") or "", str(url.get("port") or 5432), url.get("dbname") or url.get("user"))
    return address == (info.host, str(info.port), info.dbname)
