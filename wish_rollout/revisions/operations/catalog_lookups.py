"""Queries that the helpers for revisions send themselves: they are not statements of the revision."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.operations.operation_sql import text_clause
from wish_rollout.revisions.statements.internal_statements import LOOKS


def fetch_all(query: str, **values: str | None) -> list[tuple[Any, ...]]:
    """Return the rows of a query; [] for a statement without rows. ``values``: of its parameters, such as ``:name``."""
    escaped = query if values else query.replace(":", r"\:")
    result = op.get_bind().execute(sa.text(escaped), values, execution_options=LOOKS)
    return [tuple(row) for row in result] if result.returns_rows else []


def execute(statement: str) -> None:
    """Execute a statement of the revision as it is written: a colon in it begins no parameter."""
    op.execute(text_clause(statement))


def fetch_one(query: str, **values: str | None) -> Any:
    """Return the first value of the first row, or None."""
    rows = fetch_all(query, **values)
    return rows[0][0] if rows else None
