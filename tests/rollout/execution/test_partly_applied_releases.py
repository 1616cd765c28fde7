"""A release that fails in its second revision: the first one stays, verified and recorded, and both directions lead on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.statements import StatementFailed

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {name!r}, {parent!r}, None, None
allow_hazards = {{"check-scan": "few rows"}}


def upgrade():
    op.execute({up!r})


def downgrade():
    op.execute({down!r})
"""
REVISIONS = {
    "0008": (
        "ALTER TABLE wishlist_items ADD COLUMN colour text",
        "ALTER TABLE wishlist_items DROP COLUMN colour",
    ),
    "0009": (
        "DO $$ BEGIN IF EXISTS (SELECT FROM wishlist_items WHERE title = 'wrong') THEN RAISE 'wrong title'; END IF; END $$",
        "SELECT 1",
    ),
    "0010": ("CREATE TABLE notes (id int PRIMARY KEY)", "DROP TABLE notes"),
}
ACTS = "select act, revision_from, revision_to from wish_rollout.ledger order by seq"


def fail_in_the_second(workspace: Workspace) -> None:
    """Try three revisions, each in a transaction of its own."""
    with pytest.raises(StatementFailed, match="wrong title"):
        workspace.migrate("local")
    assert workspace.revision("local") == "0008"


@pytest.mark.one_version
def test_rollback_and_apply_lead_on_from_the_first_revision(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    workspace.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 'wrong', 'LEGO')")
    per_revision = "connection=connection, transaction_per_migration=True"
    workspace.edit("migrations/env.py", "connection=connection", per_revision)
    for (name, (up, down)), parent in zip(REVISIONS.items(), ("0007", *REVISIONS), strict=False):
        text = SCRIPT.format(name=name, parent=parent, up=up, down=down)
        (workspace.root / f"migrations/versions/{name}_case.py").write_text(text)

    fail_in_the_second(workspace)
    assert workspace.sql("local", ACTS)[1:] == [("upgrade begun", "0007", "0010")]
    assert workspace.cli("verify", "local").code == 0
    workspace.sql("local", "update wishlist_items set colour = 'red'")

    back = workspace.cli("rollback", "local")
    assert (back.code, "0008 → 0007" in back.out) == (0, True), back
    assert ("rollback", "0008", "0007") in workspace.sql("local", ACTS)

    fail_in_the_second(workspace)
    assert workspace.sql("local", "select count(*) > 0 from wish_rollout.journal") == [(True,)]
    assert workspace.cli("rollback", "local", "--by-remedy").code == 0
    assert workspace.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]

    fail_in_the_second(workspace)
    workspace.sql("local", "update wishlist_items set title = 'right'")
    workspace.migrate("local")
    assert workspace.revision("local") == "0010"
    assert workspace.cli("restore", "local").code == 0
    assert workspace.cli("verify", "local").code == 0
    assert workspace.sql("local", "select title, colour from wishlist_items") == [("right", "red")]
    assert workspace.sql("local", "select count(*) from wish_rollout.journal") == [(0,)]
    assert workspace.cli("log", "local", "--verify").code == 0
