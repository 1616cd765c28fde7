"""baseline

What stood before the first release that is rolled out this way: nothing, in the sandbox. A project that
starts from a live schema writes its own here.

Revision ID: 0006
Revises:
"""

from __future__ import annotations

revision = "0006"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to do: this is where history begins."""


def downgrade() -> None:
    """Nothing to take back."""
