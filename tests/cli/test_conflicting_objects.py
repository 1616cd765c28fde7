"""Conflicting objects: the error names them, their differences, and three ways to resolve the conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

OTHER = "create table wishlist_items (id int, store text)"


@pytest.fixture
def identical(workspace: Workspace) -> Workspace:
    """A workspace in which local and prod have the schema of the release, created without Alembic."""
    workspace.migrate("local", "prod")
    for name in ("local", "prod"):
        workspace.sql(name, "drop table alembic_version")
        workspace.sql(name, "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    return workspace


@pytest.fixture
def different(workspace: Workspace) -> Workspace:
    """A workspace in which local and prod have a table with another column type than in the release."""
    for name in ("local", "prod"):
        workspace.sql(name, OTHER)
        workspace.sql(name, "insert into wishlist_items values (1, 'Amazon')")
    return workspace


def test_error_for_an_equal_table_has_three_resolutions(identical: Workspace) -> None:
    message = identical.expect_error(6, "apply")
    assert "'local' already has objects that the release would create" in message
    assert "table public.wishlist_items (exactly as the release would create it)" in message
    assert "enum public.wishlist_store (exactly as the release would create it)" in message
    assert "(1) adopt the schema" in message
    assert "wish-rollout apply --adopt local" in message
    assert "(2) drop the objects and their rows: wish-rollout apply --clean local" in message
    assert "(3) write a revision that adapts the objects" in message


def test_error_for_a_different_table_shows_the_difference(different: Workspace) -> None:
    message = different.expect_error(6, "apply")
    assert "table public.wishlist_items (missing changes: " in message
    assert "column public.wishlist_items." in message
    assert "(1) adopting is not possible" in message
    assert "(2) drop the objects and their rows: wish-rollout apply --clean local" in message
    assert "(3) write a revision that adapts the objects" in message


def test_clean_is_refused_for_a_gated_environment(different: Workspace) -> None:
    different.sql("local", "drop table wishlist_items")
    message = different.expect_error(6, "apply")
    assert "'prod' already has objects" in message
    assert "(2) cleaning is not possible, because 'prod' is not disposable: contact the owners" in message
    assert "'prod' may not be cleaned" in different.expect_error(6, "apply", "--clean", "prod")


def test_equal_schema_is_adopted_with_its_rows(identical: Workspace) -> None:
    """A gated environment is adopted only after the approval of that plan."""
    before = identical.identity()
    stopped = identical.cli("apply", "--adopt", "local", "--adopt", "prod")
    assert stopped.code == 3, stopped
    assert (identical.revision("local"), identical.identity()["prod"]) == ("0007", before["prod"])
    assert identical.sql("local", "select count(*) from wishlist_items") == [(1,)]
    assert identical.cli("drift", "local").code == 0


def test_a_different_schema_is_not_adopted(different: Workspace) -> None:
    message = different.expect_error(6, "apply", "--adopt", "local")
    assert "'local' cannot be adopted: its schema is not exactly that of the release" in message


def test_a_disposable_environment_is_cleaned_and_migrated(different: Workspace) -> None:
    different.sql("prod", "drop table wishlist_items")
    assert different.cli("apply", "--clean", "local").code == 3
    assert different.revision("local") == "0007"
    assert different.sql("local", "select count(*) from wishlist_items") == [(0,)]
    different.roll_out()
    different.assert_plan_is_empty()


def test_clean_drops_only_conflicting_objects(different: Workspace) -> None:
    """Another table is drift, which is still reported."""
    different.sql("prod", "drop table wishlist_items")
    different.sql("local", "create table theirs (a int)")
    message = different.expect_error(4, "apply", "--clean", "local")
    assert "table public.theirs" in message


RENAMED = """
from alembic import op
revision, down_revision = "0008", "0007"
allow_hazards = {"rename": "a view has the old name"}


def upgrade() -> None:
    op.rename_table("wishlist_items", "wishes")
    op.execute("CREATE VIEW wishlist_items AS TABLE wishes")


def downgrade() -> None:
    op.execute("DROP VIEW wishlist_items")
    op.rename_table("wishes", "wishlist_items")
"""


def test_view_with_the_old_name_of_a_renamed_table_is_no_conflict(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    (workspace.root / "migrations/versions/0008_renamed.py").write_text(RENAMED)

    assert workspace.cli("apply", "--until", "local").code == 0

    assert workspace.sql("local", "select count(*) from wishlist_items") == [(1,)]
    workspace.sql("local", "delete from wishes")
    assert workspace.cli("rollback", "local").code == 0
