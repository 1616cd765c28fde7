"""Attacks with scripts that send something else in production, run on a real database with the guard of a gate.

One folder of scripts and one database serve all tries: what is refused is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_servers import running_server
from tests.servers import EMBEDDED, databases
from wish_rollout.core.errors.execution import (
    ClusterChangeRefused,
    CodeNotApproved,
    DriverStatementRefused,
    StatementNotApproved,
)
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.runs.run_parameters import ScriptRun
from wish_rollout.revisions.runs.script_runs import migrate
from wish_rollout.revisions.script_folder.scripts import Scripts
from wish_rollout.revisions.statements.rehearsed_statements import AFTER, BEFORE, Rehearsed
from wish_rollout.revisions.statements.run_hooks import Hooks
from wish_rollout.revisions.statements.statement_guard import StatementGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

ENV = """
import os
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(sa.text("SET LOCAL statement_timeout = '60s'"))
        if os.environ.get("TEST_MODE") == "env.py sends more":
            connection.execute(sa.text("CREATE TABLE more (id int)"))
        context.run_migrations()
        if os.environ.get("TEST_MODE") == "env.py sends more at the end":
            connection.execute(sa.text("CREATE TABLE more (id int)"))
"""
REVISION = """
import os
from alembic import op
import sqlalchemy as sa

revision, down_revision = "0001", None


def upgrade():
    op.execute("CREATE TABLE fresh (id int, label text)")
    attack = ATTACKS.get(os.environ.get("TEST_MODE"))
    if attack:
        attack(op.get_bind(), op.get_bind().connection.driver_connection)
    op.get_bind().execute(sa.text("INSERT INTO fresh VALUES (1, :label)"), {"label": "approved"})
    op.get_bind().execute(sa.text("UPDATE fresh SET id = id * 2"))
    with op.get_context().autocommit_block():
        op.create_index("fresh_id", "fresh", ["id"], postgresql_concurrently=True)
    rows = op.get_bind().execute(sa.text("SELECT id FROM fresh"), execution_options={"stream_results": True})
    assert [row[0] for row in rows] == [2]
    assert sa.inspect(op.get_bind()).has_table("fresh")
    late = LATE.get(os.environ.get("TEST_MODE"))
    if late:
        late(op.get_bind())
    if os.environ.get("TEST_MODE") == "a mark for repeated batches":
        op.get_bind().execute(sa.text("UPDATE fresh SET id = id * 2"), execution_options={"wish_rollout_again": True})


def downgrade():
    op.drop_table("fresh")


MORE = "CREATE TABLE more (id int)"
version = lambda: op.get_context()._version


def change_parameters(bind, _):
    def change(conn, cursor, statement, parameters, context, many):
        return statement, {"label": "another"} if parameters else parameters
    sa.event.listen(bind.engine, "before_cursor_execute", change, retval=True)


def change_in_place(bind, _):
    def change(conn, cursor, statement, parameters, context, many):
        if parameters:
            parameters["label"] = "another"
    sa.event.listen(bind.engine, "before_cursor_execute", change)


def change_statement(bind, _):
    def change(conn, cursor, statement, parameters, context, many):
        return statement.replace("fresh VALUES (1", "fresh VALUES (3"), parameters
    sa.event.listen(bind.engine, "before_cursor_execute", change, retval=True)


def execute_instead(bind, _):
    def execute(cursor, statement, parameters, context):
        cursor.execute(statement, {"label": "another"})
        return True
    sa.event.listen(bind.engine.dialect, "do_execute", execute)


def other_cursor(name):
    def attack(_, driver):
        import psycopg
        getattr(psycopg, name)(driver).execute(MORE)
    return attack


def other_factory(_, driver):
    import psycopg
    driver.cursor_factory = psycopg.Cursor
    driver.execute(MORE)


def pg_catalog_query(bind, _):
    from sqlalchemy.dialects.postgresql import pg_catalog
    bind.execute(sa.select(sa.func.set_config("app.x", "y", False)).select_from(pg_catalog.pg_class))


def pg_catalog_text(bind, _):
    from sqlalchemy.dialects.postgresql import pg_catalog
    bind.execute(sa.select(sa.text("1")).select_from(pg_catalog.pg_class).where(sa.text("false; " + MORE)))


def pipeline(_, driver):
    with driver.pipeline():
        driver.execute(MORE)


def pool(bind, driver):
    import psycopg
    psycopg.Connection.connect("").execute(MORE)


def thread(bind, driver):
    import threading
    errors = []
    def work():
        try:
            driver.execute(MORE)
        except BaseException as error:
            errors.append(error)
    one = threading.Thread(target=work)
    one.start()
    one.join()


def run_in_thread(target, *arguments):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1) as threads:
        threads.submit(target, *arguments).exception()


def create_by_program(driver):
    from wish_rollout.postgres.records.ledger import create_if_missing
    create_if_missing(driver, "prod")


def named(bind, driver):
    source = compile("driver.execute(MORE)", "<string>", "exec")
    exec(source, {"__name__": "wish_rollout.revisions.runs.script_runs", "driver": driver, "MORE": MORE})


def internal_function(bind, driver):
    from wish_rollout.postgres.sessions.connections import connect
    from alembic import context
    connect(context.config.get_main_option("sqlalchemy.url"), "x").execute(MORE)


ATTACKS = {
    "parameters changed by a listener": change_parameters,
    "parameters changed in place": change_in_place,
    "a statement changed by a listener": change_statement,
    "executed by a listener": execute_instead,
    "another cursor": other_cursor("Cursor"),
    "a cursor that fills in parameters": other_cursor("ClientCursor"),
    "a raw cursor": other_cursor("RawCursor"),
    "a cursor of the connection": lambda _, driver: driver.cursor().execute(MORE),
    "a cursor on the server": lambda _, driver: driver.cursor(name="x").execute("SELECT set_config('app.x', 'y', false)"),
    "a cursor given to the dialect": lambda bind, driver: bind.dialect.do_execute(
        __import__("psycopg").Cursor(driver), MORE, None),
    "a rollback of the driver": lambda _, driver: driver.rollback(),
    "another cursor factory": other_factory,
    "a commit of the driver": lambda _, driver: driver.commit(),
    "a pipeline": pipeline,
    "a session": pool,
    "a thread": thread,
    "a COPY": lambda _, driver: driver.cursor().copy("COPY fresh FROM STDIN").__enter__(),
    "a name of this program": named,
    "a function of this program": internal_function,
    "a thread of a library": lambda _, driver: run_in_thread(driver.execute, MORE),
    "a table of this program": lambda _, driver: create_by_program(driver),
}
LATE = {
    "the version table with text": lambda bind: bind.execute(
        version().update().where(sa.text("false; " + MORE)).values(version_num="x")),
    "the version table with a function": lambda bind: bind.execute(
        version().insert().from_select(["version_num"], sa.select(sa.func.set_config("app.x", "y", False)).where(sa.false()))),
}
ATTACKS |= {
    "a query of the version table": lambda bind, _: bind.execute(
        sa.select(sa.func.set_config("app.x", "y", False)).select_from(version())),
    "a query of the catalog": pg_catalog_query,
    "a query of the catalog with text": pg_catalog_text,
    "a query marked as a helper's": lambda bind, _: bind.execute(sa.text(MORE), execution_options={"wish_rollout_looks": True}),
    "two statements": lambda bind, _: bind.exec_driver_sql("SELECT 1; " + MORE),
    "a DO block": lambda bind, _: op.execute("DO $$ BEGIN EXECUTE 'CREATE TABLE more (id int)'; END $$"),
    "an engine of its own": lambda bind, _: sa.create_engine("postgresql+psycopg://").connect().execute(sa.text(MORE)),
    "a raw connection": lambda bind, _: sa.create_engine("postgresql+psycopg://").raw_connection().cursor().execute(MORE),
    "a savepoint": lambda bind, _: bind.begin_nested().rollback() or bind.execute(sa.text("SET LOCAL work_mem = '1MB'")),
}
"""
REFUSED = (StatementNotApproved, DriverStatementRefused, CodeNotApproved, ClusterChangeRefused)


class Attempt:
    """Scripts whose behaviour depends on a variable, and the database that they are run on."""

    def __init__(self, scripts: Scripts, url: str, connection: psycopg.Connection[Any]) -> None:
        self.scripts = scripts
        self.run = ScriptRun(scripts, connection, url)
        self.connection = connection
        self.statements: dict[str, tuple[str, ...]] = {}

    def migrate(self, guard: StatementGuard | None = None) -> None:
        applied = migrate(self.run, "0001", hooks=Hooks(guard=guard))
        self.statements = {name: tuple(texts) for name, texts in applied.statements.items()}
        trace = self.scripts.trace
        self.statements |= {BEFORE: trace.before, AFTER: trace.after}

    def relations(self) -> Any:
        query = "select to_regclass('fresh'), to_regclass('more'), nullif(current_setting('app.x', true), '')"
        return self.connection.execute(query).fetchone()


@pytest.fixture(scope="module")
def attempt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempt]:
    """The scripts after a rehearsal, and an empty database."""
    root = tmp_path_factory.mktemp("evasions")
    (root / "migrations/versions").mkdir(parents=True)
    (root / "migrations/env.py").write_text(ENV)
    (root / "migrations/versions/0001.py").write_text(REVISION)
    with databases(running_server(request.config, EMBEDDED)) as new_database:
        url = new_database()
        with connect(url, "the test") as connection:
            prepared = Attempt(Scripts(root), url, connection)
            prepared.migrate()
            connection.execute("drop table fresh, alembic_version")
            yield prepared


def names() -> list[str]:
    inner = REVISION.split("ATTACKS = {")[1]
    quoted = [
        line.strip().split('": ')[0].strip('"') for line in inner.splitlines() if line.startswith('    "')
    ]
    return [*quoted, "env.py sends more", "env.py sends more at the end", "a mark for repeated batches"]


def test_rehearsed_statements_are_sent(attempt: Attempt) -> None:
    attempt.migrate(StatementGuard("prod", Rehearsed(attempt.statements)))
    assert attempt.relations()[0] is not None
    attempt.connection.execute("drop table fresh, alembic_version")


@pytest.mark.parametrize("mode", names())
def test_script_that_evades_the_comparison_is_refused(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("TEST_MODE", mode)
    rehearsed = dict(attempt.statements)
    try:
        with pytest.raises(REFUSED):
            attempt.migrate(StatementGuard("prod", Rehearsed(rehearsed)))
        fresh, *others = attempt.relations()
        assert others == [None, None]
        if fresh:  # what was approved may have been committed before
            assert attempt.connection.execute("select * from fresh").fetchall() == [(2, "approved")]
    finally:
        attempt.statements = rehearsed
        attempt.connection.execute("drop table if exists fresh, more, alembic_version")
        attempt.connection.execute("discard all")
