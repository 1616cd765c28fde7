"""Counts the rows that violate a requirement: read-only, with a statement timeout, without waiting for locks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.remedy.sql_syntax import dollar
from wish_rollout.core.rows.requirements import (
    CheckRequirement,
    EnumRequirement,
    ExclusionRequirement,
    ForeignKeyRequirement,
    NotNullRequirement,
    Requirement,
    RowFinding,
    TypeRequirement,
    UniqueRequirement,
    requirement_name,
    source_of,
)
from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.rows.table_statistics import bounded_read_transaction
from wish_rollout.postgres.rows.violation_queries import (
    needs_cast_of_each_value,
    sql_literals,
    violation_query,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COUNTED_ROWS = 100_000
"""Rows are counted up to this number."""
MAX_SHOWN_VALUES, MAX_SHOWN_CHARACTERS = 3, 60
"""How many values a finding shows, and how many characters of each."""
MAX_INVALID_VALUES = 50
"""How many values the query of a finding contains, if they were found by casting each value."""
CAST_EACH_VALUE = """
declare
    input record; rows bigint := 0; invalid text[] := '{{}}';
begin
    for input in select ({column})::text as value, count(*) as rows from {table} where ({column}) is not null group by 1 loop
        begin
            perform input.value::{type};
        exception when data_exception or check_violation or not_null_violation then
            rows := rows + input.rows;
            if cardinality(invalid) < {max_values} then invalid := invalid || input.value; end if;
        end;
    end loop;
    perform set_config('wish_rollout.probe', json_build_object('rows', rows, 'values', invalid)::text, true);
end
"""
"""Casts each value in a subtransaction. A read-only transaction allows that, because nothing is written."""


def probe_requirements(
    connection: psycopg.Connection[Any],
    environment: str,
    requirements: Sequence[Requirement],
    timeout_ms: int = 30_000,
) -> list[RowFinding]:
    """Return a finding for each requirement that rows violate; all are counted in one snapshot.

    ``environment``: its name, for the findings. ``timeout_ms``: milliseconds for each count. If rows cannot be
    counted (timeout, a lock, a missing privilege, or a column that does not exist yet), the finding has no number.
    The session must be in autocommit mode. Raises psycopg's error if the connection is lost.
    """
    found = []
    with bounded_read_transaction(connection, timeout_ms):
        for requirement in requirements:
            try:
                with connection.transaction():
                    finding = _count(connection, environment, requirement)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                reason = (error.diag.message_primary or type(error).__name__).strip()
                text = f"{requirement_name(requirement)} in {environment} could not be probed: {reason}"
                query = violation_query(requirement, connection.info.server_version)
                finding = RowFinding(requirement, None, text, query)
            if finding:
                found.append(finding)
    return found


def _count(
    connection: psycopg.Connection[Any], environment: str, requirement: Requirement
) -> RowFinding | None:
    version = connection.info.server_version
    if isinstance(requirement, TypeRequirement) and needs_cast_of_each_value(requirement, version):
        rows, query = _count_by_casting(connection, requirement)
    else:
        query = violation_query(requirement, version)
        counted = f"select count(*) from ({query} limit {MAX_COUNTED_ROWS:d}) as violations"  # noqa: S608
        row = connection.execute(counted.encode()).fetchone()
        rows = int(row[0]) if row else 0
    if not rows:
        return None
    more = " or more" if rows == MAX_COUNTED_ROWS else ""
    count = f"{rows:,}{more} row{'' if rows == 1 else 's'} in {environment}"
    values = (
        _invalid_values(connection, requirement, query)
        if isinstance(requirement, (EnumRequirement, TypeRequirement))
        else ""
    )
    return RowFinding(
        requirement, rows, f"{count} {_describe_violation(requirement, values, one=rows == 1)}", query
    )


def _count_by_casting(connection: psycopg.Connection[Any], requirement: TypeRequirement) -> tuple[int, str]:
    """Return the number of rows whose value the type rejects, and a query that shows them; used before 16."""
    source, column = source_of(requirement), source_of(requirement).current_expression(requirement.columns[0])
    block = CAST_EACH_VALUE.format(
        column=column, table=source.table, type=requirement.type, max_values=MAX_INVALID_VALUES
    )
    connection.execute(f"do {dollar(block)}".encode())
    row = connection.execute("select current_setting('wish_rollout.probe')").fetchone()
    result = json.loads(row[0] if row else "{}")
    condition = (
        f"({column})::text in ({sql_literals(tuple(result['values']))})" if result["values"] else "false"
    )
    return int(result["rows"]), f"select * from {source.table} as r where {condition}"  # noqa: S608


def _invalid_values(connection: psycopg.Connection[Any], requirement: Requirement, query: str) -> str:
    """Return the first invalid values of these rows as text for a finding."""
    column, expression = (
        requirement.columns[0],
        source_of(requirement).current_expression(requirement.columns[0]),
    )
    select = f"select distinct ({expression})::text from ({query} limit 1000) as v order by 1 limit {MAX_SHOWN_VALUES + 1}"  # noqa: S608
    values = [row[0] for row in connection.execute(select.encode())]
    texts = [repr(_shorten(text)) for text in values[:MAX_SHOWN_VALUES]]
    return f"{column} = {', '.join(texts)}{' and others' if len(values) > MAX_SHOWN_VALUES else ''}"


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…"


def _describe_violation(requirement: Requirement, values: str, *, one: bool) -> str:  # noqa: PLR0911  (one for each kind)
    columns = ", ".join(requirement.columns)
    have = "has" if one else "have"
    match requirement:
        case EnumRequirement():
            return f"{have} {values}, which is not a label of {split_last(requirement.enum)[1]}"
        case TypeRequirement():
            return f"{have} {values}, which is not a valid {requirement.type}"
        case NotNullRequirement():
            return f"of {requirement.table} {have} no {columns}, which becomes NOT NULL"
        case CheckRequirement():
            return f"of {requirement.table} violate{'s' * one} {requirement.name}: {requirement.expression}"
        case UniqueRequirement():
            return f"of {requirement.table} are duplicates in ({columns}), which violates {requirement.name}"
        case ExclusionRequirement():
            return f"of {requirement.table} conflict in ({columns}), which violates {requirement.name}"
        case ForeignKeyRequirement():
            reference = f"reference{'s' * one} a missing row with ({columns})"
            return f"of {requirement.table} {reference}, which violates {requirement.name}"
