"""The commands `watch`: DDL is recorded with its author, and never blocked or prevented."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from tests.fix_project import Workspace

LOG = "select who, application, command, object from wish_rollout.ddl_log order by id"
INDEX = "create index by_hand on wishlist_items (title)"


def install(workspace: Workspace) -> None:
    """Migrate staging, and install the triggers as a superuser, with the SQL that the command prints."""
    workspace.migrate("staging")
    printed = workspace.cli("watch", "install", "staging", "--sql")
    assert printed.code == 0, printed
    for _ in range(2):  # a second time changes nothing
        workspace.as_superuser("staging", printed.out)


@pytest.mark.one_version
def test_drift_shows_who_has_changed_the_schema(each_workspace: Workspace) -> None:
    workspace = each_workspace
    refused = workspace.expect_error(6, "watch", "install", "staging")
    assert "does not exist before the first rollout" in refused
    install(workspace)
    assert "the role is not a superuser" in workspace.expect_error(6, "watch", "install", "staging")
    assert workspace.cli("drift", "staging").code == 0
    assert workspace.cli("verify", "staging").code == 0

    with psycopg.connect(workspace.urls["staging"], application_name="console", autocommit=True) as session:
        role = session.info.user
        session.execute(INDEX.encode())
        session.execute(b"create temporary table temporary (a int)")
        session.execute(b"alter table wishlist_items alter title set statistics 50")
        session.execute(b"drop index by_hand")
        with pytest.raises(psycopg.errors.UndefinedTable):
            session.execute(b"drop table nowhere")
        session.execute(b"create index concurrently later on wishlist_items (title)")
    assert workspace.sql("staging", LOG) == [
        (role, "console", "CREATE INDEX", "index public.by_hand"),
        (role, "console", "ALTER TABLE", "table public.wishlist_items"),
        (role, "console", "DROP INDEX", "index public.by_hand"),
        (role, "console", "CREATE INDEX", "index public.later"),
    ]
    found = workspace.cli("drift", "staging")
    assert (found.code, f"CREATE INDEX index public.later by {role}, application console" in found.out) == (
        4,
        True,
    )
    (environment,) = json.loads(workspace.cli("drift", "staging", "--json").out)["environments"]
    assert [each["command"] for each in environment["ddl"]][-1] == "CREATE INDEX"

    workspace.as_superuser("staging", workspace.cli("watch", "uninstall", "staging", "--sql").out)
    assert workspace.sql("staging", "select evtname from pg_event_trigger") == []
    assert workspace.cli("drift", "staging").code == 4
    workspace.sql("staging", "drop index later; alter table wishlist_items alter title set statistics -1")
    assert workspace.cli("drift", "staging").code == 0


def test_rollouts_continue_while_ddl_is_recorded(workspace: Workspace) -> None:
    install(workspace)
    assert workspace.cli("rollback", "staging").code == 0
    workspace.migrate("staging")
    assert workspace.cli("verify", "staging").code == 0
    workspace.sql("staging", INDEX)
    shown = workspace.cli("drift", "staging").out
    assert (shown.count("recorded "), "index public.by_hand" in shown) == (1, True)


@pytest.mark.parametrize(
    "fault",
    [
        "drop table wish_rollout.ddl_log",
        "alter table wish_rollout.ddl_log drop column command",
        "alter function wish_rollout.log_ddl() security invoker; alter function wish_rollout.log_drop() security invoker",
        "alter table wish_rollout.ddl_log add check (false) not valid",
    ],
)
def test_ddl_succeeds_if_it_cannot_be_recorded(workspace: Workspace, fault: str) -> None:
    install(workspace)
    workspace.as_superuser("staging", fault)
    workspace.sql("staging", INDEX)
    workspace.sql("staging", "drop index by_hand")
    assert workspace.cli("drift", "staging").code == 0


def test_lock_on_the_table_delays_ddl_by_less_than_a_second(workspace: Workspace) -> None:
    install(workspace)
    database = urlsplit(workspace.database_urls["staging"]).path.removeprefix("/")
    with psycopg.connect(workspace.server.url(database, ADMIN)) as other:
        other.execute(b"lock table wish_rollout.ddl_log in access exclusive mode")
        started = time.monotonic()
        workspace.sql("staging", INDEX)
        assert time.monotonic() - started < 1
    assert workspace.sql("staging", LOG) == []


def test_failed_transaction_leaves_no_record(workspace: Workspace) -> None:
    install(workspace)
    with psycopg.connect(workspace.database_urls["staging"]) as session:
        session.execute(INDEX.encode())
        with pytest.raises(psycopg.errors.DivisionByZero):
            session.execute(b"select 1 / 0")
        session.rollback()
    assert workspace.sql("staging", LOG) == []
    assert workspace.cli("drift", "staging").code == 0
