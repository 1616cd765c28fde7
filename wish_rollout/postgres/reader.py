"""Reads a snapshot: one consistent transaction, two round trips, all catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.scope import Scope
from wish_rollout.core.snapshot import Snapshot
from wish_rollout.postgres.catalog import query
from wish_rollout.postgres.constraints import Keys, add_constraints, add_indexes
from wish_rollout.postgres.frame import read_frame
from wish_rollout.postgres.reading import Reading, add_simple
from wish_rollout.postgres.relations import add_columns, add_relations, add_sequences
from wish_rollout.postgres.session import consistent_read
from wish_rollout.postgres.triggers import add_triggers

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.postgres.frame import Frame

__all__ = ["read_snapshot"]

# Query, and the catalog that its objects' comments refer to.
SIMPLE = {
    "enums": "pg_type",
    "functions": "pg_proc",
    "extensions": "pg_extension",
}
_SPECIAL = (
    "comments",
    "relations",
    "sequences",
    "columns",
    "constraints",
    "operator_class_names",
    "collation_names",
    "index_columns",
    "indexes",
    "triggers",
)
Answers = dict[str, "psycopg.Cursor[tuple[Any, ...]]"]


def read_snapshot(connection: psycopg.Connection, scope: Scope | None = None) -> Snapshot:
    """Read what the catalog says about the schemas in scope.

    Opens one ``REPEATABLE READ READ ONLY`` transaction if the connection is idle, and reads inside the
    present one otherwise. The session's settings do not show in the result. Raises psycopg's errors.
    """
    with consistent_read(connection):
        frame = read_frame(connection, scope or Scope())
        return _read(connection, frame)


def _read(connection: psycopg.Connection, frame: Frame) -> Snapshot:
    parameters = frame.parameters()
    with connection.pipeline():
        answers: Answers = {}
        for name in (*_SPECIAL, *SIMPLE):
            cursor: psycopg.Cursor[tuple[Any, ...]] = connection.cursor()
            answers[name] = cursor.execute(query(name, frame.major), parameters, prepare=False)
        comments: dict[tuple[str, int], dict[int, str]] = {}
        for catalog, oid, part, text in answers["comments"].fetchall():
            comments.setdefault((catalog, oid), {})[part] = text
        reading = Reading(frame, comments)
        add_simple(reading, "pg_namespace", frame.schema_columns, frame.schemas)
        _add_relations(reading, answers)
        for name, catalog in SIMPLE.items():
            add_simple(reading, catalog, _columns(answers[name]), answers[name].fetchall())
    sees = {"not null constraint"} if frame.major >= 18 else set()
    return Snapshot(reading.objects, sees)


def _columns(answer: psycopg.Cursor[tuple[Any, ...]]) -> list[str]:
    return [column.name for column in answer.description or ()]


def _add_relations(reading: Reading, answers: Answers) -> None:
    for name, add in (("relations", add_relations), ("sequences", add_sequences), ("columns", add_columns)):
        rows = answers[name].fetchall()
        add(reading, _columns(answers[name]), rows)
    rows = answers["constraints"].fetchall()
    behind = add_constraints(reading, _columns(answers["constraints"]), rows)
    keys = Keys(*(answers[name].fetchall() for name in _SPECIAL[5:8]))
    rows = answers["indexes"].fetchall()
    add_indexes(reading, _columns(answers["indexes"]), rows, keys, behind)
    rows = answers["triggers"].fetchall()
    add_triggers(reading, _columns(answers["triggers"]), rows)
