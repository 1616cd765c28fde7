"""The privileges of the roles: each command works with its role, and no role has more privileges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gate.conftest import Gate

PASSWORD = "three-roles-s3cret"
COMMITTING = """
from alembic import op
from wish_rollout.safe import create_index_concurrently
revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.execute("CREATE TABLE other (id int)")
    create_index_concurrently("by_price", "wishlist_items", ["price"])


def downgrade() -> None:
    op.drop_index("by_price")
    op.drop_table("other")
"""


@dataclass
class Roles:
    """Prod with the URL of one of the roles."""

    gate: Gate
    prefix: str

    def be(self, role: str) -> None:
        url = urlsplit(self.gate.workspace.database_urls["prod"])
        place = f"{url.hostname}:{url.port}{url.path}"
        self.gate.workspace.set_url("prod", f"postgresql://{self.prefix}_{role}:{PASSWORD}@{place}")

    def refuses(self, statement: str) -> bool:
        with psycopg.connect(self.gate.workspace.urls["prod"], autocommit=True) as connection:
            try:
                connection.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                return True
        return False


@pytest.fixture
def roles(gate: Gate) -> Iterator[Roles]:
    workspace = gate.workspace
    database = urlsplit(workspace.database_urls["prod"]).path.removeprefix("/")
    made = Roles(gate, database)
    printed = workspace.cli("roles", "prod", "--prefix", database)
    assert printed.code == 0
    workspace.secrets.append(PASSWORD)
    workspace.as_superuser("prod", printed.out)
    names = [f"{database}_{name}" for name in ("reader", "migrator", "owner")]
    for name in names[:2]:
        workspace.as_superuser("prod", f"alter role \"{name}\" password '{PASSWORD}'")
    workspace.edit("rollout.toml", 'name = "prod"\n', f'name = "prod"\nmigrator = "{names[1]}"\n')
    yield made
    workspace.as_superuser("prod", f'alter database "{database}" owner to rollout')
    for name in names:
        workspace.as_superuser("prod", f'drop owned by "{name}" cascade')
        workspace.as_superuser("prod", f'drop role "{name}"')


def test_privileges_of_migrator_and_reader(roles: Roles) -> None:
    gate, workspace = roles.gate, roles.gate.workspace
    roles.be("migrator")
    gate.ask()
    assert gate.approve()[0] == 0
    done = workspace.cli("apply")
    assert done.code == 0, done
    assert workspace.cli("rollback", "prod").code == 3
    assert gate.approve()[0] == 0
    assert workspace.cli("rollback", "prod").code == 0

    for statement in (
        "update wish_rollout.ledger set who = 'nobody'",
        "alter table wish_rollout.ledger disable trigger user",
        "drop table wish_rollout.ledger",
        "drop schema wish_rollout cascade",
        "create table wish_rollout.mine ()",
    ):
        assert roles.refuses(statement), statement

    (workspace.root / "migrations/versions/0008_index.py").write_text(COMMITTING)
    workspace.edit("rollout.toml", "0007 = ", "0008 = ['somebody@example.org']\n0007 = ")
    gate.ask()
    assert gate.approve()[0] == 0
    assert workspace.cli("apply").code == 0
    assert workspace.sql("prod", "select to_regclass('by_price') is not null") == [(True,)]

    gate.add_earlier_environments()
    roles.be("reader")
    assert roles.refuses("select gave from wish_rollout.journal")
    for command in (
        ("status",),
        ("plan",),
        ("drift", "prod"),
        ("snapshot", "prod"),
        ("verify", "prod"),
        ("log", "prod", "--verify"),
        ("diff", "prod", "staging"),
        ("doctor",),
    ):
        result = workspace.cli(*command)
        assert result.code in ((0, 4) if command[0] == "diff" else (0,)), (command, result)
    for statement in (
        "select from wishlist_items",
        "create table mine ()",
        "create temporary table mine ()",
        "insert into alembic_version values ('x')",
        "insert into wish_rollout.ledger select * from wish_rollout.ledger",
    ):
        assert roles.refuses(statement), statement


def test_actions_that_the_reader_lacks_privileges_for_are_refused(roles: Roles) -> None:
    roles.gate.add_earlier_environments()
    roles.be("reader")
    refused = roles.gate.workspace.cli("apply")
    assert (refused.code, "may not write to the ledger of 'prod'" in refused.err) == (6, True)
    assert roles.gate.workspace.revision("local") is None
