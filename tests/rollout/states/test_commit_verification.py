"""A migration that does not lead to the promised schema is found before its commit, and nothing is committed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_project import CATALOG_ROWS, REPOSITORY
from wish_rollout.core.errors.verification import CommitRefused
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.catalog.snapshot_reader import read_catalog
from wish_rollout.postgres.execution.transaction_changes import TransactionChanges

if TYPE_CHECKING:
    from tests.rollout.states.project import States

ONLY_HERE = "DO $here$ BEGIN IF current_database() LIKE 'test%' THEN {} END IF; END $here$"
ONLY_IN_REPLAYS = ONLY_HERE.replace("LIKE", "NOT LIKE")
ADD_COLUMN = "ALTER TABLE items ADD COLUMN colour text"
NEW_TABLE = "CREATE TABLE stores (id int PRIMARY KEY)"
EVENT_TRIGGER = """
CREATE FUNCTION {schema}.note_table() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE made record;
BEGIN
    FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE TABLE' LOOP
        EXECUTE format('COMMENT ON TABLE %s IS ''noted''', made.object_identity);
    END LOOP;
END $$;
CREATE EVENT TRIGGER note_table ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
    EXECUTE FUNCTION {schema}.note_table()
"""
IN_TWO_TRANSACTIONS = """from alembic import op
revision = "r2"
down_revision = "r1"

def upgrade():
    op.execute("CREATE TABLE stores (id int PRIMARY KEY)")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY by_title ON items (title)")

def downgrade():
    op.execute("DROP TABLE stores")
    op.execute("DROP INDEX by_title")
"""
KILLED = """
import os, signal
from pathlib import Path
from tests.fix_project import grant_anything
from wish_rollout.rollout.execution.commit_verification import CommitVerification
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project

verify = CommitVerification.before_commit
def verify_and_die(self):
    verify(self)
    os.kill(os.getpid(), signal.SIGKILL)
CommitVerification.before_commit = verify_and_die
project = Project.load(Path("rollout.toml").resolve())
migrate_environment(project, project.target("prod"), actor=Actor(gatekeeper=grant_anything))
"""

UNPROMISED = {
    "an index more": (f"{ADD_COLUMN}; " + ONLY_HERE.format("CREATE INDEX more ON items (price);"), "more"),
    "an index less": (f"{ADD_COLUMN}; " + ONLY_HERE.format("DROP INDEX by_price;"), "by_price"),
    "another table": (
        f"{ADD_COLUMN}; " + ONLY_HERE.format("ALTER TABLE other ALTER a SET NOT NULL;"),
        "other",
    ),
    "a table more": (f"{ADD_COLUMN}; " + ONLY_HERE.format("CREATE TABLE more ();"), "more"),
    "another type": (
        ONLY_IN_REPLAYS.format(f"{ADD_COLUMN};")
        + "; "
        + ONLY_HERE.format("ALTER TABLE items ADD colour int;"),
        "colour",
    ),
    "nothing": (ONLY_IN_REPLAYS.format(f"{ADD_COLUMN};"), "colour"),
    "a part": (f"{ADD_COLUMN}; " + ONLY_IN_REPLAYS.format("CREATE INDEX more ON items (price);"), "more"),
    "default privileges": (
        ONLY_HERE.format("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;") + f"; {NEW_TABLE}",
        "stores",
    ),
    "in a subtransaction": (
        f"{ADD_COLUMN}; "
        + ONLY_HERE.format("BEGIN CREATE VIEW more AS SELECT 1; EXCEPTION WHEN OTHERS THEN NULL; END;"),
        "more",
    ),
}
"""Statements that lead to another schema in an environment than in a replay, and what an error names."""


def start(states: States) -> None:
    """Migrate to a first revision, with an index and a second table."""
    more = "; CREATE INDEX by_price ON items (price); CREATE TABLE other (a int)"
    script = states.workspace.root / "db/versions/r1.py"
    script.write_text(script.read_text().replace("price int)", f"price int){more}"))
    states.migrate()


def ledger_rows(states: States) -> list[tuple[object, ...]]:
    return states.sql("SELECT count(*), max(seq) FROM wish_rollout.ledger")


def test_unpromised_change_is_not_committed(states: States) -> None:
    start(states)
    before = states.sql(CATALOG_ROWS), ledger_rows(states)
    for case, (statement, name) in UNPROMISED.items():
        states.revision("r2", "r1", statement)

        with pytest.raises(CommitRefused) as refused:
            states.migrate()

        assert name in refused.value.difference, case
        assert "nothing was committed" in str(refused.value)
        assert (states.sql(CATALOG_ROWS), ledger_rows(states)) == before, case
        assert states.workspace.revision("prod") == "r1"


def test_change_by_an_event_trigger_is_not_committed(states: States) -> None:
    start(states)
    states.workspace.as_superuser("prod", "CREATE SCHEMA platform; GRANT USAGE ON SCHEMA platform TO PUBLIC")
    states.workspace.edit(
        "rollout.toml", "[release]", '[scope]\nschemas = ["public"]\nunmanaged = "report"\n\n[release]'
    )
    states.workspace.as_superuser("prod", EVENT_TRIGGER.format(schema="platform"))
    states.revision("r2", "r1", NEW_TABLE, "DROP TABLE stores")
    before = states.sql(CATALOG_ROWS)

    with pytest.raises(CommitRefused, match="stores"):
        states.migrate()

    assert states.sql(CATALOG_ROWS) == before
    states.workspace.as_superuser("prod", "DROP EVENT TRIGGER note_table")
    states.migrate()
    assert states.workspace.revision("prod") == "r2"


def test_default_privileges_of_the_platform_are_promised(states: States) -> None:
    states.sql("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    start(states)
    states.revision(
        "r2", "r1", f"{NEW_TABLE}; {ADD_COLUMN}", "DROP TABLE stores; ALTER TABLE items DROP COLUMN colour"
    )
    states.migrate()
    states.assert_in_step()


def test_downgrade_that_does_not_lead_back_is_not_committed(gated_states: States) -> None:
    states = gated_states
    start(states)
    back = ONLY_IN_REPLAYS.format("ALTER TABLE items DROP COLUMN colour;")
    states.revision("r2", "r1", f"{ADD_COLUMN}; {NEW_TABLE}", f"DROP TABLE stores; {back}")
    states.migrate()
    before = states.sql(CATALOG_ROWS), ledger_rows(states)

    result = states.cli("rollback", "prod")
    assert result.code == 3
    assert states.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    result = states.cli("rollback", "prod")

    assert (result.code, "colour" in result.err, "rollback prod --to r1" in result.err) == (5, True, True), (
        result
    )
    assert (states.sql(CATALOG_ROWS), ledger_rows(states)) == before


@pytest.mark.parametrize("per_revision", [False, True])
def test_release_with_several_transactions_is_verified_at_its_commits(
    states: States, per_revision: bool
) -> None:
    start(states)
    (states.workspace.root / "db/versions/r2.py").write_text(IN_TWO_TRANSACTIONS)
    states.revision("r3", "r2", f"{ADD_COLUMN}; " + ONLY_HERE.format("CREATE INDEX more ON items (price);"))
    if per_revision:
        states.workspace.edit(
            "db/env.py", "(connection=connection)", "(connection=connection, transaction_per_migration=True)"
        )

    with pytest.raises(CommitRefused, match="more") as refused:
        states.migrate()

    assert "what was committed before it remains" in str(refused.value)
    assert states.sql("SELECT to_regclass('by_title') IS NOT NULL, to_regclass('more') IS NULL") == [
        (True, True)
    ]
    if per_revision:
        states.revision("r3", "r2", ADD_COLUMN, "ALTER TABLE items DROP COLUMN colour")
        states.migrate()
        states.assert_in_step()


def test_first_of_several_transactions_is_verified(states: States) -> None:
    start(states)
    states.revision("r2", "r1", f"{ADD_COLUMN}; " + ONLY_HERE.format("CREATE INDEX more ON items (price);"))
    states.revision("r3", "r2", NEW_TABLE, "DROP TABLE stores")
    states.workspace.edit(
        "db/env.py", "(connection=connection)", "(connection=connection, transaction_per_migration=True)"
    )
    before = states.sql(CATALOG_ROWS)

    with pytest.raises(CommitRefused, match="more"):
        states.migrate()

    assert states.sql(CATALOG_ROWS) == before


def test_killed_between_the_verification_and_the_commit(states: States) -> None:
    start(states)
    states.revision(
        "r2", "r1", f"{ADD_COLUMN}; {NEW_TABLE}", "DROP TABLE stores; ALTER TABLE items DROP COLUMN colour"
    )
    before = states.sql(CATALOG_ROWS), ledger_rows(states)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}

    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=states.workspace.root, env=environment, check=False, timeout=120
    )

    assert killed.returncode == -9
    states.migrate()  # waits until the server has noticed, and released the rollout lock
    assert before[0] != states.sql(CATALOG_ROWS)
    assert states.sql("SELECT count(*) FROM wish_rollout.ledger") == [(before[1][0][0] + 1,)]  # type: ignore[operator]
    states.assert_in_step()


@pytest.mark.parametrize("others_wait", [True, False])
@pytest.mark.parametrize("is_read_before", [True, False])
def test_only_what_the_transaction_wrote_is_read(
    states: States, *, others_wait: bool, is_read_before: bool
) -> None:
    url = states.workspace.database_urls["prod"]
    with psycopg.connect(url, autocommit=True) as session, psycopg.connect(url, autocommit=True) as other:
        other.execute("CREATE TABLE ours (a int)")
        reading = read_catalog(session, Scope()) if is_read_before else None
        changes = TransactionChanges(session, Scope())
        with session.transaction():
            changes.begin(reading, others_wait=others_wait)
            session.execute("ALTER TABLE ours ADD COLUMN b int")
            other.execute("CREATE TABLE theirs (a int)")
            with session.transaction():
                session.execute("CREATE SEQUENCE nested")
            assert changes.read()
            assert not changes.read()
            assert {key for key in changes.changed if key[0] in ("table", "sequence")} == {
                ("table", "public.ours"),
                ("sequence", "public.nested"),
            }
            assert ("column", "public.ours.b") in changes.objects


def test_a_transaction_begins_with_what_its_session_has_read_before(states: States) -> None:
    """Others have created and dropped tables meanwhile; the session drops one of each age, and finds just that."""
    url = states.workspace.database_urls["prod"]
    with psycopg.connect(url, autocommit=True) as session, psycopg.connect(url, autocommit=True) as other:
        for name in ("dropped_by_us", "dropped_by_others", "kept"):
            other.execute(f"CREATE TABLE {name} (a int)")
        reading = read_catalog(session, Scope())
        other.execute("DROP TABLE dropped_by_others")
        other.execute("CREATE TABLE created_by_others (a int)")
        changes = TransactionChanges(session, Scope())
        with session.transaction():
            changes.begin(reading)
            session.execute("DROP TABLE dropped_by_us")
            session.execute("ALTER TABLE kept ADD COLUMN b int")
            assert changes.read()
            tables = {name for kind, name in changes.changed if kind == "table"}
            assert tables == {"public.dropped_by_us", "public.kept"}
            assert ("table", "public.dropped_by_us") not in changes.objects
            assert ("column", "public.kept.b") in changes.objects
        changes.end_transaction(is_read=True)
        other.execute("CREATE TABLE later (a int)")
        changes.miss()
        changes.begin_transaction()
        assert {
            ("table", f"public.{name}") for name in ("later", "created_by_others")
        } <= changes.objects.keys()
        assert ("table", "public.dropped_by_others") not in changes.objects


SPY = """CREATE FUNCTION public.spy(oid, text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'it runs as %', current_user; END $$;
CREATE FUNCTION public.spy(oid, regnamespace) RETURNS bool LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'it runs as %', current_user; END $$;
CREATE OPERATOR public.|| (LEFTARG = oid, RIGHTARG = text, FUNCTION = public.spy);
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = public.spy)"""


@pytest.mark.parametrize("is_read_before", [True, False])
def test_no_operator_of_the_database_is_executed(states: States, *, is_read_before: bool) -> None:
    states.workspace.as_superuser("prod", SPY)
    with psycopg.connect(states.workspace.database_urls["prod"], autocommit=True) as session:
        reading = read_catalog(session, Scope()) if is_read_before else None
        session.execute("SET search_path TO public, pg_catalog")
        with session.transaction():
            changes = TransactionChanges(session, Scope())
            changes.begin(reading)
            session.execute("CREATE TABLE made (a int)")
            assert changes.read()
    assert ("table", "public.made") in changes.changed


HISTORY = """CREATE FUNCTION public.keep_history() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE made record;
    BEGIN
        FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'wish_rollout.ledger' LOOP
            CREATE TABLE IF NOT EXISTS public.history_of_ledger (LIKE wish_rollout.ledger);
        END LOOP;
    END $$;
CREATE EVENT TRIGGER history ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.keep_history()"""


def test_what_the_creation_of_the_ledger_causes_is_no_change_of_a_revision(states: States) -> None:
    path = states.workspace.root / "rollout.toml"
    text = path.read_text().partition("[[environment]]")[0]
    path.write_text(f'{text}[[environment]]\nname = "prod"\n\n[scope]\nunmanaged = "report"\n')
    states.workspace.as_superuser("prod", HISTORY)

    states.migrate()

    assert states.sql("SELECT count(*) FROM wish_rollout.ledger") == [(1,)]


def test_what_was_missed_is_read_before_a_transaction_writes_although_it_has_read(states: States) -> None:
    url = states.workspace.database_urls["prod"]
    with psycopg.connect(url) as session, psycopg.connect(url, autocommit=True) as other:
        changes = TransactionChanges(session, Scope())
        changes.begin()
        session.commit()
        changes.end_transaction(is_read=False)
        other.execute("CREATE TABLE missed (a int)")
        session.execute("SELECT 1")

        changes.begin_transaction()

        assert ("table", "public.missed") in changes.objects
        session.execute("ALTER TABLE missed ADD COLUMN b int")
        other.execute("CREATE TABLE theirs (a int)")
        changes.begin_transaction()
        assert changes.read()
        assert ("column", "public.missed.b") in changes.objects
        assert ("table", "public.theirs") not in changes.objects
