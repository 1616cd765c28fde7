"""Asks the catalog's queries in stages: while one stage's answers are read, the server works on the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from wish_rollout.postgres.catalog.read_context import ReadContext

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
KEYS = ("operator_class_names", "collation_names", "index_columns")
LAST = ("default_privileges", "user_mappings", "not_nulls")
_STAGES = (
    ("comments", "relations", "sequences", "columns"),
    ("disabled_constraints", "constraints", *KEYS, "indexes"),
    (*SIMPLE, *LAST),
)
_ALWAYS = frozenset({*_STAGES[0], *_STAGES[1], "not_nulls"}) | {
    "domains",
    "composite_types",
    "base_types",
    "triggers",
    "extensions",
}
"""Those that nearly always find something, or whose absence cannot be told cheaply; of the others, see present.sql."""
_AT_ONCE = 2000
Row = tuple[Any, ...]
Answers = dict[str, "psycopg.Cursor[Row]"]


def stages(connection: psycopg.Connection, pipeline: psycopg.Pipeline, frame: ReadContext) -> Iterator[Answers]:
    """Give the answers of one stage after the other, by the query's name, each when they are here.

    The next stage is sent before an answer is given out. A query that would find nothing is not asked.
    """
    parameters = frame.parameters()

    def ask(names: Sequence[str]) -> Answers:
        return {
            name: connection.cursor().execute(query(name, frame.major), parameters, prepare=False)
            for name in names
            if _finds(frame, name)
        }

    answers = ask(_STAGES[0])
    for following in (*_STAGES[1:], ()):
        pipeline.sync()
        coming = ask(following)
        yield answers
        answers = coming


def _finds(frame: ReadContext, name: str) -> bool:
    return (name in _ALWAYS or name in frame.present) and (name != "not_nulls" or frame.major >= 18)


def told(answer: psycopg.Cursor[Row]) -> tuple[list[str], Iterator[Row]]:
    """Give the names of an answer's columns, and its rows bit by bit, and then the memory back."""
    return [column.name for column in answer.description or ()], _rows(answer)


def _rows(answer: psycopg.Cursor[Row]) -> Iterator[Row]:
    while rows := answer.fetchmany(_AT_ONCE):
        yield from rows
    answer.close()
