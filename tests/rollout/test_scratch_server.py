"""Which server scratch databases are created on, and what stays of the platform's roles there."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fix_folder import write_script
from tests.servers import bindir_of
from wish_rollout.core.environment.platform import Platform
from wish_rollout.core.errors.projects import DatabaseRoleFailed, ExtensionUnavailable
from wish_rollout.rollout.servers.scratch import scratch
from wish_rollout.rollout.servers.scratch_choice import choose_scratch_server
from wish_rollout.sandbox.installed_programs import available_extensions, installed_bindirs
from wish_rollout.sandbox.platform_setup import roles_for_scratch, run_platform
from wish_rollout.sandbox.scratch_databases import scratch_database
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from tests.fix_project import Workspace


def use_extension(workspace: Workspace, extension: str) -> None:
    versions = workspace.root / "migrations/versions"
    up = f'op.execute("CREATE EXTENSION IF NOT EXISTS \\"{extension}\\"")'
    write_script(versions / "0008_extension.py", "0008", "0007", up, "pass")


def without_scratch(workspace: Workspace) -> None:
    toml = workspace.root / "rollout.toml"
    lines = [line for line in toml.read_text().splitlines() if not line.startswith("scratch =")]
    toml.write_text("\n".join(lines))


def test_the_order_of_choice(workspace: Workspace) -> None:
    assert str(choose_scratch_server(workspace.project)) == "the server of [release] scratch"
    without_scratch(workspace)
    assert str(choose_scratch_server(workspace.project)).startswith("the server of 'local' (PostgreSQL 18")
    with scratch(workspace.project) as url:
        assert urlsplit(url).port == urlsplit(workspace.urls["local"]).port
    workspace.set_url("local", "postgresql://nobody@127.0.0.1:1/x")
    chosen = choose_scratch_server(workspace.project)
    assert (str(chosen), chosen.considered) == (
        "the embedded server",
        ("the server of 'local': it cannot be reached",),
    )
    workspace.unset_url("local")
    use_extension(workspace, "pgcrypto")
    chosen = choose_scratch_server(workspace.project)
    assert str(chosen).startswith("PostgreSQL "), chosen
    assert chosen.considered[0] == "the server of 'local': no URL is set"
    assert chosen.considered[1] == "the embedded server: it has no extension pgcrypto"


def test_a_replay_starts_installed_programs_that_have_the_extension(workspace: Workspace) -> None:
    without_scratch(workspace)
    workspace.unset_url("local")
    use_extension(workspace, "uuid-ossp")
    recorded = workspace.cli("generate", "--record")
    assert recorded.code == 0, recorded
    for home in (workspace.root / ".sandbox").glob("scratch-*"):
        assert not Server(home, home).is_running
        Server(home, home).remove()


def test_an_extension_that_no_server_has_is_named_with_the_servers(workspace: Workspace) -> None:
    use_extension(workspace, "no_such_extension")
    error = workspace.expect_error(2, "plan")
    assert "has the extension no_such_extension. Considered: the server of [release] scratch: used." in error
    without_scratch(workspace)
    with pytest.raises(ExtensionUnavailable) as raised:
        choose_scratch_server(workspace.project)
    for name in (
        "the server of 'local'",
        "the embedded server",
        *(str(each) for _, each in installed_bindirs()),
    ):
        assert name in raised.value.servers


def test_a_feature_that_the_scratch_server_was_built_without_is_named(workspace: Workspace) -> None:
    up = "op.execute(\"CREATE COLLATION nocase (provider = icu, locale = 'und')\")"
    write_script(workspace.root / "migrations/versions/0008_icu.py", "0008", "0007", up, "pass")
    error = workspace.expect_error(2, "plan")
    assert "revision 0008: ICU is not supported in this build. Considered: the server of" in error
    assert 'hint: name a server that can, in rollout.toml: [release] scratch = "' in error


def test_a_table_that_no_revision_creates_leads_to_the_baseline(workspace: Workspace) -> None:
    """ScratchRelationMissing."""
    up = 'op.execute("ALTER TABLE older ADD COLUMN a int")'
    write_script(workspace.root / "migrations/versions/0008_older.py", "0008", "0007", up, "pass")
    assert "wish-rollout init --baseline ENV" in workspace.expect_error(1, "plan")


def test_extensions_of_installed_programs_are_known() -> None:
    debian = bindir_of(15)
    assert debian
    assert {"pgcrypto", "uuid-ossp", "plpgsql"} <= available_extensions(debian)


@pytest.mark.parametrize("rights", ["CREATEDB CREATEROLE", "CREATEDB"])
@pytest.mark.pg(">=15")
def test_a_role_like_a_cloud_providers_administrator(server: Server, rights: str) -> None:
    admin, role = f"cloud_{secrets.token_hex(4)}", f"owner_{secrets.token_hex(4)}"
    platform = Platform.read(
        f"CREATE ROLE {role} LOGIN; CREATE SCHEMA app AUTHORIZATION {role}; GRANT CREATE ON SCHEMA public TO {role};"
        f"SET ROLE {role}; CREATE TABLE app.t (a int); RESET ROLE"
    )
    with psycopg.connect(server.url("postgres", ADMIN), autocommit=True) as session:
        session.execute(f"CREATE ROLE {admin} LOGIN {rights} PASSWORD 'cloud'".encode())
        parts = urlsplit(server.url("postgres", ADMIN))
        url = parts._replace(netloc=f"{admin}:cloud@{parts.hostname}:{parts.port}").geturl()
        try:
            with scratch_database(url, lambda keeper: roles_for_scratch(keeper, platform.roles)) as database:
                run_platform(database, platform, "platform.sql", "the test")
                with psycopg.connect(database) as there:
                    owner = there.execute(
                        "SELECT tableowner FROM pg_tables WHERE schemaname = 'app'"
                    ).fetchall()
                assert owner == [(role,)]
                # another replay at the same time leaves the role alone
                with scratch_database(url, lambda keeper: roles_for_scratch(keeper, platform.roles)):
                    pass
                assert session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            assert "CREATEROLE" in rights
        except DatabaseRoleFailed as error:
            assert "CREATEROLE" not in rights, error  # noqa: PT017
        assert session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None
        session.execute(f"DROP ROLE {admin}".encode())
