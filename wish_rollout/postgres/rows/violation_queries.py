"""The queries that show rows which do not meet a demand. Names and expressions are SQL already, as in a snapshot."""

from __future__ import annotations

from psycopg import sql

from wish_rollout.core.rows.requirements import (
    ExclusionRequirement,
    Requirement,
    TypeRequirement,
    CheckRequirement,
    EnumRequirement,
    NotNullRequirement,
    ForeignKeyRequirement,
    Source,
    UniqueRequirement,
    source,
)

WHOLE = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
VALID_SINCE = 160_000
"""pg_input_is_valid() is there from 16 on."""


def violating(demand: Requirement, version: int) -> str:
    """Give the query that shows the rows that violate a demand; ``version`` is the server's."""
    own = source(demand)
    if not own.columns:
        return f"select * from {own.table} as r where {_condition(demand, 'r', version)}"  # noqa: S608
    now = ", ".join(f"{value} as {name}" for name, value in own.columns)
    condition = _condition(demand, "now", version)
    return (
        f"select r.* from {own.table} as r where exists (select from (select {now}) as now where {condition})"  # noqa: S608
    )


def _condition(demand: Requirement, row: str, version: int) -> str:  # noqa: PLR0911  (one a kind)
    match demand:
        case EnumRequirement():
            return f"{demand.columns[0]}::text not in ({literals(demand.labels)})"
        case TypeRequirement():
            return _unfit(demand, version)
        case NotNullRequirement():
            return "true" if demand.new else f"{demand.columns[0]} is null"
        case CheckRequirement():
            return _broken(demand, version)
        case UniqueRequirement():
            return _twice(demand)
        case ExclusionRequirement():
            return _together(demand)
        case ForeignKeyRequirement():
            return _orphaned(demand, row)


def literals(values: tuple[str, ...]) -> str:
    """Write texts as a list of SQL constants."""
    return ", ".join(sql.Literal(value).as_string(None) for value in values)


def _table(own: Source | None, name: str) -> str:
    """Write a source for a FROM, with the columns by which a row is known (a partitioned table has many files)."""
    if own is None or not own.columns:
        return own.table if own else name
    now = ", ".join(f"{value} as {name}" for name, value in own.columns)
    return f"(select {now}, tableoid, ctid from {own.table}) as s"  # noqa: S608


def _broken(demand: CheckRequirement, version: int) -> str:
    """Say where a CHECK is false; NULL passes (manual, 5.5.1). CASE keeps the order of computing."""
    if demand.fits is None:
        return f"({demand.expression}) is false"
    unfit = _unfit(demand.fits, version)
    return f"case when {unfit} then false else ({demand.expression}) is false end"


def _twice(demand: UniqueRequirement) -> str:
    keys = ", ".join(demand.columns)
    some = f"({demand.predicate})" if demand.predicate else "true"
    if not demand.nulls_alike:
        some += "".join(f" and {key} is not null" for key in demand.columns)
    return (
        "(r.tableoid, r.ctid) in (select unnest(array_agg(tableoid)), unnest(array_agg(ctid))"  # noqa: S608
        f" from {_table(demand.source, demand.table)} where {some} group by {keys} having count(*) > 1)"
    )


def _together(demand: ExclusionRequirement) -> str:
    """Two rows exclude each other where every operator gives true (manual, CREATE TABLE, EXCLUDE)."""
    some = f"({demand.predicate})" if demand.predicate else "true"
    keys = "".join(f", {key} as k{place}" for place, key in enumerate(demand.columns))
    meet = "".join(
        f" and {key} {_operator(name)} o.k{place}"
        for place, (key, name) in enumerate(zip(demand.columns, demand.operators, strict=True))
    )
    return (
        f"{some} and exists (select from (select tableoid as o, ctid as p{keys}"  # noqa: S608
        f" from {_table(demand.source, demand.table)} where {some}) as o"
        f" where (o.o, o.p) <> (r.tableoid, r.ctid){meet})"
    )


def _operator(signature: str) -> str:
    """Write an operator for an expression: ``public.=(text,text)`` → ``operator(public.=)``."""
    name = signature.partition("(")[0]
    return f"operator({name})" if "." in name else f"operator(pg_catalog.{name})"


def _orphaned(demand: ForeignKeyRequirement, row: str) -> str:
    """Say which keys find no row: none with a NULL in it, but in MATCH FULL all are NULL, or none (CREATE TABLE)."""
    there = " and ".join(f"{row}.{column} is not null" for column in demand.columns)
    missing = there
    if demand.references:
        same = " and ".join(
            f"o.{other} = {row}.{column}"
            for column, other in zip(demand.columns, demand.referenced, strict=True)
        )
        missing += f" and not exists (select from {_referenced(demand.references)} as o where {same})"
    if not demand.full or len(demand.columns) == 1:
        return missing
    some = " or ".join(f"{row}.{column} is not null" for column in demand.columns)
    return f"({missing}) or ({some}) and not ({there})"


def _referenced(own: Source) -> str:
    if not own.columns:
        return own.table
    now = ", ".join(f"{value} as {name}" for name, value in own.columns)
    return f"(select {now} from {own.table})"  # noqa: S608


def tried(demand: Requirement, version: int) -> bool:
    """Whether the server has no way to say what violates a demand but to try each value."""
    return isinstance(demand, TypeRequirement) and version < VALID_SINCE and not _told(demand)


def _unfit(demand: TypeRequirement, version: int) -> str:
    """Say which values another type does not take, as its assignment cast or its input would (manual, 8)."""
    told = _told(demand)
    if told or version < VALID_SINCE:
        return told or "false"
    kind = sql.Literal(demand.type).as_string(None)
    return f"not pg_input_is_valid({demand.columns[0]}::text, {kind})"


def _told(demand: TypeRequirement) -> str:
    """Say it in SQL that every version knows; empty where that cannot be."""
    column = demand.columns[0]
    name, _, rest = demand.type.partition("(")
    sizes = [int(size) for size in rest.partition(")")[0].split(",") if size.strip("-").isdigit()]
    number = demand.before.partition("(")[0] in NUMBERS
    if name in ("character varying", "character") and sizes and not rest.endswith("[]"):
        return f"char_length(rtrim({column}::text, ' ')) > {sizes[0]}"  # spaces too many are no error
    if name in WHOLE and number:
        limit = WHOLE[name]
        return f"round({column}::numeric) not between {-limit} and {limit - 1}"
    if name == "numeric" and len(sizes) == 2 and number:
        return f"abs(round({column}::numeric, {sizes[1]})) >= 10::numeric ^ {sizes[0] - sizes[1]}"
    return ""
