"""Which statements are Alembic's or SQLAlchemy's own, and no revision's. The objects decide, not the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.pg_catalog import pg_catalog_meta
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from typing import Any

CATALOG_QUERY = {"wish_rollout_catalog_query": True}
"""Execution options of the queries of ``safe_operations``, which are no statements of a revision."""
REPEATABLE = {"wish_rollout_repeatable": True}
"""Execution options of statements that may run again: they change nothing the second time."""


def is_own(execution: Any, version_table: sa.Table) -> bool:
    """Return whether an execution maintains Alembic's version table, or is a query of the inspector or of ours.

    SQL text of a script is the script's, whatever tables it names.
    """
    if execution.execution_options.keys() >= CATALOG_QUERY.keys():
        return True
    made_of = getattr(execution.compiled, "statement", None)
    if isinstance(made_of, sa.sql.dml.UpdateBase):
        return made_of.table is version_table
    if not isinstance(made_of, sa.SelectBase):
        return False
    tables = [each for each in visitors.iterate(made_of) if isinstance(each, sa.Table)]
    return bool(tables) and all(each is version_table or each.metadata is pg_catalog_meta for each in tables)
