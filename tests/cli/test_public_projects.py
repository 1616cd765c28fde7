"""Projects shaped after public ones are taken through a gated prod, with their env.py and scripts as they are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.fix_folder import write_script
from tests.fix_servers import running_server
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

ENV = """
import os
from sqlalchemy import engine_from_config, pool, text
from alembic import context

config = context.config
connectable = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
with connectable.connect() as connection:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION {owner}"))
    connection.execute(text("SET ROLE {owner}"))
    connection.execute(text("SET lock_timeout = '3s'"))
    connection.commit()
    context.configure(
        connection=connection, version_table="versions", version_table_schema="audit",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("RESET ROLE"))
"""
PLATFORM = """
-- what the database administrator has created
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{owner}') THEN CREATE ROLE {owner} NOLOGIN; END IF;
END $$;
CREATE ROLE {reader} LOGIN PASSWORD 'x';
ALTER ROLE {reader} SET statement_timeout = '1min';
GRANT {reader} TO {owner};
CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO {owner}, {reader};
GRANT CREATE ON SCHEMA public TO {owner};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT ON TABLES TO {reader};
"""
ORM = """from sqlalchemy.orm import Session
    with Session(bind=op.get_bind()) as session:
        session.execute(sa.text("INSERT INTO rooms (name) VALUES ('hall')"))
        session.commit()"""
COPY = """import io
    cursor = op.get_bind().connection.cursor()
    cursor.copy_expert("COPY kinds (name) FROM STDIN", io.StringIO("small\\nlarge\\n"))"""
CONCURRENTLY = """with op.get_context().autocommit_block():
        op.create_index("rooms_name", "rooms", ["name"], postgresql_concurrently=True)"""
FILE = """from pathlib import Path
    op.execute(Path(__file__).with_suffix(".sql").read_text())"""
REVISIONS: dict[str, tuple[Any, str]] = {
    "0001": (None, FILE),
    "0002a": ("0001", ORM),
    "0002b": ("0001", COPY),
    "0003": (("0002a", "0002b"), "pass"),
    "0004": ("0003", CONCURRENTLY),
}
TABLES = """
CREATE TABLE rooms (id int GENERATED ALWAYS AS IDENTITY, name extensions.citext NOT NULL);
CREATE TABLE kinds (name text);
CREATE FUNCTION add(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT a + b';
ALTER TABLE rooms ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON rooms FOR SELECT TO {reader} USING (true);
GRANT INSERT ON rooms TO {reader};
"""


@pytest.fixture
def roles(workspace: Workspace) -> Iterator[dict[str, str]]:
    """Roles of the environments' server, which the migrating role is a member of; and the platform in each database."""
    suffix = secrets.token_hex(4)
    names = {"owner": f"owner_{suffix}", "reader": f"reader_{suffix}"}
    workspace.as_superuser(
        "local", "CREATE ROLE {owner}; CREATE ROLE {reader}; GRANT {owner} TO rollout".format(**names)
    )
    for env in workspace.database_urls:
        for statement in PLATFORM.format(**names).partition("GRANT")[2].partition(";")[2].split(";"):
            if statement.strip():
                workspace.as_superuser(env, statement)
    yield names
    for env in workspace.database_urls:
        # one role after the other: in one command, PostgreSQL misses the default privileges that it has just removed
        for role in names.values():
            workspace.as_superuser(env, f"DROP OWNED BY {role} CASCADE")
    workspace.as_superuser("local", "DROP ROLE {owner}, {reader}".format(**names))


def write_project(workspace: Workspace, roles: dict[str, str], scratch: str) -> None:
    """Write the project, with a rollout.toml that names a scratch server."""
    root = workspace.root
    versions = root / "src/db/versions"
    versions.mkdir(parents=True)
    (root / "src/db/env.py").write_text(ENV.format(**roles))
    (root / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/src/db\nprepend_sys_path = src\nsqlalchemy.url = postgresql+psycopg2://u@nowhere.invalid/x\n"
    )
    for revision, (parent, body) in REVISIONS.items():
        write_script(versions / f"{revision}.py", revision, parent, body, "raise NotImplementedError")
    (versions / "0001.sql").write_text(TABLES.format(**roles))
    (root / "platform.sql").write_text(PLATFORM.format(**roles))
    toml = (root / "rollout.toml").read_text()
    head, _, rest = toml.partition("[[environment]]")
    del head
    release = f'[release]\nscratch = "{scratch}"\nversion_table = "audit.versions"\n\n[release.platform]\nsql = "platform.sql"\n\n'
    (root / "rollout.toml").write_text(release + "[[environment]]" + rest)


def test_a_project_with_roles_and_an_extension_of_the_platform(
    workspace: Workspace, roles: dict[str, str], request: pytest.FixtureRequest
) -> None:
    other = running_server(request.config, 15)
    write_project(workspace, roles, other.url("postgres", ADMIN))
    workspace.roll_out()
    workspace.assert_plan_is_empty()
    assert workspace.cli("drift").code == 0
    owner = "SELECT tableowner FROM pg_tables WHERE tablename IN ('rooms', 'kinds', 'versions')"
    for env in workspace.database_urls:
        assert workspace.sql(env, owner) == [(roles["owner"],)] * 3
        assert workspace.sql(env, "SELECT version_num FROM audit.versions") == [("0004",)]
        assert workspace.sql(
            env, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'rooms_name'::regclass"
        ) == [(True,)]
    workspace.as_superuser("prod", f"GRANT UPDATE ON rooms TO {roles['reader']}")
    assert workspace.cli("drift", "prod").code == 4
    with psycopg.connect(other.url("postgres", ADMIN)) as session:
        left = session.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(roles.values())]
        )
        assert left.fetchall() == []


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (None, "names the role reader_"),
        ("CREATE ROLE {owner}; CREATE ROLE {reader}; CREATE EXTENSION no_such", "has the extension no_such"),
        ("CREATE SCHEMA a; CREATE SCHEMA a", 'schema "a" already exists'),
    ],
)
def test_a_platform_that_lacks_something_is_refused(
    workspace: Workspace, request: pytest.FixtureRequest, sql: str | None, error: str
) -> None:
    names = {"owner": "pg_monitor", "reader": f"reader_{secrets.token_hex(4)}"}
    other = running_server(request.config, 15)
    write_project(workspace, names, other.url("postgres", ADMIN))
    text = sql or (
        "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; "
        "GRANT USAGE ON SCHEMA extensions TO pg_monitor; GRANT CREATE ON SCHEMA public TO pg_monitor"
    )
    (workspace.root / "platform.sql").write_text(text.format(**{**names, "owner": "anybody"}))
    assert error in workspace.expect_error(2, "plan")
