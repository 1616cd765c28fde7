"""Dagster's own database: one of its own, or it would drift an environment by its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import NotDagsterDatabase
from wish_rollout.postgres.catalog.database_state import read_facts
from wish_rollout.postgres.catalog.foreign_objects import DAGSTER_STORAGE_TABLES, held
from wish_rollout.postgres.sessions.connections import parse_url
from wish_rollout.rollout.planning.shared_databases import read_database_identities
from wish_rollout.rollout.project.project import Project
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.config import Config, Environment


def refuse_foreign_dagster_database(config: Config, connection: psycopg.Connection[Any]) -> None:
    """Raise NotDagsters where Dagster's database is an environment's, or holds what is neither Dagster's nor nothing.

    Environments are asked which database they are only where Dagster has made no tables yet: later, their URLs tell.
    """
    name = connection.info.dbname
    tables = held(connection)
    for env in config.environments:
        if _leads_to(config, env, connection):
            raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it is that of '{env.name}'")
    if set(tables) >= DAGSTER_STORAGE_TABLES:
        return
    if tables:
        raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it holds {', '.join(tables[:3])}")
    instance = read_facts(connection, config.release.version_table).instance
    names = [env.name for env in config.environments]
    for each, other in read_database_identities(Project(config), names).items():
        if other == instance:
            raise NotDagsterDatabase(DAGSTER_VARIABLE, name, f"it is that of '{each}'")


def _leads_to(config: Config, env: Environment, connection: psycopg.Connection[Any]) -> bool:
    """Whether an environment's URL names this very database; a URL that cannot be had says nothing."""
    if env.has_configured_source:  # a command that is asked for a secret is not asked for this
        return False
    try:
        url = parse_url(config.url(env), env.source)
    except RolloutError:
        return False
    info = connection.info
    named = (url.get("host") or "", str(url.get("port") or 5432), url.get("dbname") or url.get("user"))
    return named == (info.host, str(info.port), info.dbname)
