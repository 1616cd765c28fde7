"""Reads a snapshot: one consistent transaction, two round trips, all catalogs."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.core.scope import Scope
from wish_rollout.core.snapshot import Snapshot
from wish_rollout.postgres.catalog import query
from wish_rollout.postgres.constraints import Keys, add_constraints, add_indexes
from wish_rollout.postgres.frame import read_frame
from wish_rollout.postgres.reading import Reading, add_simple
from wish_rollout.postgres.relations import add_columns, add_relations, add_sequences
from wish_rollout.postgres.session import consistent_read
from wish_rollout.postgres.special import add_default_privileges, add_not_nulls, add_user_mappings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from wish_rollout.postgres.frame import Frame

__all__ = ["read_snapshot"]

# Query, and the catalog that its objects' comments refer to.
SIMPLE = {
    "enums": "pg_type",
    "domains": "pg_type",
    "composite_types": "pg_type",
    "range_types": "pg_type",
    "base_types": "pg_type",
    "functions": "pg_proc",
    "aggregates": "pg_proc",
    "triggers": "pg_trigger",
    "rules": "pg_rewrite",
    "policies": "pg_policy",
    "event_triggers": "pg_event_trigger",
    "casts": "pg_cast",
    "operators": "pg_operator",
    "operator_classes": "pg_opclass",
    "operator_families": "pg_opfamily",
    "collations": "pg_collation",
    "conversions": "pg_conversion",
    "text_search_configurations": "pg_ts_config",
    "text_search_dictionaries": "pg_ts_dict",
    "text_search_parsers": "pg_ts_parser",
    "text_search_templates": "pg_ts_template",
    "statistics": "pg_statistic_ext",
    "foreign_data_wrappers": "pg_foreign_data_wrapper",
    "servers": "pg_foreign_server",
    "publications": "pg_publication",
    "subscriptions": "pg_subscription",
    "extensions": "pg_extension",
    "access_methods": "pg_am",
    "languages": "pg_language",
    "transforms": "pg_transform",
}
_FIRST = ("comments", "relations", "sequences", "columns")
_CONSTRAINTS = ("disabled_constraints", "constraints")
_KEYS = ("operator_class_names", "collation_names", "index_columns")
_LAST = ("default_privileges", "user_mappings", "not_nulls")
_AT_ONCE = 2000
Row = tuple[Any, ...]
Answers = dict[str, "psycopg.Cursor[Row]"]


def read_snapshot(connection: psycopg.Connection, scope: Scope | None = None) -> Snapshot:
    """Read what the catalog says about the schemas in scope.

    Opens one ``REPEATABLE READ READ ONLY`` transaction if the connection is idle, and reads inside the
    present one otherwise. The session's settings do not show in the result. Raises psycopg's errors.
    """
    with consistent_read(connection), _no_collection():
        frame = read_frame(connection, scope or Scope())
        return _read(connection, frame)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cycle collector from walking, again and again, over rows that hold no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(connection: psycopg.Connection, frame: Frame) -> Snapshot:
    parameters = frame.parameters()
    with connection.pipeline():
        answers: Answers = {}
        for name in _names(frame.major):
            cursor: psycopg.Cursor[Row] = connection.cursor()
            answers[name] = cursor.execute(query(name, frame.major), parameters, prepare=False)
        comments: dict[tuple[str, int], dict[int, str]] = {}
        for catalog, oid, part, text in answers["comments"].fetchall():
            comments.setdefault((catalog, oid), {})[part] = text
        reading = Reading(frame, comments)
        theirs = frame.members.get("pg_namespace", ())  # an extension's schema can hold what is ours
        schemas = [row for row in frame.schemas if row[0] not in theirs]
        add_simple(reading, "pg_namespace", frame.schema_columns, schemas)
        _add_relations(reading, answers)
        for name, catalog in SIMPLE.items():
            add_simple(reading, catalog, *_told(answers[name]))
        _add_last(reading, answers)
    return Snapshot(reading.objects, _sees(frame))


def _sees(frame: Frame) -> set[str]:
    """Name the noted properties that this server and role can tell."""
    sees = set()
    if frame.major >= 18:
        sees.add("not null constraint")
    if frame.superuser:
        sees.add("mapping options")
    return sees


def _names(major: int) -> tuple[str, ...]:
    names = (*_FIRST, *_CONSTRAINTS, *_KEYS, "indexes", *SIMPLE, *_LAST)
    return names if major >= 18 else names[:-1]


def _told(answer: psycopg.Cursor[Row]) -> tuple[list[str], Iterator[Row]]:
    """Give the names of an answer's columns, and its rows bit by bit, and then the memory back."""
    first = answer.fetchmany(_AT_ONCE)  # before that, a pipelined cursor knows no columns
    return [column.name for column in answer.description or ()], _rows(answer, first)


def _rows(answer: psycopg.Cursor[Row], rows: list[Row]) -> Iterator[Row]:
    while rows:
        yield from rows
        rows = answer.fetchmany(_AT_ONCE)
    answer.close()


def _add_relations(reading: Reading, answers: Answers) -> None:
    for name, add in (("relations", add_relations), ("sequences", add_sequences), ("columns", add_columns)):
        add(reading, *_told(answers[name]))
    firing: dict[int, str] = dict(answers["disabled_constraints"].fetchall())
    constraints, indexes = answers["constraints"], answers["indexes"]
    behind = add_constraints(reading, *_told(constraints), firing)
    keys = Keys(*(answers[name].fetchall() for name in _KEYS))
    add_indexes(reading, *_told(indexes), keys, behind)


def _add_last(reading: Reading, answers: Answers) -> None:
    adders = (add_default_privileges, add_user_mappings, add_not_nulls)
    for name, add in zip(_LAST, adders, strict=True):
        if name in answers:
            add(reading, *_told(answers[name]))
