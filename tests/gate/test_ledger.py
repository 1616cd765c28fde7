"""The ledger: one row for each action in the same transaction, append-only, hash-chained, and with unique nonces."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.ledger import LedgerChainBroken
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.errors.planning.plans import PlanChanged
from wish_rollout.core.ledger import Act, verify_chain
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment

if TYPE_CHECKING:
    from tests.fix_project import Workspace
    from tests.gate.conftest import Gate
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.plan.plan import EnvironmentPlan

ACT = Act("upgrade", "who", "run", "release", "plan", "base", "0001", "before", "after", 7)
PER_MIGRATION = "context.configure(connection=connection, transaction_per_migration=True, "
CONCURRENTLY = """
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    from alembic import op
    op.execute("create table many (id int)")
    with op.get_context().autocommit_block():
        op.execute("create index concurrently many_id on many (id)")


def downgrade() -> None:
    from alembic import op
    op.execute("drop table many")
"""


def filled(url: str, rows: int = 3) -> psycopg.Connection[Any]:
    connection = connect(url, "the test")
    with connection.transaction():
        ledger.create_if_missing(connection, "prod")
    for _ in range(rows):
        with connection.transaction():
            ledger.append(connection, "prod", ACT)
    return connection


def test_hash_chain_is_valid(database: str) -> None:
    with filled(database) as connection:
        entries = list(ledger.read(connection))
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == ["", entries[0].hash, entries[1].hash]
    verify_chain("prod", entries)


@pytest.mark.parametrize(
    "statement",
    [
        "update wish_rollout.ledger set who = 'nobody'",
        "delete from wish_rollout.ledger",
        "truncate wish_rollout.ledger",
        (
            "insert into wish_rollout.ledger select 9, at, act, who, run, release, plan, revision_from, revision_to,"
            " fingerprint_before, fingerprint_after, milliseconds, nonce, detail, 'x', 'y' from wish_rollout.ledger"
            " where seq = 1"
        ),
    ],
)
def test_ledger_rejects_rows_that_break_the_chain(database: str, statement: str) -> None:
    with filled(database) as connection:
        with pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityConstraintViolation)
        ):
            connection.execute(statement.encode())
        assert len(list(ledger.read(connection))) == 3


@pytest.mark.parametrize(
    ("forged", "row"),
    [
        ("update wish_rollout.ledger set who = 'nobody' where seq = 2", 2),
        ("update wish_rollout.ledger set detail = '{\"x\": 1}' where seq = 1", 1),
        ("update wish_rollout.ledger set at = at + interval '1 second' where seq = 3", 3),
        ("delete from wish_rollout.ledger where seq = 2", 3),
    ],
)
def test_rows_forged_by_the_owner_break_the_chain(database18: str, forged: str, row: int) -> None:
    with filled(database18) as connection:
        connection.execute("alter table wish_rollout.ledger disable trigger user")
        connection.execute(forged.encode())
        with pytest.raises(LedgerChainBroken) as caught:
            verify_chain("prod", list(ledger.read(connection)))
    assert caught.value.seq == row


def test_concurrent_sessions_use_a_nonce_once(database: str) -> None:
    """Two sessions that passed every check: a unique constraint accepts one of them."""
    filled(database, 0).close()
    act = Act("upgrade", "who", "run", "release", "plan", "base", "1", "a", "b", 1, nonce="n")
    barrier, ends = threading.Barrier(2), []

    def worker() -> None:
        with connect(database, "the test") as connection:
            try:
                with connection.transaction():
                    assert not ledger.read_nonce_use(connection, "n")
                    barrier.wait(10)
                    ledger.append(connection, "prod", act)
                ends.append("done")
            except RolloutError as error:
                ends.append(type(error).__name__)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ends) in (["ApprovalUsed", "done"], ["LedgerWriteFailed", "done"])
    with connect(database, "the test") as connection:
        assert len(list(ledger.read(connection))) == 1
        with pytest.raises(ApprovalUsed):
            ledger.append(connection, "prod", act)


def test_concurrent_rollouts_use_an_approval_once(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    processes = [gate.workspace.start("apply") for _ in range(2)]
    ended = [gate.workspace.wait_for(process, 120) for process in processes]
    assert 0 in [result.code for result in ended], ended
    assert gate.ledger("act") == [("upgrade",)]
    assert gate.workspace.revision("prod") == "0007"


def test_used_approval_stays_used_after_the_loss_of_the_dagster_database(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.submit_approval(document)[0] == 0
    assert gate.workspace.cli("apply").code == 0
    back = ("rollback", "prod", "--to", "base")
    assert gate.workspace.cli(*back).code == 3
    assert gate.approve()[0] == 0
    assert gate.workspace.cli(*back).code == 0
    import dagster as dg

    from wish_rollout.defs.gate.approval_events import approval_event
    from wish_rollout.defs.runs.instance import open_instance

    with open_instance(gate.workspace.project.config) as instance:
        instance.wipe_assets([dg.AssetKey(["approval", "prod_approval"])])
        instance.report_runless_asset_event(approval_event(document))
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, gate.workspace.revision("prod")) == (3, None)
    assert gate.submit_approval(document)[0] == 6


@pytest.mark.parametrize("way", ["a transaction a migration", "an autocommit block"])
def test_release_with_several_commits_uses_the_approval_in_the_first_one(gate: Gate, way: str) -> None:
    workspace = gate.workspace
    if way == "a transaction a migration":
        workspace.edit("migrations/env.py", "context.configure(connection=connection, ", PER_MIGRATION)
        assert workspace.cli("generate", "--record").code == 0
    else:
        (workspace.root / "migrations/versions/0008_many.py").write_text(CONCURRENTLY)
        workspace.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    request = gate.ask()
    assert gate.approve()[0] == 0
    done = workspace.cli("apply")
    assert done.code == 0, done
    assert gate.ledger("act, nonce") == [("upgrade begun", request.nonce), ("upgrade", None)]
    assert workspace.cli("log", "prod", "--verify").code == 0


def test_schema_change_between_the_approval_check_and_the_first_statement(gate: Gate) -> None:
    """A manual change after the gatekeeper has accepted the plan under the lock."""
    workspace = gate.workspace

    def slow(plan: EnvironmentPlan, _connection: psycopg.Connection[Any]) -> Authorization:
        from tests.fix_project import grant_anything

        workspace.sql("prod", "create table if not exists sneaked_in (id int)")
        return grant_anything(plan, _connection)

    with workspace.as_current_project(), pytest.raises(PlanChanged, match="the live schema was"):
        migrate_environment(workspace.project, workspace.project.target("prod"), actor=Actor(gatekeeper=slow))
    assert workspace.revision("prod") is None
    assert workspace.sql("prod", "select to_regnamespace('wish_rollout')") == [(None,)]


def test_error_for_a_role_that_cannot_create_the_ledger_has_the_sql(workspace: Workspace) -> None:
    database = urlsplit(workspace.database_urls["local"]).path.removeprefix("/")
    workspace.as_superuser("local", f'revoke create on database "{database}" from rollout')
    said = workspace.expect_error(6, "apply")
    assert "may not create the ledger of 'local'" in said
    workspace.as_superuser("local", "create schema wish_rollout authorization rollout")
    assert workspace.cli("apply", "--until", "local").code == 0
    assert workspace.sql("local", "select act from wish_rollout.ledger") == [("upgrade",)]


def test_adoption_is_recorded(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "delete from alembic_version")
    assert workspace.cli("apply", "--until", "local", "--adopt", "local").code == 0
    assert workspace.sql("local", "select act from wish_rollout.ledger order by seq") == [
        ("upgrade",),
        ("adopt",),
    ]
