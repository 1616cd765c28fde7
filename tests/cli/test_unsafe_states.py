"""Unsafe states of any environment are refused with exit 6 before the first environment is changed."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace
    from tests.fix_replica import Node

RAISES = """
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    from alembic import op
    op.execute("CREATE TABLE halfway (a int)")
    {how}
"""


@pytest.fixture
def read_only_prod(each_workspace: Workspace) -> Iterator[Workspace]:
    """A workspace in which the role of prod may only read."""
    role, password = f"poor_{secrets.token_hex(4)}", secrets.token_hex(8)
    each_workspace.as_superuser("prod", f"create role {role} login password '{password}'")
    each_workspace.secrets.append(password)
    url = urlsplit(each_workspace.database_urls["prod"])
    each_workspace.set_url("prod", url._replace(netloc=f"{role}:{password}@127.0.0.1:{url.port}").geturl())
    yield each_workspace
    each_workspace.as_superuser("local", f"drop role {role}")


def test_error_for_a_missing_privilege_has_the_grant(read_only_prod: Workspace) -> None:
    role = urlsplit(read_only_prod.urls["prod"]).username
    message = read_only_prod.expect_error(6, "apply")
    assert f"The role '{role}' may not create objects in SCHEMA public of 'prod'" in message
    assert f"GRANT USAGE, CREATE ON SCHEMA public TO {role}" in message


@pytest.mark.parametrize("how", ["session", "database"])
def test_read_only_session_is_refused(workspace: Workspace, how: str) -> None:
    if how == "session":
        workspace.set_url("prod", f"{workspace.urls['prod']}?options=-c%20default_transaction_read_only%3Don")
    else:
        name = urlsplit(workspace.database_urls["prod"]).path[1:]
        workspace.as_superuser("local", f"alter database {name} set default_transaction_read_only = on")
    assert "'prod' cannot be written to: default_transaction_read_only is on" in workspace.expect_error(
        6, "apply"
    )


def test_standby_is_refused(workspace: Workspace, primary_and_standby: tuple[Node, Node]) -> None:
    primary, standby = primary_and_standby
    workspace.set_url("prod", standby.url("postgres"))
    assert "the server is a replica (in recovery)" in workspace.expect_error(6, "apply")
    assert workspace.cli("status").code == 0  # a standby can be read
    with psycopg.connect(primary.url("postgres")) as connection:
        assert connection.execute("select to_regclass('wishlist_items')").fetchone() == (None,)


def test_unknown_revision_is_foreign(workspace: Workspace) -> None:
    workspace.migrate("prod")
    workspace.sql("prod", "update alembic_version set version_num = 'abc123'")
    message = "'prod' is at revision 'abc123', which this release does not contain"
    for command in (("apply",), ("rollback", "prod"), ("verify", "prod")):
        assert message in workspace.expect_error(6, *command)
    assert workspace.cli("drift", "prod").code == 4
    assert workspace.revision("local") is None


def test_edited_script_is_refused(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.edit(
        "migrations/versions/0007_wishlist_items.py", '"BrickLink", "Other"', '"Other", "BrickLink"'
    )
    for command in (("apply",), ("plan",), ("rollback", "local")):
        message = workspace.expect_error(6, *command)
        assert (
            "The script of revision 0007 (migrations/versions/0007_wishlist_items.py) was edited" in message
        )
        assert "git checkout -- migrations/versions/0007_wishlist_items.py" in message


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ('op.execute("SELECT 1 / 0")', "revision 0008: division by zero (SQLSTATE 22012)"),
        ('raise ValueError("not today")', "The script of revision 0008 raised: ValueError: not today"),
        ('raise ValueError("no.\\n  Later..")', "raised: ValueError: no. Later. What was committed"),
        (
            'import sqlalchemy as sa; op.create_table("a", sa.Column("b", sa.Enum("c")))',
            "raised: CompileError: PostgreSQL ENUM type requires a name. What was committed",
        ),
    ],
    ids=["by the database", "by itself", "in lines", "by SQLAlchemy"],
)
def test_script_that_raises_stops_the_rollout_before_the_first_environment(
    workspace: Workspace, how: str, says: str
) -> None:
    (workspace.root / "migrations/versions/0008_halfway.py").write_text(RAISES.format(how=how))
    for command in (("apply",), ("plan",), ("generate", "--record")):
        assert says in workspace.expect_error(1, *command)


def test_drift_stops_the_rollout_before_the_first_environment(workspace: Workspace) -> None:
    workspace.migrate("prod")
    workspace.sql("prod", "drop index idx_wishlist_user_sort")
    message = workspace.expect_error(4, "apply")
    assert "removed index public.idx_wishlist_user_sort" in message
    assert workspace.revision("local") is None
