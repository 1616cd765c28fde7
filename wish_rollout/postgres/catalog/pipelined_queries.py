"""Sends the catalog queries in stages. While the results of one stage are read, the server executes the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.queries import load_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from wish_rollout.postgres.catalog.read_context import ReadContext

# Query → the catalog that the comments of its objects refer to (pg_description.classoid).
SIMPLE_QUERIES = {
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
INDEX_KEY_QUERIES = ("operator_class_names", "collation_names", "index_columns")
SPECIAL_QUERIES = ("default_privileges", "user_mappings", "not_nulls")
_STAGES = (
    ("comments", "relations", "sequences", "columns"),
    ("disabled_constraints", "constraints", *INDEX_KEY_QUERIES, "indexes"),
    (*SIMPLE_QUERIES, *SPECIAL_QUERIES),
)
_ALWAYS = frozenset({*_STAGES[0], *_STAGES[1], "not_nulls", "extensions"}) - {
    "sequences",
    "disabled_constraints",
}
"""Queries that nearly always return rows, or for which that is expensive to find out. For the others see present.sql."""
_ROWS_PER_FETCH = 2000
Row = tuple[Any, ...]
Results = dict[str, "psycopg.Cursor[Row] | Answer"]


def query_stages(
    connection: psycopg.Connection, pipeline: psycopg.Pipeline, context: ReadContext
) -> Iterator[Results]:
    """Yield the results of each stage, by the name of the query, when they have arrived.

    The next stage is sent before the results of a stage are yielded. A query that would return no rows is not sent.
    """
    parameters = context.parameters()

    def send(names: Sequence[str]) -> Results:
        return {
            name: connection.cursor().execute(load_query(name, context.major), parameters, prepare=False)
            for name in names
            if _returns_rows(context, name)
        }

    results = send(_STAGES[0])
    for names in (*_STAGES[1:], ()):
        pipeline.sync()
        next_results = send(names)
        yield results
        results = next_results


def _returns_rows(context: ReadContext, name: str) -> bool:
    return (name in _ALWAYS or name in context.queries_with_rows) and (
        name != "not_nulls" or context.major >= 18
    )


class Answer:
    """The result of one of several statements that were sent together: the names of its columns, and its rows."""

    def __init__(self, names: list[str], rows: list[Row]) -> None:
        self.names = names
        self.rows = rows

    def fetchall(self) -> list[Row]:
        """Return the rows."""
        return self.rows


def columns_and_rows(result: psycopg.Cursor[Row] | Answer) -> tuple[list[str], Iterator[Row]]:
    """Return the column names of a result, and an iterator over its rows that frees the result at the end."""
    if isinstance(result, Answer):
        return result.names, iter(result.rows)
    return [column.name for column in result.description or ()], _rows(result)


def _rows(result: psycopg.Cursor[Row]) -> Iterator[Row]:
    while rows := result.fetchmany(_ROWS_PER_FETCH):
        yield from rows
    result.close()
