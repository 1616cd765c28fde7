"""Change the type of a column by a new column: the table is never rewritten, and locks are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op

from wish_rollout.core.text.sql_tokens import unquote_identifier
from wish_rollout.core.text.token_pattern import find_tokens
from wish_rollout.revisions.operations.backfill import backfill
from wish_rollout.revisions.operations.catalog_lookups import execute, fetch_all, fetch_one
from wish_rollout.revisions.operations.operation_sql import quoted
from wish_rollout.revisions.operations.safe_operations import set_not_null
from wish_rollout.revisions.statements.helper_statements import (
    COLUMN,
    DEPENDENTS,
    ENUM_COLUMNS,
    ENUM_LABELS,
    TYPE_LOOKUP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_LIMIT = 63


class ColumnInUse(RuntimeError):
    """Other objects depend on a column that is to be replaced."""


def add_column_copy(  # noqa: PLR0913  (a column, its copy and the conversion)
    table: str, column: str, new: str, type_name: str, expression: str, *, schema: str | None = None
) -> None:
    """Add a column with the values of another one in another type, and keep it equal by a trigger.

    ``type_name``: the type as SQL. ``expression``: SQL that converts a value of the column, such as ``price::text``. Existing
    rows are filled in batches. Default and NOT NULL are copied. A second call continues an interrupted one. In a later step,
    ``swap_columns`` gives the new column the name of the old one. Raises NotFilled, and what the server raises.
    """
    place, name = quoted(table, schema), quoted(new)
    function = quoted(f"{table}_{new}_copy"[:NAME_LIMIT], schema)
    trigger = quoted(f"{table}_{new}_copy"[:NAME_LIMIT])
    found = fetch_all(COLUMN, table=place, column=column)
    default, is_not_null = (found[0][0], found[0][1]) if found else (None, False)
    execute(f"ALTER TABLE {place} ADD COLUMN IF NOT EXISTS {name} {type_name}")
    execute(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $copy$ BEGIN"  # noqa: S608
        f" NEW.{name} := (SELECT {expression} FROM (SELECT (NEW).*) AS changed);"
        " RETURN NEW; END $copy$"
    )
    execute(
        f"CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {place} FOR EACH ROW EXECUTE FUNCTION {function}()"
    )
    backfill(table, {new: expression}, where=f"{name} IS NULL AND ({expression}) IS NOT NULL", schema=schema)
    if is_not_null:
        set_not_null(table, new, schema=schema)
    if default is not None:
        value = _substitute(expression, column, f"({default})")
        execute(f"ALTER TABLE {place} ALTER COLUMN {name} SET DEFAULT {value}")


def _substitute(expression: str, column: str, value: str) -> str:
    """Return an expression with a value in place of a column."""
    matches = find_tokens(expression)
    return "".join(
        value if (match["word"] or match["quoted"]) and unquote_identifier(match[0]) == column else match[0]
        for match in matches
    )


def swap_columns(table: str, column: str, new: str, *, schema: str | None = None) -> None:
    """Give a column made by ``add_column_copy`` the name of the old one, which becomes ``<column>_old``.

    All statements are short. A second call does nothing. Raises ColumnInUse if an index, constraint or view still depends on
    the old column: create it on the new column first (CONCURRENTLY), and drop it.
    """
    place = quoted(table, schema)
    old = f"{column}_old"[:NAME_LIMIT]
    if not fetch_all(COLUMN, table=place, column=new) and fetch_all(COLUMN, table=place, column=old):
        return
    users = fetch_all(DEPENDENTS, table=place, column=column)
    if users:
        raise ColumnInUse(
            f"column {column} of {table} is used by: {'; '.join(sorted({row[0] for row in users}))}"
        )
    function = quoted(f"{table}_{new}_copy"[:NAME_LIMIT], schema)
    execute(f"DROP TRIGGER IF EXISTS {quoted(f'{table}_{new}_copy'[:NAME_LIMIT])} ON {place}")
    execute(f"DROP FUNCTION IF EXISTS {function}()")
    execute(f"ALTER TABLE {place} RENAME COLUMN {quoted(column)} TO {quoted(old)}")
    execute(f"ALTER TABLE {place} RENAME COLUMN {quoted(new)} TO {quoted(column)}")
    if found := fetch_all(COLUMN, table=place, column=old):
        if found[0][1]:  # otherwise an INSERT that does not name the old column fails
            op.alter_column(table, old, nullable=True, schema=schema)
        if found[0][0] is not None:
            op.alter_column(table, old, server_default=None, schema=schema)


def remove_enum_label(enum: str, label: str, *, schema: str | None = None) -> None:
    """Remove a label from an enum type: a new type replaces it in every column, without a rewrite under a lock.

    No row may have the label: the conversion of such a row fails. The columns keep their values as ``<column>_old`` until they
    are dropped in a later release, and the old type remains as ``<enum>_old`` as long. Raises ColumnInUse, NotFilled, and what
    the server raises.
    """
    place, interim = quoted(enum, schema), f"{enum}_new"[:NAME_LIMIT]
    labels = [row[0] for row in fetch_all(ENUM_LABELS, enum=place)]
    if label not in labels:
        return
    if fetch_one(TYPE_LOOKUP, name=quoted(interim, schema)) is None:
        execute(
            f"CREATE TYPE {quoted(interim, schema)} AS ENUM ({_literals(each for each in labels if each != label)})"
        )
    columns = fetch_all(ENUM_COLUMNS, enum=place)
    new_type = quoted(interim, schema)
    for its_schema, table, column in columns:
        value = f"{quoted(column)}::text::{new_type}"
        add_column_copy(table, column, f"{column}_new"[:NAME_LIMIT], new_type, value, schema=its_schema)
    for its_schema, table, column in columns:
        swap_columns(table, column, f"{column}_new"[:NAME_LIMIT], schema=its_schema)
    execute(f"ALTER TYPE {place} RENAME TO {quoted(f'{enum}_old'[:NAME_LIMIT])}")
    execute(f"ALTER TYPE {new_type} RENAME TO {quoted(enum)}")


def _literals(labels: Iterable[str]) -> str:
    return ", ".join("'" + each.replace("'", "''") + "'" for each in labels)
