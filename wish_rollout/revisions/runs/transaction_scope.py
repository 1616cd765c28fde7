"""Whether all revisions of a run share one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op

if TYPE_CHECKING:
    from pathlib import Path

OPTION = "transaction_per_migration"


def has_transaction_per_revision() -> bool:
    """Return whether env.py sets ``transaction_per_migration``. Call it while a revision runs."""
    return bool(op.get_context()._transaction_per_migration)  # noqa: SLF001  (there is no public accessor)


def sets_transaction_per_revision(env: Path) -> bool:
    """Return whether the text of env.py sets ``transaction_per_migration``, for an assessment before anything runs."""
    return OPTION in env.read_text(encoding="utf-8", errors="replace")
