"""SQL text and catalog queries of the functions of wish_rollout.safe."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.statements.internal_statements import LOOKS


def scalar(query: str) -> Any:
    """Return the first value of a query that is not recorded as a statement of the revision."""
    return op.get_bind().execute(text_clause(query), execution_options=LOOKS).scalar()


def text_clause(query: str) -> sa.TextClause:
    """Return SQL text in which no colon begins a parameter."""
    return sa.text(query.replace(":", r"\:"))


def quoted(name: str, schema: str | None = None) -> str:
    """Return a name as SQL, quoted if necessary."""
    prepare = sa.dialects.postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
    return f"{prepare(schema)}.{prepare(name)}" if schema else str(prepare(name))
