"""The ledger: one row an act, in the act's transaction; append-only, chained, and a nonce only once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.ledger import LedgerChainBroken
from wish_rollout.core.errors.plans import PlanChanged
from wish_rollout.core.errors.requests import ApprovalUsed
from wish_rollout.core.ledger import Act, verify
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment

if TYPE_CHECKING:
    from tests.fix_project import Road
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


def test_the_chain_holds_and_each_row_follows_on_the_one_before(database: str) -> None:
    with filled(database) as connection:
        entries = list(ledger.read(connection))
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == ["", entries[0].hash, entries[1].hash]
    verify("prod", entries)


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
def test_it_takes_only_what_follows_on(database: str, statement: str) -> None:
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
def test_what_an_owner_forges_breaks_the_chain(database18: str, forged: str, row: int) -> None:
    with filled(database18) as connection:
        connection.execute("alter table wish_rollout.ledger disable trigger user")
        connection.execute(forged.encode())
        with pytest.raises(LedgerChainBroken) as caught:
            verify("prod", list(ledger.read(connection)))
    assert caught.value.seq == row


def test_a_nonce_is_taken_once_also_by_two_at_the_same_moment(database: str) -> None:
    """Two workers that both got past every check: the database lets one of them through."""
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
    assert sorted(ends) in (["ApprovalUsed", "done"], ["LedgerUnwritable", "done"])
    with connect(database, "the test") as connection:
        assert len(list(ledger.read(connection))) == 1
        with pytest.raises(ApprovalUsed):
            ledger.append(connection, "prod", act)


def test_two_rollouts_at_once_use_an_approval_once(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    processes = [gate.road.start("apply") for _ in range(2)]
    ended = [gate.road.ended(process, 120) for process in processes]
    assert 0 in [result.code for result in ended], ended
    assert gate.ledger("act") == [("upgrade",)]
    assert gate.road.revision("prod") == "0007"


def test_after_dagsters_database_was_lost_a_used_approval_stays_used(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.hand_in(document)[0] == 0
    assert gate.road.cli("apply").code == 0
    back = ("rollback", "prod", "--to", "base")
    assert gate.road.cli(*back).code == 3
    assert gate.approve()[0] == 0
    assert gate.road.cli(*back).code == 0
    import dagster as dg

    from wish_rollout.defs.gate.approval_events import approval_event
    from wish_rollout.defs.runs.instance import open_instance

    with open_instance(gate.road.project.config) as instance:
        instance.wipe_assets([dg.AssetKey(["approval", "prod"])])
        instance.report_runless_asset_event(approval_event(document))
    stopped = gate.road.cli("apply")
    assert (stopped.code, "was used already" in stopped.err, gate.road.revision("prod")) == (3, True, None)


@pytest.mark.parametrize("way", ["a transaction a migration", "an autocommit block"])
def test_what_commits_half_way_uses_the_approval_up_in_its_first_commit(gate: Gate, way: str) -> None:
    road = gate.road
    if way == "a transaction a migration":
        road.edit("migrations/env.py", "context.configure(connection=connection, ", PER_MIGRATION)
    else:
        (road.root / "migrations/versions/0008_many.py").write_text(CONCURRENTLY)
        road.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    request = gate.ask()
    assert gate.approve()[0] == 0
    done = road.cli("apply")
    assert done.code == 0, done
    assert gate.ledger("act, nonce") == [("upgrade begun", request.nonce), ("upgrade", None)]
    assert road.cli("log", "prod", "--verify").code == 0


def test_a_schema_that_changes_between_the_approval_and_the_first_statement(gate: Gate) -> None:
    """The gatekeeper says yes under the lock, and only then somebody changes the schema by hand."""
    road = gate.road

    def slow(plan: EnvironmentPlan, _connection: psycopg.Connection[Any]) -> Authorization:
        from tests.fix_project import anybody

        road.sql("prod", "create table if not exists sneaked_in (id int)")
        return anybody(plan, _connection)

    with road.here(), pytest.raises(PlanChanged, match="the live schema was"):
        migrate_environment(road.project, road.project.target("prod"), actor=Actor(gatekeeper=slow))
    assert road.revision("prod") is None
    assert road.sql("prod", "select to_regnamespace('wish_rollout')") == [(None,)]


def test_a_role_that_may_not_create_the_ledger_is_told_what_to_paste(road: Road) -> None:
    database = urlsplit(road.made["local"]).path.removeprefix("/")
    road.as_superuser("local", f'revoke create on database "{database}" from rollout')
    said = road.told(6, "apply")
    assert "may not create the ledger of 'local'" in said
    road.as_superuser("local", "create schema wish_rollout authorization rollout")
    assert road.cli("apply", "--until", "local").code == 0
    assert road.sql("local", "select act from wish_rollout.ledger") == [("upgrade",)]


def test_adopting_is_recorded_as_well(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "delete from alembic_version")
    assert road.cli("apply", "--until", "local", "--adopt", "local").code == 0
    assert road.sql("local", "select act from wish_rollout.ledger order by seq") == [("upgrade",), ("adopt",)]
