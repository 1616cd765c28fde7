"""Which statements are Alembic's or SQLAlchemy's own, and no revision's: told by what they are made of, not by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.pg_catalog import pg_catalog_meta
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from typing import Any

LOOKS = {"wish_rollout_looks": True}
"""Execution options of what our helpers ask before they do something."""
AGAIN = {"wish_rollout_again": True}
"""Execution options of what they do that finds nothing left to do when it is done already."""


def is_own(execution: Any, version_table: sa.Table) -> bool:
    """Whether an execution keeps Alembic's version table, or is what the inspector or a helper of ours asks.

    What a script writes to the version table itself, and what it asks the catalog itself, is the script's.
    """
    if execution.execution_options.keys() >= LOOKS.keys():
        return True
    made_of = getattr(execution.compiled, "statement", None)
    if isinstance(made_of, sa.sql.dml.UpdateBase):
        return made_of.table is version_table
    if not isinstance(made_of, sa.SelectBase):
        return False
    tables = [each for each in visitors.iterate(made_of) if isinstance(each, sa.Table)]
    return bool(tables) and all(each is version_table or each.metadata is pg_catalog_meta for each in tables)
