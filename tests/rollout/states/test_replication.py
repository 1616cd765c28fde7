"""Physical and logical replication: what a standby, a promoted standby and a subscriber are for a rollout."""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fix_replica import running_pair
from tests.rollout.states.conftest import EVERYTHING
from tests.rollout.states.test_walk import add_revision, at_head
from tests.servers import EMBEDDED, versions
from wish_rollout.sandbox.binaries import runnable_bindir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_replica import Node
    from tests.rollout.states.project import States

HINT = re.compile(r"on the publisher: (.*); when its changes have arrived, in 'prod': (.*); then")


@dataclass
class Pair:
    """A primary and its standby, and the project, whose only environment is a database of the primary."""

    states: States
    primary: Node
    standby: Node

    def create(self) -> str:
        """Create a database on the primary; return its URL."""
        name = f"r_{secrets.token_hex(4)}"
        execute(self.primary.url("postgres"), f"CREATE DATABASE {name}")
        return self.primary.url(name)

    def use(self, url: str, name: str = "prod") -> None:
        """Let the URL of an environment lead to this database."""
        self.states.workspace.set_url(name, url)
        self.states.workspace.database_urls[name] = url

    def walk(self) -> list[str]:
        """Walk from ``apply`` until prod is in step; return the commands, without the approvals."""
        self.states.walked, self.states.output = [], ""
        return [each for each in self.states.walk("apply") if not each.startswith("approve")]

    def status(self) -> str:
        """Return the lines of ``status``."""
        return self.states.cli("status").out


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Node, Node]]:
    with running_pair("UTF8", "-c wal_level=logical", request.param) as running:
        yield running


@pytest.fixture
def pair(signed_states: States, servers: tuple[Node, Node]) -> Pair:
    made = Pair(signed_states, *servers)
    made.use(made.create())
    return made


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def wait_for(url: str, query: str, expected: list[tuple[object, ...]]) -> None:
    """Wait until replication has led to the expected rows; also to the table or the database."""
    found: object = None
    for _ in range(600):
        try:
            found = execute(url, query)
        except (psycopg.errors.UndefinedTable, psycopg.OperationalError) as error:
            found = error
        if found == expected:
            return
        time.sleep(0.05)
    pytest.fail(f"{query}: {found}")


def subscribe(pair: Pair, publisher: str, subscriber: str) -> None:
    """Copy the schema, and subscribe to all tables. In one cluster, the slot must exist before."""
    execute(publisher, "CREATE PUBLICATION everything FOR ALL TABLES")
    program = str(runnable_bindir(pair.states.workspace.server.bindir) / "pg_dump")
    command = [program, "--schema-only", "--no-publications", "-d", publisher]
    dump = subprocess.run(command, text=True, check=True, capture_output=True).stdout
    execute(subscriber, "\n".join(line for line in dump.splitlines() if not line.startswith("\\")))
    name = urlsplit(subscriber).path[1:]
    execute(publisher, f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    execute(
        subscriber,
        f"CREATE SUBSCRIPTION {name} CONNECTION '{publisher}' PUBLICATION everything WITH (create_slot = false)",
    )
    wait_for(subscriber, "SELECT id FROM items", [(1,)])
    wait_for(subscriber, "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'", [(0,)])


def end_subscription(subscriber: str) -> None:
    execute(subscriber, f"DROP SUBSCRIPTION {urlsplit(subscriber).path[1:]}")


VERSIONS = versions() if EVERYTHING else [EMBEDDED]
ON_SERVERS = pytest.mark.parametrize(
    ("signed_states", "servers"),
    [(version, version) for version in VERSIONS],
    indirect=True,
    ids=map(str, VERSIONS),
)


@ON_SERVERS
def test_subscriber_to_all_tables_is_an_environment_without_the_publishers_records(pair: Pair) -> None:
    """With the ledger and the version table, the publisher's next release would stop replication."""
    publisher, subscriber = pair.states.workspace.database_urls["prod"], pair.create()
    at_head(pair.states)
    subscribe(pair, publisher, subscriber)
    try:
        pair.use(subscriber)
        assert "drifted" in pair.status()
        assert "added subscription" in pair.states.cli("drift").out
        add_revision(pair.states)
        refused = pair.states.run("apply", "--adopt", "prod").err
        assert "fills public.alembic_version, wish_rollout.ledger" in refused, refused
        for url, statement in zip((publisher, subscriber), HINT.findall(refused)[0], strict=True):
            execute(url, statement)
        assert pair.walk() == ["apply", "apply --adopt prod", "apply --adopt prod"]
        pair.use(publisher)
        assert pair.walk()[-1] == "apply --adopt prod"
        execute(publisher, "INSERT INTO items (id, colour) VALUES (2, 'red')")
        wait_for(subscriber, "SELECT colour FROM items ORDER BY id", [(None,), ("red",)])
        for url in (publisher, subscriber):
            pair.use(url)
            assert "in_step" in pair.status()
            assert "is valid" in pair.states.cli("log", "prod", "--verify").err
    finally:
        end_subscription(subscriber)


@ON_SERVERS
def test_read_replica_is_read_and_when_promoted_continues_the_ledger(pair: Pair) -> None:
    """As in a blue/green deployment: an approval that was not used before the promotion counts for both."""
    states, primary = pair.states, pair.states.workspace.database_urls["prod"]
    at_head(states)
    replica = pair.standby.url(urlsplit(primary).path[1:])
    wait_for(replica, "SELECT id FROM items", [(1,)])
    pair.use(replica)
    assert "in_step" in pair.status()
    assert states.cli("drift").code == 0
    assert states.run("apply").code == 0
    add_revision(states)
    refused = states.run("apply").err
    assert "the server is a replica (in recovery)" in refused
    assert "remove a read replica of another environment from rollout.toml" in refused
    pair.use(primary)
    assert pair.walk() == ["apply", "apply"]
    wait_for(replica, "SELECT version_num FROM alembic_version", [("r2",)])
    pair.use(replica)
    assert "in_step" in pair.status()

    states.revision("r3", "r2", "ALTER TABLE items ADD COLUMN size int", "ALTER TABLE items DROP COLUMN size")
    pair.use(primary)
    assert states.run("apply").code == 3
    assert states.run("approve").code == 0
    execute(pair.standby.url("postgres"), "SELECT pg_promote()")
    for url in (replica, primary):
        pair.use(url)
        assert states.run("apply").code == 0
        states.assert_in_step()
        assert "the hash chain of 3 rows is valid" in states.cli("log", "prod", "--verify").err
        assert states.sql("SELECT id, title, price FROM items") == [(1, "brick", 5)]
