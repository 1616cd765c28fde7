"""A release that is half done, and whose script must be changed to continue: ``apply --replan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rollout.states.project import States

ALLOWED = 'allow_hazards = {"lock-held": "few rows", "whole-table-write": "few rows"}'
SCRIPT = f"""
from alembic import op
revision, down_revision = "r2", "r1"
{ALLOWED}


def upgrade():
    op.execute("ALTER TABLE items ADD COLUMN colour text")
    op.execute("UPDATE items SET price = price + 1")
    with op.get_context().autocommit_block():
        op.create_index("by_title", "items", ["title"], postgresql_concurrently=True)
    op.execute("DO $$ BEGIN IF EXISTS (SELECT FROM items) THEN RAISE EXCEPTION 'too many rows'; END IF; END $$")
    op.execute("ALTER TABLE items ADD COLUMN size int")


def downgrade():
    op.execute("ALTER TABLE items DROP COLUMN size, DROP COLUMN colour; DROP INDEX by_title")
"""
CHANGED = SCRIPT.replace("EXISTS (SELECT FROM items)", "false")


def half_done(states: States) -> None:
    """The first three statements are committed, and the fourth fails."""
    states.migrate()
    states.sql("INSERT INTO items VALUES (1, 'brick', 5), (2, 'brick', 6)")
    write(states, SCRIPT)
    while (result := states.run("apply")).code == 3:
        assert states.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    assert "too many rows" in result.err, result


def write(states: States, script: str) -> None:
    (states.workspace.root / "db/versions/r2.py").write_text(script)


def test_half_done_release_is_continued_with_a_changed_script(states: States) -> None:
    half_done(states)
    write(states, CHANGED)
    refused = states.run("apply")
    assert "3 of its statements are finished" in refused.err, refused
    assert states.walk("apply")[:2] == ["apply", "apply --replan prod"]
    assert "done: ALTER TABLE items ADD COLUMN colour text" in states.output
    assert "done: UPDATE items" in states.output
    assert "to do: ALTER TABLE items ADD COLUMN size int" in states.output
    assert states.sql("SELECT id, price FROM items ORDER BY id") == [(1, 6), (2, 7)]


def test_half_done_release_in_a_gated_environment_needs_a_new_approval(gated_states: States) -> None:
    states = gated_states
    half_done(states)
    write(states, CHANGED)
    walked = states.walk("apply")
    assert [each.split()[0] for each in walked] == ["apply", "apply", "approve", "apply"], walked
    assert states.sql("SELECT id, price FROM items ORDER BY id") == [(1, 6), (2, 7)]


def test_script_that_does_not_lead_on_is_refused(states: States) -> None:
    half_done(states)
    write(states, SCRIPT.replace("colour text", "colour varchar"))
    refused = states.run("apply", "--replan", "prod")
    assert (refused.code, "cannot continue the half-done release" in refused.err) == (6, True), refused
    assert "wish-rollout drift prod --sql" in refused.err


def test_nothing_to_replan(states: States) -> None:
    assert "has no half-done release" in states.run("apply", "--replan", "prod").err
    half_done(states)
    states.sql("DELETE FROM items")
    states.walk("apply", "--replan", "prod")
