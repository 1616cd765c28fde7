"""Copies of a database: what the ledger means in a restored dump, a template copy, a publisher and a subscriber."""

from __future__ import annotations

import secrets
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.rollout.states.test_walk import add_revision, at_head
from tests.servers import clone
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.binaries import runnable_bindir
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout.states.project import States

ROW = [(1, "brick", 5)]


def admin_url(states: States) -> str:
    return states.workspace.server.url(urlsplit(states.workspace.database_urls["prod"]).path[1:], ADMIN)


def program(states: States, name: str, *arguments: str, text: str = "") -> str:
    """Run a program of the server's version."""
    path = runnable_bindir(states.workspace.server.bindir) / name
    return subprocess.run(
        [str(path), *arguments], input=text, text=True, check=True, capture_output=True
    ).stdout


def restore(states: States, *, as_superuser: bool) -> None:
    """Replace prod by a restored dump of it, without owners and privileges."""
    dump = program(states, "pg_dump", "--no-owner", "--no-privileges", admin_url(states))
    states.workspace.add("prod")
    url = admin_url(states) if as_superuser else states.workspace.database_urls["prod"]
    program(states, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, text=dump)


@pytest.mark.one_version
def test_dump_that_the_migrating_role_has_restored_continues(each_states: States) -> None:
    """It has the ledger of the original, whose chain continues."""
    states = each_states
    at_head(states)
    restore(states, as_superuser=False)
    states.assert_in_step()
    add_revision(states)
    states.roll_out()
    verified = states.cli("log", "prod", "--verify")
    assert (verified.code, "the hash chain of 2 rows is valid" in verified.err) == (0, True), verified
    assert states.sql("SELECT id, title, price FROM items") == ROW


@pytest.mark.one_version
def test_dump_that_an_administrator_has_restored_is_given_back_by_the_hints(each_states: States) -> None:
    """Nothing belongs to the migrating role: the version table, the ledger and each table are named, with SQL."""
    states = each_states
    at_head(states)
    restore(states, as_superuser=True)
    add_revision(states)
    refusals = []
    while (result := states.run("apply")).code:
        refusals.append(result.err)
        assert len(refusals) < 6, refusals
        hint = result.err.partition("hint: ")[2]
        script = hint.partition(": ")[2] if "drift prod --sql" not in hint else ""
        script = script.partition("; or: ")[0] or states.cli("drift", "prod", "--sql").out
        states.workspace.as_superuser("prod", script)
    assert len(refusals) == 3, refusals
    states.assert_in_step()
    assert states.sql("SELECT id, title, price FROM items") == ROW


@contextmanager
def template_copy(states: States) -> Iterator[None]:
    """Let the URL of prod lead to a copy of its database, in the same cluster."""
    original = urlsplit(states.workspace.database_urls["prod"]).path[1:]
    name = f"{original}_{secrets.token_hex(2)}"
    with server_admin.connect(states.workspace.server.url("postgres", ADMIN)) as connection:
        clone(connection, name, original)
        try:
            states.workspace.database_urls["prod"] = states.workspace.server.url(name, MIGRATOR)
            states.workspace.set_url("prod", states.workspace.database_urls["prod"])
            yield
        finally:
            server_admin.drop_database(connection, name)


def test_approval_of_the_original_is_not_one_for_a_template_copy(gated_states: States) -> None:
    states = gated_states
    states.roll_out()
    add_revision(states)
    assert states.run("apply").code == 3
    assert states.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    with template_copy(states):
        assert states.run("apply").code == 3
        assert states.sql("TABLE alembic_version") == [("r1",)]
        states.roll_out()


SUBSCRIPTION = (
    "CREATE SUBSCRIPTION {name} CONNECTION 'host=127.0.0.1 port=1 dbname=none' PUBLICATION everything"
    " WITH (connect = false, slot_name = NONE)"
)


@pytest.mark.one_version
@pytest.mark.parametrize("at_first", [True, False], ids=["before the first apply", "afterwards"])
def test_publications_are_the_platforms(each_states: States, at_first: bool) -> None:
    """A renamed and a dropped table change the list of a publication, which is no drift."""
    states = each_states
    states.revision("r2", "r1", "CREATE TABLE more (a int)", "DROP TABLE more")
    if not at_first:
        at_head(states)
    states.workspace.as_superuser("prod", "CREATE PUBLICATION everything FOR ALL TABLES")
    states.walk("apply")
    states.workspace.as_superuser("prod", "CREATE PUBLICATION two FOR TABLE items, more")
    states.walk("apply")
    states.revision(
        "r3",
        "r2",
        "ALTER TABLE items RENAME TO things; DROP TABLE more",
        "CREATE TABLE more (a int); ALTER TABLE things RENAME TO items",
        '\n\nallow_hazards = {"rename": "no readers", "drop-table": "no rows"}\n',
    )
    states.walk("apply")
    states.walk("rollback", "prod", "--to", "r2")
    assert states.sql("SELECT pubname FROM pg_publication ORDER BY 1") == [("everything",), ("two",)]


@pytest.mark.one_version
def test_subscription_is_the_platforms(each_states: States) -> None:
    states = each_states
    at_head(states)
    name = f"sub_{secrets.token_hex(4)}"
    states.workspace.as_superuser("prod", SUBSCRIPTION.format(name=name))
    try:
        add_revision(states)
        assert states.walk("apply") == ["apply", "apply --adopt prod"]
        assert states.sql("SELECT count(*) FROM pg_stat_subscription") == [(1,)]
    finally:
        states.workspace.as_superuser("prod", f"DROP SUBSCRIPTION {name}")
