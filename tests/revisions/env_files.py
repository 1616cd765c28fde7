"""env.py files as projects have them, by what is special in each. ``{url}`` is an address that must never be used."""

HEAD = """
import os
from logging.config import fileConfig
from sqlalchemy import create_engine, engine_from_config, event, pool, text
from alembic import context

config = context.config
fileConfig(config.config_file_name)
URL = "{url}"
engine = create_engine("postgresql+psycopg2://" + URL, poolclass=pool.NullPool)
"""
RUN = """
    with context.begin_transaction():
        context.run_migrations()
"""
ENV_FILES = {
    "server parameters in the URL and in connect_args": HEAD
    + """
engine = create_engine(
    "postgresql+psycopg2://" + URL + "?options=-c%20app.tenant%3D7%20--work-mem=5MB", poolclass=pool.NullPool,
    connect_args={{"options": "-capp.place=Den\\\\ Haag", "connect_timeout": 1}},
)
with engine.connect() as connection:
    connection.rollback()
    context.configure(connection=connection)
    found = [connection.exec_driver_sql("SHOW " + name).scalar() for name in ("app.tenant", "work_mem", "app.place")]
    assert found == ["7", "5MB", "Den Haag"], found"""
    + RUN,
    "SQL before configure()": HEAD
    + """
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))
    context.configure(connection=connection)"""
    + RUN,
    "SQL that is committed before configure(), and SQL after it": HEAD
    + """
with engine.connect() as connection:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS audit"))
    connection.commit()
    connection.execute(text("SET statement_timeout = '60s'"))
    connection.commit()
    context.configure(connection=connection)
    context.execute("CREATE TABLE IF NOT EXISTS audit.runs (at timestamptz)")
    with context.begin_transaction():
        context.run_migrations()
        connection.execute(text("INSERT INTO audit.runs VALUES (now())"))
""",
    "an advisory lock on a connection of its own": HEAD
    + """
with engine.connect() as guard, engine.connect() as connection:
    guard.execute(text("SELECT pg_advisory_lock(4711)"))
    guard.commit()
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    guard.execute(text("SELECT pg_advisory_unlock(4711)"))
""",
    "one transaction around it all": HEAD
    + """
with engine.begin() as connection:
    context.configure(connection=connection)
    context.run_migrations()
""",
    "a connection that is not committed": HEAD
    + """
with engine.connect() as connection:
    connection.begin()
    context.configure(connection=connection)
    context.run_migrations()
""",
    "a transaction for each revision": HEAD
    + """
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)"""
    + RUN,
    "autocommit for the engine": HEAD
    + """
engine = create_engine("postgresql://" + URL, isolation_level="AUTOCOMMIT")
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '4s'"))
    context.configure(connection=connection)"""
    + RUN,
    "the attribute connection": HEAD
    + """
connectable = config.attributes.get("connection", None)
if connectable is None:
    raise SystemExit("no connection")
with connectable.connect() as connection:
    context.configure(connection=connection, compare_type=True)"""
    + RUN,
    "settings in a listener": HEAD
    + """
@event.listens_for(engine, "connect")
def configure_session(connection, record):
    before = connection.autocommit
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '4s'")
    connection.autocommit = before
    os.environ["LISTENER_WAS_CALLED"] = "yes"

@event.listens_for(engine, "begin")
def begin(connection):
    connection.exec_driver_sql("SET LOCAL work_mem = '8MB'")

with engine.connect() as connection:
    context.configure(connection=connection)"""
    + RUN
    + """
assert os.environ.pop("LISTENER_WAS_CALLED") == "yes"
""",
    "an engine of another database system, with its listeners": HEAD
    + """
engine = create_engine(os.environ.get("DATABASE_URL_OF_NOBODY", "sqlite:///rooms.sqlite"))

@event.listens_for(engine, "connect")
def connect(connection, record):
    connection.create_function("fold", 1, str.lower)
    connection.execute("PRAGMA foreign_keys = ON")

@event.listens_for(engine, "begin")
def begin(connection):
    connection.exec_driver_sql("PRAGMA busy_timeout = 10")

with engine.connect() as connection:
    context.configure(connection=connection, render_as_batch=True)"""
    + RUN,
    "schemas translated": HEAD
    + """
with engine.connect() as connection:
    connection = connection.execution_options(schema_translate_map={{None: "public", "tenant": "public"}})
    context.configure(connection=connection)"""
    + RUN,
    "its own filters": HEAD
    + """
def include_object(object_, name, kind, reflected, compare_to):
    return name != "spatial_ref_sys"

def process_revision_directives(migration_context, revision, directives):
    if config.cmd_opts.autogenerate and directives[0].upgrade_ops.is_empty():
        directives[:] = []

options = config.get_section(config.config_ini_section, {{}})
connectable = engine_from_config(options, prefix="sqlalchemy.", poolclass=pool.NullPool)
with connectable.connect() as connection:
    assert context.get_x_argument(as_dictionary=True) == {{}}
    context.configure(
        connection=connection,
        include_object=include_object,
        process_revision_directives=process_revision_directives,
    )"""
    + RUN,
    "the database created first": HEAD
    + """
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    name = engine.url.database
    if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {{"name": name}}):
        connection.execute(text("CREATE DATABASE " + name))
engine.dispose()
with engine.connect() as connection:
    context.configure(connection=connection)"""
    + RUN,
    "drivers used directly": HEAD
    + """
import asyncio, asyncpg, psycopg, psycopg2

async def ask():
    connection = await asyncpg.connect("postgresql://" + URL)
    names.add(await connection.fetchval("SELECT current_database()"))
    await connection.close()
    async with await psycopg.AsyncConnection.connect("postgresql://" + URL) as connection:
        names.add((await (await connection.execute("SELECT current_database()")).fetchone())[0])

names = set()
asyncio.run(ask())
with psycopg.connect("postgresql://" + URL) as connection:
    names.add(connection.execute("SELECT current_database()").fetchone()[0])
connection = psycopg2.connect("postgresql://" + URL)
with connection.cursor() as cursor:
    cursor.execute("SELECT current_database()")
    names.add(cursor.fetchone()[0])
connection.close()
raw = engine.raw_connection()
cursor = raw.cursor()
cursor.execute("SELECT current_database()")
names.add(cursor.fetchone()[0])
raw.close()
with engine.connect() as connection:
    names.add(connection.scalar(text("SELECT current_database()")))
    context.configure(connection=connection)"""
    + RUN
    + """
assert len(names) == 1, names
""",
    "asynchronous, in a thread, with SQL of its own": """
import asyncio
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from alembic import context

def run(connection):
    inspect(connection).get_table_names()
    context.configure(connection=connection)"""
    + RUN
    + """
async def main():
    engine = create_async_engine("postgresql+asyncpg://{url}")
    async with engine.connect() as connection:
        await connection.execute(text("SET lock_timeout = '4s'"))
        await connection.commit()
        await connection.run_sync(run)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
    await engine.dispose()

with ThreadPoolExecutor() as executor:
    executor.submit(asyncio.run, main()).result()
""",
    "SQL as asyncpg has it": """
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from alembic import context

def run(connection):
    ask = connection.exec_driver_sql
    assert ask("SELECT format('%I.%s', 'a b', 7 % 4)").scalar() == '"a b".3'
    assert ask("SELECT '%%'").scalar() == "%%"
    assert ask("SELECT $2::int - $1::int, '$1', 5 % $1::int", (2, 9)).one() == (7, "$1", 1)
    ask("CREATE TEMPORARY TABLE pairs (a int, b text)")
    ask("INSERT INTO pairs VALUES ($1, $2 || '%')", [(1, "x"), (2, "y")])
    assert ask("SELECT * FROM pairs ORDER BY a").all() == [(1, "x%"), (2, "y%")]
    ask("DROP TABLE pairs")
    connection.commit()
    context.configure(connection=connection)"""
    + RUN
    + """
async def main():
    engine = create_async_engine("postgresql+asyncpg://{url}")
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT '%'")).scalar() == "%"
        await connection.run_sync(run)

asyncio.run(main())
""",
    "two-phase commit": HEAD
    + """
connection = engine.connect()
transaction = connection.begin_twophase()
context.configure(connection=connection)
context.run_migrations()
transaction.prepare()
transaction.commit()
connection.close()
""",
}
