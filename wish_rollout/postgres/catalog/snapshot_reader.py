"""Reads a snapshot: one consistent transaction, a few round trips, all catalogs."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wish_rollout.core.schema.scope import Scope
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects, add_simple
from wish_rollout.postgres.catalog.constraints import add_constraints, add_indexes
from wish_rollout.postgres.catalog.index_keys import IndexKeyFormatter
from wish_rollout.postgres.catalog.pipelined_queries import KEYS, LAST, SIMPLE, stages, told
from wish_rollout.postgres.catalog.read_context import load_read_context
from wish_rollout.postgres.catalog.relations import add_columns, add_relations, add_sequences
from wish_rollout.postgres.catalog.special_objects import (
    add_default_privileges,
    add_not_nulls,
    add_user_mappings,
)
from wish_rollout.postgres.sessions.read_transaction import consistent_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

    from wish_rollout.postgres.catalog.catalog_rows import Comments, Properties, Row
    from wish_rollout.postgres.catalog.pipelined_queries import Answers
    from wish_rollout.postgres.catalog.read_context import ReadContext

__all__ = ["read_snapshot"]


def read_snapshot(connection: psycopg.Connection, scope: Scope | None = None) -> Snapshot:
    """Read what the catalog says about the schemas in scope.

    Opens one ``REPEATABLE READ READ ONLY`` transaction if the connection is idle, and reads inside the
    present one otherwise. The session's settings do not show in the result. Raises psycopg's errors.
    """
    with consistent_read(connection), no_collection():
        reading = read_objects(connection, scope or Scope())
        return Snapshot(reading.objects, noted_properties(reading.frame))


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the cycle collector from walking, again and again, over rows that hold no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_objects(connection: psycopg.Connection, scope: Scope) -> CatalogObjects:
    """Return all objects in scope; the caller is in ``consistent_read``."""
    frame = load_read_context(connection, scope)
    with connection.pipeline() as pipeline:
        answers = stages(connection, pipeline, frame)
        reading = _begin(frame, first := next(answers))
        _add_tables(reading, first)
        second = next(answers)
        _add_constraints(reading, second, IndexKeyFormatter(*(second[name].fetchall() for name in KEYS)))
        _add_others(reading, next(answers))
    return reading


def add_answers(reading: CatalogObjects, answers: Answers, classes: Iterable[Row]) -> None:
    """Add the objects of some queries, as for a read of chosen objects; ``classes``: the operator classes."""
    reading.comments = comments_of(answers)
    _add_tables(reading, answers)
    names = (answers[name].fetchall() if name in answers else () for name in KEYS[1:])
    _add_constraints(reading, answers, IndexKeyFormatter(classes, *names))
    _add_others(reading, answers)


def noted_properties(frame: ReadContext) -> set[str]:
    """Return the noted properties that this server and role can tell."""
    readable_properties = set()
    if frame.major >= 18:
        readable_properties.add("not null constraint")
    if frame.superuser:
        readable_properties.add("mapping options")
    return readable_properties


def _begin(frame: ReadContext, answers: Answers) -> CatalogObjects:
    reading = CatalogObjects(frame, comments_of(answers))
    theirs = frame.members.get("pg_namespace", ())  # an extension's schema can hold what is ours
    schemas = [row for row in frame.schemas if row[0] not in theirs]
    add_simple(reading, "pg_namespace", frame.schema_columns, schemas)
    return reading


def comments_of(answers: Answers) -> Comments:
    """Return the comments by catalog and number, each by the number of the part that it is on."""
    comments: dict[tuple[str, int], dict[int, str]] = {}
    for catalog, oid, part, text in answers["comments"].fetchall() if "comments" in answers else ():
        comments.setdefault((catalog, oid), {})[part] = text
    return comments


def _add_tables(reading: CatalogObjects, answers: Answers) -> None:
    for name, add in (("relations", add_relations), ("sequences", add_sequences), ("columns", add_columns)):
        if name in answers:
            add(reading, *told(answers[name]))


def _add_constraints(reading: CatalogObjects, answers: Answers, keys: IndexKeyFormatter) -> None:
    disabled = answers["disabled_constraints"].fetchall() if "disabled_constraints" in answers else ()
    behind: dict[int, Properties] = {}
    if "constraints" in answers:
        behind = add_constraints(reading, *told(answers["constraints"]), dict(disabled))
    if "indexes" in answers:
        add_indexes(reading, *told(answers["indexes"]), keys, behind)


def _add_others(reading: CatalogObjects, answers: Answers) -> None:
    for name, catalog in SIMPLE.items():
        if name in answers:
            add_simple(reading, catalog, *told(answers[name]))
    adders = (add_default_privileges, add_user_mappings, add_not_nulls)
    for name, add in zip(LAST, adders, strict=True):
        if name in answers:
            add(reading, *told(answers[name]))
