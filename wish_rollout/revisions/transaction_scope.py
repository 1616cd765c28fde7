"""Whether all revisions of a run share one transaction."""

from __future__ import annotations

from alembic import op


def has_transaction_per_revision() -> bool:
    """Return whether env.py sets ``transaction_per_migration``. Call it while a revision runs."""
    return bool(op.get_context()._transaction_per_migration)  # noqa: SLF001  (there is no public accessor)
