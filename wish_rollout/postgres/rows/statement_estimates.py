"""The planner's estimate of what statements read and write on a live database. Nothing is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import ClientCursor
from psycopg.rows import tuple_row

from wish_rollout.core.hazards.hazard import StatementEstimate
from wish_rollout.core.text.sql_tokens import split_statements, tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

EXPLAINED = ("delete", "insert", "merge", "update", "with", "select")
"""Commands of the statements that EXPLAIN plans (manual, EXPLAIN)."""

CONDITIONS = ("Filter", "Index Cond", "Recheck Cond")
COUNT = "SELECT count(*) FROM (SELECT FROM {table} AS {alias} WHERE {condition} LIMIT 10000) AS r"
HAS_STATISTICS = "SELECT EXISTS (SELECT FROM pg_catalog.pg_stats WHERE schemaname = %s AND tablename = %s)"


def estimate_statements(
    connection: psycopg.Connection[Any], statements: Iterable[str], tables: Mapping[str, str]
) -> dict[str, StatementEstimate]:
    """Return the estimates of those statements that the database can plan as it is now.

    A statement that names a column or table that does not exist yet has none, and one of several commands neither.
    ``tables``: table without quotes → name in a snapshot. The session must be in a transaction, and stays in it.
    """
    found: dict[str, StatementEstimate] = {}
    for text in dict.fromkeys(statements):
        tokens = tokenize_statements(text)
        if len(tokens) != 1 or tokens[0][0] not in EXPLAINED or len(split_statements(text)) != 1:
            continue
        try:
            with connection.transaction(), ClientCursor(connection, row_factory=tuple_row) as cursor:
                row = cursor.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) {text}".encode()).fetchone()
        except psycopg.Error:
            if connection.closed:
                raise
            continue
        if row is not None:
            nodes = list(_nodes(row[0][0]["Plan"]))
            counted = _count_without_statistics(connection, nodes, tables)
            found[text] = _estimate(nodes, tables, counted)
    return found


def _count_without_statistics(
    connection: psycopg.Connection[Any], nodes: Iterable[Mapping[str, Any]], tables: Mapping[str, str]
) -> dict[str, int]:
    """Return the numbers of written rows, up to 10,000, of tables that were never analyzed."""
    found = {}
    for node in nodes:
        scan = _input(node)
        table = tables.get(f"{scan.get('Schema')}.{scan.get('Relation Name')}")
        if node["Node Type"] != "ModifyTable" or table is None or scan.get("Plans"):
            continue
        conditions = [scan[each] for each in CONDITIONS if each in scan]
        query = COUNT.format(
            table=table,
            alias=_quote(scan["Alias"]),
            condition=" AND ".join(conditions) or "true",
        )
        try:
            with connection.transaction(), ClientCursor(connection, row_factory=tuple_row) as cursor:
                names = [scan["Schema"], scan["Relation Name"]]
                if cursor.execute(HAS_STATISTICS, names).fetchone() == (False,):
                    row = cursor.execute(query.encode()).fetchone()
                    found[table] = row[0] if row else 0
        except psycopg.Error:
            if connection.closed:
                raise
    return found


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _estimate(
    nodes: Collection[Mapping[str, Any]], tables: Mapping[str, str], counted: Mapping[str, int]
) -> StatementEstimate:
    written: dict[str, int] = {}
    scanned = set()
    for node in nodes:
        table = tables.get(f"{node.get('Schema')}.{node.get('Relation Name')}")
        if table is None:
            continue
        if node["Node Type"] == "ModifyTable" and _changes_rows(node):
            rows = int(_input(node).get("Plan Rows", 0))
            written[table] = written.get(table, 0) + counted.get(table, rows)
        elif node["Node Type"] == "ModifyTable":
            written.setdefault(table, 0)
        elif node["Node Type"] == "Seq Scan":
            scanned.add(table)
    return StatementEstimate(written, frozenset(scanned))


def _input(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the plan of the rows that a node processes: not that of a subquery or a WITH query."""
    plans: Sequence[Mapping[str, Any]] = node.get("Plans", ())
    return next((plan for plan in plans if plan.get("Parent Relationship") == "Outer"), {})


def _changes_rows(node: Mapping[str, Any]) -> bool:
    """Return whether a node updates or deletes rows: INSERT does with ON CONFLICT DO UPDATE."""
    return node["Operation"] != "Insert" or node.get("Conflict Resolution") == "UPDATE"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
