"""What would be unsafe is refused with exit 6 before any environment is touched, however late on the road."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road
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
def poor(each_road: Road) -> Iterator[Road]:
    """A road whose last environment is reached as a role that may look, and no more."""
    role, password = f"poor_{secrets.token_hex(4)}", secrets.token_hex(8)
    each_road.as_superuser("prod", f"create role {role} login password '{password}'")
    each_road.secrets.append(password)
    url = urlsplit(each_road.made["prod"])
    each_road.point("prod", url._replace(netloc=f"{role}:{password}@127.0.0.1:{url.port}").geturl())
    yield each_road
    each_road.as_superuser("local", f"drop role {role}")


def test_a_role_that_may_not_create_is_told_the_grant(poor: Road) -> None:
    role = urlsplit(poor.urls["prod"]).username
    told = poor.told(6, "apply")
    assert f"The role '{role}' may not create objects in SCHEMA public of 'prod'" in told
    assert f"GRANT USAGE, CREATE ON SCHEMA public TO {role}" in told


@pytest.mark.parametrize("how", ["session", "database"])
def test_a_read_only_session_is_not_migrated(road: Road, how: str) -> None:
    if how == "session":
        road.point("prod", f"{road.urls['prod']}?options=-c%20default_transaction_read_only%3Don")
    else:
        name = urlsplit(road.made["prod"]).path[1:]
        road.as_superuser("local", f"alter database {name} set default_transaction_read_only = on")
    assert "'prod' cannot be written to: default_transaction_read_only is on" in road.told(6, "apply")


def test_a_replica_is_not_migrated(road: Road, primary_and_standby: tuple[Node, Node]) -> None:
    primary, standby = primary_and_standby
    road.point("prod", standby.url("postgres"))
    assert "the server is a replica (in recovery)" in road.told(6, "apply")
    assert road.cli("status").code == 0  # it can be looked at
    with psycopg.connect(primary.url("postgres")) as connection:
        assert connection.execute("select to_regclass('wishlist_items')").fetchone() == (None,)


def test_a_revision_that_the_release_does_not_know_is_foreign(road: Road) -> None:
    road.migrate("prod")
    road.sql("prod", "update alembic_version set version_num = 'abc123'")
    told = "'prod' is at revision 'abc123', which this release does not know"
    for command in (("apply",), ("rollback", "prod"), ("verify", "prod")):
        assert told in road.told(6, *command)
    assert road.cli("drift", "prod").code == 4
    assert road.revision("local") is None


def test_an_edited_script_is_history_that_was_changed(road: Road) -> None:
    road.migrate("local")
    road.edit("migrations/versions/0007_wishlist_items.py", '"BrickLink", "Other"', '"Other", "BrickLink"')
    for command in (("apply",), ("plan",), ("rollback", "local")):
        told = road.told(6, *command)
        assert "The script of revision 0007 (migrations/versions/0007_wishlist_items.py) was edited" in told
        assert "git checkout -- migrations/versions/0007_wishlist_items.py" in told


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ('op.execute("SELECT 1 / 0")', "revision 0008: division by zero (SQLSTATE 22012)"),
        ('raise ValueError("not today")', "The script of revision 0008 raised: ValueError: not today"),
    ],
    ids=["by the database", "by itself"],
)
def test_a_script_that_raises_is_found_out_before_any_environment_is_touched(
    road: Road, how: str, says: str
) -> None:
    (road.root / "migrations/versions/0008_halfway.py").write_text(RAISES.format(how=how))
    for command in (("apply",), ("plan",), ("generate", "--record")):
        assert says in road.told(1, *command)


def test_a_schema_that_drifted_stops_the_road_before_it_begins(road: Road) -> None:
    road.migrate("prod")
    road.sql("prod", "drop index idx_wishlist_user_sort")
    told = road.told(4, "apply")
    assert "removed index public.idx_wishlist_user_sort" in told
    assert road.revision("local") is None
