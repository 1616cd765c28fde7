"""Version tables that somebody has changed: each state has a next step, or is put right by ``apply --adopt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.test_walk import add_revision, at_head

if TYPE_CHECKING:
    from tests.rollout.states.project import States

WITHOUT_KEY = "ALTER TABLE alembic_version DROP CONSTRAINT alembic_version_pkc; "
CHANGES = {
    "a row without a revision": WITHOUT_KEY
    + "ALTER TABLE alembic_version ALTER version_num DROP NOT NULL; UPDATE alembic_version SET version_num = NULL",
    "two equal rows": WITHOUT_KEY + "INSERT INTO alembic_version TABLE alembic_version",
    "two rows, one unknown": "INSERT INTO alembic_version VALUES ('gone')",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rows_are_written_again_by_adopt(states: States, change: str) -> None:
    add_revision(states)
    at_head(states)
    states.sql(change)
    assert states.walk("apply") == ["apply", "apply --adopt prod"]
    assert states.sql("TABLE alembic_version") == [("r2",)]


def test_renamed_version_table_is_left_out_of_the_project(states: States) -> None:
    """Its primary key still has the name that Alembic's would have."""
    at_head(states)
    states.sql("ALTER TABLE alembic_version RENAME version_num TO v")
    assert "has no column version_num" in states.run("apply").err
    states.sql("ALTER TABLE alembic_version RENAME TO former_version")
    states.walk("apply", "--adopt", "prod")
    assert states.sql("TABLE former_version") == [("r1",)]


def test_row_level_security_that_hides_the_rows_is_refused(states: States) -> None:
    at_head(states)
    states.sql("ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    add_revision(states)
    refused = states.run("apply").err
    assert "has row-level security, which applies to the role" in refused
    states.sql(refused.partition("as the owner of the table: ")[2])
    states.walk("apply")


def test_version_table_of_another_role_is_refused_before_anything_is_changed(states: States) -> None:
    """As after a restore by an administrator: first the role may not read it, then it may read it only."""
    at_head(states)
    add_revision(states)
    states.workspace.as_superuser("prod", "ALTER TABLE alembic_version OWNER TO CURRENT_USER")
    refused = states.run("apply").err
    assert "may not read the version table public.alembic_version" in refused
    states.workspace.as_superuser("prod", "GRANT SELECT ON alembic_version TO PUBLIC")
    assert "may not change the version table public.alembic_version" in states.run("apply").err
    grant = refused.rpartition("or: ")[2].strip()
    states.workspace.as_superuser("prod", grant)
    states.walk("apply")
