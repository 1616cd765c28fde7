"""Counting the rows that do not meet a demand: read-only, bounded in time, waiting for no lock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.remedy.sql_syntax import dollar
from wish_rollout.core.rows.requirements import (
    ExclusionRequirement,
    Requirement,
    Finding,
    TypeRequirement,
    CheckRequirement,
    EnumRequirement,
    NotNullRequirement,
    ForeignKeyRequirement,
    UniqueRequirement,
    place,
    source,
)
from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.rows.table_statistics import reading
from wish_rollout.postgres.rows.violation_queries import literals, tried, violating

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_MOST = 100_000
"""Violations are counted to here."""
SHOWN, LONGEST = 3, 60
"""So many values are told, and so much of each."""
KEPT = 50
"""So many values that had to be tried are named in the query that shows their rows."""
TRYING = """
declare
    tried record; rows bigint := 0; bad text[] := '{{}}';
begin
    for tried in select ({column})::text as value, count(*) as times from {table} where ({column}) is not null group by 1 loop
        begin
            perform tried.value::{type};
        exception when data_exception or check_violation or not_null_violation then
            rows := rows + tried.times;
            if cardinality(bad) < {kept} then bad := bad || tried.value; end if;
        end;
    end loop;
    perform set_config('wish_rollout.probe', json_build_object('rows', rows, 'values', bad)::text, true);
end
"""
"""Tries each value in a subtransaction, which a read-only transaction may have: nothing is written."""


def probe(
    connection: psycopg.Connection[Any], environment: str, wanted: Sequence[Requirement], timeout_ms: int = 30_000
) -> list[Finding]:
    """Count what violates each demand, in one snapshot; the session must be in autocommit.

    ``timeout_ms``: for each count. A demand that cannot be counted (too slow, locked, not ours to read, or on
    what is not there yet) is a finding without a number.
    """
    found = []
    with reading(connection, timeout_ms):
        for demand in wanted:
            try:
                with connection.transaction():
                    finding = _count(connection, environment, demand)
            except psycopg.Error as error:
                reason = (error.diag.message_primary or type(error).__name__).strip()
                says = f"{place(demand)} in {environment} could not be probed: {reason}"
                query = violating(demand, connection.info.server_version)
                finding = Finding(demand, None, says, query)
            if finding:
                found.append(finding)
    return found


def _count(connection: psycopg.Connection[Any], environment: str, demand: Requirement) -> Finding | None:
    version = connection.info.server_version
    if isinstance(demand, TypeRequirement) and tried(demand, version):
        rows, query = _try(connection, demand)
    else:
        query = violating(demand, version)
        counted = f"select count(*) from ({query} limit {AT_MOST:d}) as violating"  # noqa: S608
        row = connection.execute(counted.encode()).fetchone()
        rows = int(row[0]) if row else 0
    if not rows:
        return None
    more = " or more" if rows == AT_MOST else ""
    much = f"{rows:,}{more} row{'' if rows == 1 else 's'} in {environment}"
    values = _values(connection, demand, query) if isinstance(demand, (EnumRequirement, TypeRequirement)) else ""
    return Finding(demand, rows, f"{much} {_says(demand, values, one=rows == 1)}", query)


def _try(connection: psycopg.Connection[Any], demand: TypeRequirement) -> tuple[int, str]:
    """Count by trying every value, before 16; give the rows, and a query that shows the first values' rows."""
    own, column = source(demand), source(demand).old(demand.columns[0])
    block = TRYING.format(column=column, table=own.table, type=demand.type, kept=KEPT)
    connection.execute(f"do {dollar(block)}".encode())
    row = connection.execute("select current_setting('wish_rollout.probe')").fetchone()
    told = json.loads(row[0] if row else "{}")
    shown = f"({column})::text in ({literals(tuple(told['values']))})" if told["values"] else "false"
    return int(told["rows"]), f"select * from {own.table} as r where {shown}"  # noqa: S608


def _values(connection: psycopg.Connection[Any], demand: Requirement, query: str) -> str:
    """Say which values these rows hold, as a person reads them."""
    column, now = demand.columns[0], source(demand).old(demand.columns[0])
    some = f"select distinct ({now})::text from ({query} limit 1000) as v order by 1 limit {SHOWN + 1}"  # noqa: S608
    seen = [row[0] for row in connection.execute(some.encode())]
    texts = [repr(text if len(text) <= LONGEST else text[:LONGEST] + "…") for text in seen[:SHOWN]]
    return f"{column} = {', '.join(texts)}{' and others' if len(seen) > SHOWN else ''}"


def _says(demand: Requirement, values: str, *, one: bool) -> str:  # noqa: PLR0911  (one a kind)
    columns = ", ".join(demand.columns)
    match demand:
        case EnumRequirement():
            return f"hold{'s' * one} {values}, which is no label of {split_last(demand.enum)[1]}"
        case TypeRequirement():
            return f"hold{'s' * one} {values}, which does not fit {demand.type}"
        case NotNullRequirement():
            return f"of {demand.table} hold{'s' * one} no {columns}, which becomes NOT NULL"
        case CheckRequirement():
            return f"of {demand.table} break{'s' * one} {demand.name}: {demand.expression}"
        case UniqueRequirement():
            return f"of {demand.table} are not alone with their ({columns}), as {demand.name} demands"
        case ExclusionRequirement():
            return f"of {demand.table} are not apart in ({columns}), as {demand.name} demands"
        case ForeignKeyRequirement():
            there = f"refer{'s' * one} with ({columns}) to what is not there"
            return f"of {demand.table} {there}, as {demand.name} demands"
