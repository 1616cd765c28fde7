"""Which statements are Alembic's or SQLAlchemy's own: recognized by their SQLAlchemy constructs, not by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.pg_catalog import pg_catalog_meta
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from typing import Any

INDEX_LOOKUP = (
    "SELECT i.indisvalid FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname = :name AND c.relnamespace = coalesce("
    "   to_regnamespace(:schema), (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)))"
)
CONSTRAINT_LOOKUP = "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)"
PARTITIONS_LOOKUP = (
    "SELECT n.nspname, c.relname, c.relkind <> 'p' FROM pg_catalog.pg_partition_tree(to_regclass(:table)) t"
    " JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE t.isleaf OR t.level = 0 ORDER BY t.level, n.nspname, c.relname"
)
LOOKS_UP = frozenset({INDEX_LOOKUP, CONSTRAINT_LOOKUP, PARTITIONS_LOOKUP})
"""What the helpers of ``wish_rollout.safe`` ask the catalog."""
LOOKS = {"wish_rollout_looks": True}
"""Execution options of what our helpers ask before they do something."""
AGAIN = {"wish_rollout_again": True}
"""Execution options of what they do that finds nothing left to do when it is done already."""


def is_version_change(execution: Any, version_table: sa.Table | None) -> bool:
    """Return whether Alembic writes to its version table, which it does at the end of each revision."""
    made_of = getattr(execution.compiled, "statement", None)
    return isinstance(made_of, sa.sql.dml.UpdateBase) and made_of.table is version_table


def is_own(execution: Any, version_table: sa.Table | None) -> bool:
    """Whether an execution keeps Alembic's version table, or is what the inspector or a helper of ours asks.

    What a script writes to the version table itself, and what it asks the catalog itself, is the script's.
    """
    if execution.execution_options.keys() >= LOOKS.keys():
        return True
    if is_version_change(execution, version_table):
        return True
    made_of = getattr(execution.compiled, "statement", None)
    if isinstance(made_of, sa.schema.CreateTable):
        return made_of.element is version_table
    if not isinstance(made_of, sa.SelectBase):
        return False
    tables = [each for each in visitors.iterate(made_of) if isinstance(each, sa.Table)]
    return bool(tables) and all(each is version_table or each.metadata is pg_catalog_meta for each in tables)
