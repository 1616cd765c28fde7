"""The declared schema: SQLAlchemy's metadata, created on a scratch database to see what it means."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from wish_rollout.core.errors.configuration import InvalidConfiguration
from wish_rollout.core.errors.releases import ModelsNotCreated
from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.revisions.script_folder.added_items import remove_added_items
from wish_rollout.revisions.script_folder.import_path import add_import_path
from wish_rollout.revisions.sessions.shared_connection import Phase
from wish_rollout.revisions.sessions.shared_session import share_session

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg


def load_models(root: Path, spec: str) -> sa.MetaData:
    """Import ``module:attribute`` with ``root`` on the import path; raise InvalidConfiguration."""
    try:
        found = _import(root, spec)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (importing a module runs it, and it may raise anything)
        raise InvalidConfiguration(
            "rollout.toml", f"release.models = '{spec}': {describe_exception(error)}"
        ) from None
    if not isinstance(found, sa.MetaData):
        raise InvalidConfiguration(
            "rollout.toml", f"release.models = '{spec}' is a {type(found).__name__}, no MetaData"
        )
    return found


def is_other_value(root: Path, spec: str) -> bool:
    """Whether ``module:attribute`` is something else than a MetaData. False where it cannot be imported, which says nothing."""
    try:
        return not isinstance(_import(root, spec), sa.MetaData)
    except (Exception, SystemExit):  # noqa: BLE001  (importing a module runs it, and it may raise anything)
        return False


def _import(root: Path, spec: str) -> Any:
    module_name, _, attribute = spec.partition(":")
    add_import_path(str(root), module_name)
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        if isinstance(found, ModuleType) and not hasattr(found, part):  # its package does not import it
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def create_models(
    connection: psycopg.Connection[Any], metadata: sa.MetaData, search_path: str, spec: str
) -> None:
    """Create all that the metadata declares, with its schemas, in one transaction; raise ModelsNotCreated.

    ``spec``: ``module:attribute`` of the metadata, for the error. What scripts have added to the tables is removed.
    """
    remove_added_items(metadata)
    try:
        with share_session(connection, search_path) as session, session.engine.begin() as ours:
            session.phase = Phase.AFTER
            for schema in sorted({table.schema for table in metadata.tables.values() if table.schema}):
                ours.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
            metadata.create_all(ours)
    except Exception as error:  # types and events of the project are called
        origin = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
        raise ModelsNotCreated(spec, describe_exception(origin)) from error


def constraint_names(metadata: sa.MetaData) -> frozenset[str]:
    """Return the names that the metadata gives to constraints. PostgreSQL chooses those of all others."""
    names = (each.name for table in metadata.tables.values() for each in table.constraints)
    return frozenset(str(name) for name in names if isinstance(name, str))
