"""A downgrade that commits in between, as DROP INDEX CONCURRENTLY makes it do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.test_walk import at_head

if TYPE_CHECKING:
    from tests.rollout.states.project import States

SCRIPT = """
from alembic import op
revision, down_revision = "r2", "r1"


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("by_title", "items", ["title"], postgresql_concurrently=True)
    op.execute("ALTER TABLE items ADD COLUMN size int")


def downgrade():
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS by_title")
    op.execute("ALTER TABLE items DROP COLUMN size")
"""


def write(states: States, script: str) -> None:
    (states.workspace.root / "db/versions/r2.py").write_text(script)


def test_column_that_is_added_again_after_it_has_another_number_and_the_same_declaration(
    states: States,
) -> None:
    """The record tries upgrade, downgrade and upgrade. pg_attribute.attnum counts on, and is no difference."""
    write(states, SCRIPT)
    at_head(states)
    states.walk("rollback", "prod")
    assert states.walked == ["rollback prod", "apply"]


FAILING = SCRIPT.replace(
    '    op.execute("ALTER TABLE items DROP COLUMN size")',
    "    op.execute(\"DO $$ BEGIN IF EXISTS (SELECT FROM items) THEN RAISE EXCEPTION 'too many rows'; END IF; END $$\")\n"
    '    op.execute("ALTER TABLE items DROP COLUMN size, DROP COLUMN note")',
).replace("ADD COLUMN size int", "ADD COLUMN size int, ADD COLUMN note text")
CHANGED = FAILING.replace("EXISTS (SELECT FROM items)", "false")


DROP_COLUMNS = '    op.execute("ALTER TABLE items DROP COLUMN size, DROP COLUMN note")\n'
COLUMNS_FIRST = FAILING.replace(DROP_COLUMNS, "").replace("downgrade():\n", f"downgrade():\n{DROP_COLUMNS}")
"""The columns are dropped and archived in the first transaction, so that nothing is left to do."""


def half_done(states: States, script: str = FAILING) -> None:
    """The index is dropped, which is committed, and the next statement fails."""
    write(states, script)
    at_head(states)
    states.sql("UPDATE items SET size = 7, note = 'kept'")
    result = states.run("rollback", "prod")
    while result.code == 3:
        assert states.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
        result = states.run("rollback", "prod")
    assert "too many rows" in result.err, result


def archived(states: States) -> list[tuple[object, ...]]:
    states.walk("rollback", "prod")
    assert states.walked[-1] == "apply"
    restored = states.cli("restore", "prod")
    assert restored.code == 0, restored
    return states.sql("SELECT size, note FROM items")


@pytest.mark.one_version
def test_half_done_rollback_is_continued_with_changed_scripts(each_states: States) -> None:
    states = each_states
    half_done(states)
    write(states, CHANGED)
    for command in ("apply", "plan"):
        result = states.run(command)
        assert "A rollback of 'prod' to r1 was interrupted half done" in result.out + result.err, result
    assert archived(states) == [(7, "kept")]
    assert states.walked == ["rollback prod", "apply"]
    assert "done: DROP INDEX CONCURRENTLY" in states.output


def test_half_done_rollback_is_completed_by_the_hint_of_apply(states: States) -> None:
    half_done(states)
    write(states, CHANGED)
    states.walk("apply")
    assert states.walked == ["apply", "rollback prod --to r1", "apply"]


def test_changed_downgrade_that_does_not_lead_on_is_refused(states: States) -> None:
    """The database can be taken back."""
    half_done(states)
    write(states, CHANGED.replace("CONCURRENTLY IF EXISTS", "CONCURRENTLY"))
    refused = states.run("rollback", "prod", "--to", "r1")
    assert (refused.code, "and its scripts were changed since then" in refused.err) == (6, True), refused
    states.sql(states.cli("drift", "prod", "--sql").out)
    write(states, CHANGED)
    assert archived(states) == [(7, "kept")]


@pytest.mark.parametrize("way", [(), ("--by-remedy",)], ids=["downgrades", "remedy"])
def test_rollback_goes_back_one_revision_if_the_interrupted_one_was_taken_back(
    states: States, way: tuple[str, ...]
) -> None:
    """The journal still has the one to base, of scripts that were changed since; the schema is that of the revision."""
    write(states, FAILING)
    at_head(states)
    assert "too many rows" in states.run("rollback", "prod", "--to", "base").err
    states.sql(states.cli("drift", "prod", "--sql").out)
    write(states, CHANGED)
    done = states.run("rollback", "prod", *way)
    assert done.code == 0, done
    assert states.sql("SELECT version_num FROM alembic_version") == [("r1",)]


def test_half_done_rollback_of_a_gated_environment_needs_a_new_approval(gated_states: States) -> None:
    states = gated_states
    half_done(states)
    write(states, CHANGED)
    states.walk("rollback", "prod")
    assert [each.split()[0] for each in states.walked[:3]] == ["rollback", "approve", "rollback"]


@pytest.mark.parametrize("script", [FAILING, COLUMNS_FIRST], ids=["columns last", "columns first"])
def test_half_done_rollback_is_completed_by_the_remedy(states: States, script: str) -> None:
    """The remedy leads from the schema as it is; it takes no other difference away. Everything is archived once."""
    half_done(states, script)
    states.sql("ALTER TABLE items ADD COLUMN foreign_to_the_release int")
    refused = states.run("rollback", "prod", "--by-remedy")
    assert (refused.code, "foreign_to_the_release" in refused.err) == (6, True), refused
    assert "complete it: wish-rollout rollback prod --to r1" in refused.err
    states.sql("ALTER TABLE items DROP COLUMN foreign_to_the_release")
    shown = states.cli("plan", "prod", "--rollback", "--by-remedy")
    assert ("r2 → r1" in shown.out, "DROP INDEX" in shown.out) == (True, False), shown
    done = states.run("rollback", "prod", "--by-remedy")
    assert done.code == 0, done
    assert (
        states.sql("SELECT version_num, count(j) FROM alembic_version, wish_rollout.journal j GROUP BY 1")
        == []
    )
    write(states, CHANGED)
    states.walk("apply")
    assert states.walked == ["apply"]
    restored = states.cli("restore", "prod")
    assert restored.code == 0, restored
    assert states.sql("SELECT size, note FROM items") == [(7, "kept")]
