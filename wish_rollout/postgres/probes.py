"""Counting the rows that do not meet a demand: read-only, bounded in time, waiting for no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from wish_rollout.core.demands import Demand, Finding, Fits, Holds, Labels, Present, Refers, Unique
from wish_rollout.core.names import split_last
from wish_rollout.postgres.live import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_MOST = 100_000
"""Violations are counted to here."""
WHOLE = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
VALID_SINCE = 160_000
"""pg_input_is_valid() is there from 16 on."""


def probe(
    connection: psycopg.Connection[Any], environment: str, wanted: Sequence[Demand], timeout_ms: int = 30_000
) -> list[Finding]:
    """Count what violates each demand, in one snapshot; the session must be in autocommit.

    ``timeout_ms``: for each count. A demand that cannot be counted (too slow, locked, not ours to read, or on
    what is not there yet) is a finding without a number.
    """
    found = []
    with reading(connection, timeout_ms):
        for demand in wanted:
            query = violating(demand, connection.info.server_version)
            try:
                with connection.transaction():
                    finding = _count(connection, environment, demand, query)
            except psycopg.Error as error:
                reason = (error.diag.message_primary or type(error).__name__).strip()
                data = isinstance(error, psycopg.DataError)
                says = f"{_place(demand)} in {environment} could not be probed: {reason}"
                finding = Finding(demand, 1 if data else None, says, query)
            if finding:
                found.append(finding)
    return found


def _count(
    connection: psycopg.Connection[Any], environment: str, demand: Demand, query: str
) -> Finding | None:
    counted = f"select count(*) from ({query} limit {AT_MOST:d}) as violating"  # noqa: S608
    row = connection.execute(counted.encode()).fetchone()
    rows = int(row[0]) if row else 0
    if not rows:
        return None
    much = f"{rows:,}{' or more' if rows == AT_MOST else ''} row{'' if rows == 1 else 's'} in {environment}"
    values = ""
    if isinstance(demand, (Labels, Fits)):
        column = demand.columns[0]
        some = f"select distinct {column}::text from ({query} limit 1000) as v order by 1 limit 4"  # noqa: S608
        seen = [repr(value[0]) for value in connection.execute(some.encode())]
        values = f"{column} = {', '.join(seen[:3])}{' and others' if len(seen) > 3 else ''}"
    return Finding(demand, rows, f"{much} {_says(demand, values)}", query)


def _says(demand: Demand, values: str) -> str:
    column = ", ".join(demand.columns)
    match demand:
        case Labels():
            return f"hold {values}, which is no label of {split_last(demand.enum)[1]}"
        case Fits():
            return f"hold {values}, which does not fit {demand.type}"
        case Present():
            return f"of {demand.table} hold no {column}, which becomes NOT NULL"
        case Holds():
            return f"of {demand.table} break {demand.name}: {demand.expression}"
        case Unique():
            return f"of {demand.table} are not alone with their ({column}), as {demand.name} demands"
        case Refers():
            return f"of {demand.table} refer with ({column}) to what is not there, as {demand.name} demands"


def _place(demand: Demand) -> str:
    return ".".join((demand.table, *demand.columns[:1]))


def violating(demand: Demand, version: int) -> str:
    """Give the query that shows the rows that violate a demand. Names are SQL already, as in a snapshot."""
    condition = _condition(demand, version)
    return f"select * from {demand.table} as r where {condition}"  # noqa: S608


def _condition(demand: Demand, version: int) -> str:  # noqa: PLR0911  (one a kind)
    match demand:
        case Labels():
            labels = ", ".join(sql.Literal(label).as_string(None) for label in demand.labels)
            return f"{demand.columns[0]}::text not in ({labels})"
        case Fits():
            return _unfit(demand, version)
        case Present():
            return "true" if demand.new else f"{demand.columns[0]} is null"
        case Holds():
            return f"({demand.expression}) is false"
        case Unique():
            return _twice(demand)
        case Refers():
            here = " and ".join(f"r.{column} is not null" for column in demand.columns)
            if not demand.references:
                return here
            pairs = zip(demand.columns, demand.referenced, strict=True)
            same = " and ".join(f"o.{there} = r.{column}" for column, there in pairs)
            return f"{here} and not exists (select from {demand.references} as o where {same})"


def _unreferenced(demand: Refers) -> str:
    here = " and ".join(f"r.{column} is not null" for column in demand.columns)
    if not demand.references:
        return here
    pairs = zip(demand.columns, demand.referenced, strict=True)
    same = " and ".join(f"o.{there} = r.{column}" for column, there in pairs)
    return f"{here} and not exists (select from {demand.references} as o where {same})"


def _twice(demand: Unique) -> str:
    keys = ", ".join(demand.columns)
    some = f"({demand.predicate})" if demand.predicate else "true"
    if not demand.nulls_alike:
        some += "".join(f" and {key} is not null" for key in demand.columns)
    again = f"select {keys} from {demand.table} where {some} group by {keys} having count(*) > 1"  # noqa: S608
    same = " and ".join(f"k{place} is not distinct from {key}" for place, key in enumerate(demand.columns))
    names = ", ".join(f"k{place}" for place in range(len(demand.columns)))
    return f"{some} and exists (select from ({again}) as twice ({names}) where {same})"


def _unfit(demand: Fits, version: int) -> str:
    """Say which values another type does not take, as its assignment cast or its input would (manual, 8)."""
    column = demand.columns[0]
    name, _, rest = demand.type.partition("(")
    sizes = [int(size) for size in rest.partition(")")[0].split(",") if size.strip("-").isdigit()]
    number = demand.before.partition("(")[0] in NUMBERS
    if name in ("character varying", "character") and sizes:
        return f"char_length({column}::text) > {sizes[0]}"
    if name in WHOLE and number:
        limit = WHOLE[name]
        return f"round({column}::numeric) not between {-limit} and {limit - 1}"
    if name == "numeric" and len(sizes) == 2 and number:
        return f"abs(round({column}::numeric, {sizes[1]})) >= 10::numeric ^ {sizes[0] - sizes[1]}"
    kind = sql.Literal(demand.type).as_string(None)
    if version >= VALID_SINCE:
        return f"not pg_input_is_valid({column}::text, {kind})"
    return f"({column}::text::{demand.type}) is null and {column} is not null"
