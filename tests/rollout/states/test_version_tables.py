"""Version tables that somebody has changed: each state has a next step, or is put right by ``apply --adopt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.ddl.impl import _impls
from alembic.ddl.postgresql import PostgresqlImpl

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


@pytest.mark.parametrize("rows", [CHANGES["two equal rows"], "INSERT INTO alembic_version VALUES ('r1')"])
def test_drift_is_named_before_the_rows_are_written_again(states: States, rows: str) -> None:
    add_revision(states)
    at_head(states)
    states.sql(f"{rows}; CREATE INDEX hotfix ON items (price)")
    walked = states.walk("apply")
    assert walked == ["apply", "apply --adopt prod", "drift prod --sql", "apply --adopt prod"]
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


LONG = "r2_" + 40 * "x"
WIDE_TABLE = """
import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl


class WideVersions(PostgresqlImpl):
    __dialect__ = "postgresql"

    def version_table_impl(self, **arguments):
        table = super().version_table_impl(**arguments)
        table.c.version_num.type = sa.String(99)
        return table
"""


def test_version_column_that_is_too_short_is_refused_before_anything_is_changed(states: States) -> None:
    at_head(states)
    states.sql("ALTER TABLE alembic_version ALTER version_num TYPE varchar(2)")
    states.revision("r2_x", "r1", "ALTER TABLE items ADD COLUMN a int", "ALTER TABLE items DROP COLUMN a")
    states.revision("r3", "r2_x", "ALTER TABLE items ADD COLUMN b int", "ALTER TABLE items DROP COLUMN b")
    for command in ("plan", "apply"):
        result = states.run(command)
        refused = result.out + result.err
        message = "public.alembic_version of 'prod' has 2 characters for a revision ID, and 'r2_x' has 4"
        assert message in refused, refused
    assert states.sql("SELECT * FROM items") == [(1, "brick", 5)]
    states.walk("apply")
    assert states.sql("TABLE alembic_version") == [("r3",)]


def test_adopted_table_has_place_for_a_long_revision(states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    """env.py makes the version table wider than Alembic's 32 characters."""
    monkeypatch.setitem(
        _impls, "postgresql", PostgresqlImpl
    )  # env.py replaces it for the rest of the process
    env = states.workspace.root / "db/env.py"
    states.revision(LONG, "r1", "ALTER TABLE items ADD COLUMN a int", "ALTER TABLE items DROP COLUMN a")
    env.write_text(WIDE_TABLE + env.read_text())
    states.migrate()
    states.sql("DROP TABLE alembic_version")
    states.walk("apply", "--adopt", "prod")
    assert states.sql("TABLE alembic_version") == [(LONG,)]


def test_revision_id_that_alembics_own_table_cannot_hold(states: States) -> None:
    states.revision(LONG, "r1", "ALTER TABLE items ADD COLUMN a int", "ALTER TABLE items DROP COLUMN a")
    result = states.cli("check")
    assert (result.code, f"revision {LONG}: its ID is longer" in result.out) == (5, True), result
    assert "shorten the ID in the script" in result.out


@pytest.mark.parametrize("change", ["", CHANGES["two equal rows"]], ids=["one row", "two equal rows"])
def test_published_version_table_without_primary_key_is_refused(states: States, change: str) -> None:
    """As old versions of Alembic have created it; the server refuses to update a row that it cannot identify."""
    at_head(states)
    add_revision(states)
    states.sql(change or WITHOUT_KEY)
    states.workspace.as_superuser("prod", "CREATE PUBLICATION everything FOR ALL TABLES")
    states.walk("apply")
    assert "has no replica identity, and the publication everything publishes" in states.output
    assert states.sql("TABLE alembic_version") == [("r2",)]
