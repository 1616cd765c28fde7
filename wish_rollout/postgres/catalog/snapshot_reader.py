"""Reads a snapshot of the system catalogs in one transaction and a few round trips."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wish_rollout.core.schema.scope import Scope
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects, add_simple_objects
from wish_rollout.postgres.catalog.constraints import add_constraints, add_indexes
from wish_rollout.postgres.catalog.index_keys import IndexKeyFormatter, name_operator_classes
from wish_rollout.postgres.catalog.pipelined_queries import (
    INDEX_KEY_QUERIES,
    SIMPLE_QUERIES,
    SPECIAL_QUERIES,
    columns_and_rows,
    query_stages,
)
from wish_rollout.postgres.catalog.read_context import load_read_context
from wish_rollout.postgres.catalog.relations import add_columns, add_relations, add_sequences
from wish_rollout.postgres.catalog.special_objects import (
    add_default_privileges,
    add_not_nulls,
    add_user_mappings,
)
from wish_rollout.postgres.sessions.read_transaction import consistent_read_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

    from wish_rollout.postgres.catalog.catalog_rows import Comments, Properties
    from wish_rollout.postgres.catalog.pipelined_queries import Results
    from wish_rollout.postgres.catalog.read_context import ReadContext

__all__ = ["read_snapshot"]


def read_snapshot(connection: psycopg.Connection, scope: Scope | None = None) -> Snapshot:
    """Return a snapshot of the schemas in scope.

    If the session is idle, the function opens a ``REPEATABLE READ READ ONLY`` transaction; otherwise it reads in
    the current transaction. The session's settings do not affect the result. Raises psycopg's errors.
    """
    return snapshot_of(read_catalog(connection, scope or Scope()))


def read_catalog(connection: psycopg.Connection, scope: Scope) -> CatalogObjects:
    """Return what ``read_snapshot`` makes the snapshot of: all objects, and their numbers in this database."""
    with consistent_read_transaction(connection), garbage_collection_disabled():
        return read_objects(connection, scope)


def snapshot_of(found: CatalogObjects) -> Snapshot:
    """Return the snapshot of a whole read, whose objects must not be changed afterwards."""
    return Snapshot(found.objects, visible_properties(found.context))


@contextmanager
def garbage_collection_disabled() -> Iterator[None]:
    """Disable the garbage collector, which would repeatedly traverse the rows; they contain no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_objects(connection: psycopg.Connection, scope: Scope) -> CatalogObjects:
    """Return all objects in scope. The caller is in ``consistent_read_transaction``."""
    context = load_read_context(connection, scope)
    with connection.pipeline() as pipeline:
        stages = query_stages(connection, pipeline, context)
        found = _begin(context, first := next(stages))
        _add_tables(found, first)
        second = next(stages)
        classes, *others = (second[name].fetchall() for name in INDEX_KEY_QUERIES)
        _add_constraints(found, second, IndexKeyFormatter(name_operator_classes(classes), *others))
        _add_other_objects(found, next(stages))
    return found


def add_results(found: CatalogObjects, results: Results, operator_classes: Mapping[str, str | None]) -> None:
    """Add the objects of some queries, as for a read of selected objects.

    ``operator_classes``: see ``name_operator_classes``.
    """
    found.comments = _comments(results)
    _add_tables(found, results)
    names = (results[name].fetchall() if name in results else () for name in INDEX_KEY_QUERIES[1:])
    _add_constraints(found, results, IndexKeyFormatter(operator_classes, *names))
    _add_other_objects(found, results)


def visible_properties(context: ReadContext) -> set[str]:
    """Return the optional properties that this server version and role can read."""
    properties = set()
    if context.major >= 18:
        properties.add("not null constraint")
    if context.superuser:
        properties.add("mapping options")
    return properties


def _begin(context: ReadContext, results: Results) -> CatalogObjects:
    found = CatalogObjects(context, _comments(results))
    # a schema that is a member of an extension is no object, but it can contain objects of the project
    extension_schemas = context.members.get("pg_namespace", ())
    schemas = [row for row in context.schemas if row[0] not in extension_schemas]
    add_simple_objects(found, "pg_namespace", context.schema_columns, schemas)
    return found


def _comments(results: Results) -> Comments:
    comments: dict[tuple[str, int], dict[int, str]] = {}
    for catalog, oid, number, text in results["comments"].fetchall() if "comments" in results else ():
        comments.setdefault((catalog, oid), {})[number] = text
    return comments


def _add_tables(found: CatalogObjects, results: Results) -> None:
    for name, add in (("relations", add_relations), ("sequences", add_sequences), ("columns", add_columns)):
        if name in results:
            add(found, *columns_and_rows(results[name]))


def _add_constraints(found: CatalogObjects, results: Results, formatter: IndexKeyFormatter) -> None:
    disabled = results["disabled_constraints"].fetchall() if "disabled_constraints" in results else ()
    by_index: dict[int, Properties] = {}
    if "constraints" in results:
        by_index = add_constraints(found, *columns_and_rows(results["constraints"]), dict(disabled))
    if "indexes" in results:
        add_indexes(found, *columns_and_rows(results["indexes"]), formatter, by_index)


def _add_other_objects(found: CatalogObjects, results: Results) -> None:
    for name, catalog in SIMPLE_QUERIES.items():
        if name in results:
            add_simple_objects(found, catalog, *columns_and_rows(results[name]))
    adders = (add_default_privileges, add_user_mappings, add_not_nulls)
    for name, add in zip(SPECIAL_QUERIES, adders, strict=True):
        if name in results:
            add(found, *columns_and_rows(results[name]))
