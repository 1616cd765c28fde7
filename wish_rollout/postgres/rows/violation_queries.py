"""Builds the queries that return rows which violate a requirement.

Names and expressions are SQL, quoted as in a snapshot.
"""

from __future__ import annotations

from psycopg import sql

from wish_rollout.core.rows.requirements import (
    CheckRequirement,
    EnumRequirement,
    ExclusionRequirement,
    ForeignKeyRequirement,
    NotNullRequirement,
    Requirement,
    RowSource,
    TypeRequirement,
    UniqueRequirement,
    source_of,
)

INTEGER_LIMITS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
NUMERIC_TYPES = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
INPUT_CHECK_VERSION = 160_000
"""pg_input_is_valid() exists from PostgreSQL 16 on."""


def violation_query(requirement: Requirement, version: int) -> str:
    """Return a query for the rows that violate a requirement.

    ``version``: the server's ``server_version_num``.
    """
    source = source_of(requirement)
    if not source.columns:
        return f"select * from {source.table} as r where {_condition(requirement, 'r', version)}"  # noqa: S608
    condition = _condition(requirement, "now", version)
    renamed = f"select {_select_list(source)}"
    return (
        f"select r.* from {source.table} as r where exists (select from ({renamed}) as now where {condition})"  # noqa: S608
    )


def _select_list(source: RowSource) -> str:
    """Return the columns of a requirement under their names after the release, for a SELECT."""
    return ", ".join(f"{value} as {name}" for name, value in source.columns)


def _condition(requirement: Requirement, row: str, version: int) -> str:  # noqa: PLR0911  (one for each kind)
    match requirement:
        case EnumRequirement():
            return f"{requirement.columns[0]}::text not in ({sql_literals(requirement.labels)})"
        case TypeRequirement():
            return _is_invalid_input(requirement, version)
        case NotNullRequirement():
            return "true" if requirement.is_new_column else f"{requirement.columns[0]} is null"
        case CheckRequirement():
            return _violates_check(requirement, version)
        case UniqueRequirement():
            return _is_duplicate(requirement)
        case ExclusionRequirement():
            return _conflicts(requirement)
        case ForeignKeyRequirement():
            return _lacks_referenced_row(requirement, row)


def sql_literals(values: tuple[str, ...]) -> str:
    """Return values as a comma-separated list of SQL constants."""
    return ", ".join(sql.Literal(value).as_string(None) for value in values)


def _table(source: RowSource) -> str:
    """Return a source for a FROM clause, with the columns that identify a row: ctid, and tableoid for partitions."""
    if not source.columns:
        return source.table
    return f"(select {_select_list(source)}, tableoid, ctid from {source.table}) as s"  # noqa: S608


def _violates_check(requirement: CheckRequirement, version: int) -> str:
    """Return the condition that a CHECK expression is false; NULL satisfies it (manual, 5.5.1).

    CASE ensures that the expression is evaluated only for values that the new type accepts (manual, 4.2.14).
    """
    if requirement.type_requirement is None:
        return f"({requirement.expression}) is false"
    is_invalid = _is_invalid_input(requirement.type_requirement, version)
    return f"case when {is_invalid} then false else ({requirement.expression}) is false end"


def _is_duplicate(requirement: UniqueRequirement) -> str:
    keys = ", ".join(requirement.columns)
    condition = f"({requirement.predicate})" if requirement.predicate else "true"
    if not requirement.nulls_not_distinct:
        condition += "".join(f" and {key} is not null" for key in requirement.columns)
    return (
        "(r.tableoid, r.ctid) in (select unnest(array_agg(tableoid)), unnest(array_agg(ctid))"  # noqa: S608
        f" from {_table(source_of(requirement))} where {condition} group by {keys} having count(*) > 1)"
    )


def _conflicts(requirement: ExclusionRequirement) -> str:
    """Return the condition that another row conflicts: every operator returns true (manual, CREATE TABLE, EXCLUDE)."""
    condition = f"({requirement.predicate})" if requirement.predicate else "true"
    keys = "".join(f", {key} as k{position}" for position, key in enumerate(requirement.columns))
    operators = "".join(
        f" and {key} {_operator(name)} o.k{position}"
        for position, (key, name) in enumerate(zip(requirement.columns, requirement.operators, strict=True))
    )
    return (
        f"{condition} and exists (select from (select tableoid as o, ctid as p{keys}"  # noqa: S608
        f" from {_table(source_of(requirement))} where {condition}) as o"
        f" where (o.o, o.p) <> (r.tableoid, r.ctid){operators})"
    )


def _operator(signature: str) -> str:
    """Return an operator for use in an expression: ``public.=(text,text)`` → ``operator(public.=)``."""
    name = signature.partition("(")[0]
    return f"operator({name})" if "." in name else f"operator(pg_catalog.{name})"


def _lacks_referenced_row(requirement: ForeignKeyRequirement, row: str) -> str:
    """Return the condition that the referenced row is missing (manual, CREATE TABLE, REFERENCES).

    A key that contains a NULL references nothing, except that MATCH FULL requires all columns to be NULL, or none.
    """
    all_present = " and ".join(f"{row}.{column} is not null" for column in requirement.columns)
    missing = all_present
    if requirement.references:
        equal = " and ".join(
            f"o.{other} = {row}.{column}"
            for column, other in zip(requirement.columns, requirement.referenced, strict=True)
        )
        missing += f" and not exists (select from {_referenced(requirement.references)} as o where {equal})"
    if not requirement.match_full or len(requirement.columns) == 1:
        return missing
    any_present = " or ".join(f"{row}.{column} is not null" for column in requirement.columns)
    return f"({missing}) or ({any_present}) and not ({all_present})"


def _referenced(source: RowSource) -> str:
    if not source.columns:
        return source.table
    return f"(select {_select_list(source)} from {source.table})"  # noqa: S608


def needs_cast_of_each_value(requirement: Requirement, version: int) -> bool:
    """Return whether only a cast of each value can show which rows violate the requirement."""
    return (
        isinstance(requirement, TypeRequirement)
        and version < INPUT_CHECK_VERSION
        and not _limit_condition(requirement)
    )


def _is_invalid_input(requirement: TypeRequirement, version: int) -> str:
    """Return the condition that the new type rejects a value in an assignment cast or as input (manual, 8).

    It is ``false`` if the server's version has no such condition; see ``needs_cast_of_each_value``.
    """
    condition = _limit_condition(requirement)
    if condition or version < INPUT_CHECK_VERSION:
        return condition or "false"
    type_name = sql.Literal(requirement.type).as_string(None)
    return f"not pg_input_is_valid({requirement.columns[0]}::text, {type_name})"


def _limit_condition(requirement: TypeRequirement) -> str:
    """Return the condition that a value exceeds the length or range of the type; empty for other types."""
    column = requirement.columns[0]
    name, _, rest = requirement.type.partition("(")
    sizes = [int(size) for size in rest.partition(")")[0].split(",") if size.strip("-").isdigit()]
    is_number = requirement.before.partition("(")[0] in NUMERIC_TYPES
    if name in ("character varying", "character") and sizes and not rest.endswith("[]"):
        return (
            f"char_length(rtrim({column}::text, ' ')) > {sizes[0]}"  # excess trailing spaces are not an error
        )
    if name in INTEGER_LIMITS and is_number:
        limit = INTEGER_LIMITS[name]
        return f"round({column}::numeric) not between {-limit} and {limit - 1}"
    if name == "numeric" and len(sizes) == 2 and is_number:
        return f"abs(round({column}::numeric, {sizes[1]})) >= 10::numeric ^ {sizes[0] - sizes[1]}"
    return ""
