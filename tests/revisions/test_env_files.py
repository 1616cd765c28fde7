"""Every kind of env.py runs unchanged on the session that migrates, and nothing reaches the address that it knows."""

from __future__ import annotations

import importlib
import socket
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from tests.revisions.env_files import ENV_FILES
from wish_rollout.core.errors.projects import FlaskAppMissing, NoMigrationsRun, SeveralDatabases
from wish_rollout.core.errors.releases import ScriptFailed, VersionTableMismatch
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.runs.run_parameters import ScriptRun
from wish_rollout.revisions.runs.script_runs import migrate
from wish_rollout.revisions.script_folder.alembic_config import ScriptOptions
from wish_rollout.revisions.script_folder.scripts import Scripts
from wish_rollout.revisions.statements.run_hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import NewDatabase

FIRST = """
from alembic import op
import sqlalchemy as sa

revision, down_revision = "0001", None

def upgrade(engine_name="engine1"):
    assert engine_name in ("engine1", "")
    op.create_table("rooms", sa.Column("id", sa.Integer, primary_key=True))

def downgrade(engine_name="engine1"):
    op.drop_table("rooms")
"""
SECOND = """
from alembic import op

revision, down_revision = "0002", "0001"

def upgrade(engine_name="engine1"):
    op.execute("INSERT INTO rooms VALUES (1)")
{block}

def downgrade(engine_name="engine1"):
    op.execute("DELETE FROM rooms")
"""
CONCURRENTLY = """
    with op.get_context().autocommit_block():
        op.create_index("rooms_id", "rooms", ["id"], postgresql_concurrently=True, if_not_exists=True)
"""
ALONE = ("one transaction around it all", "a connection that is not committed", "two-phase commit")
"""Alembic itself allows no autocommit_block() in a transaction that env.py has begun."""
TEMPLATES = {
    "generic": "postgresql://{}",
    "async": "postgresql+asyncpg://{}",
    "pyproject": "postgresql+psycopg2://{}",
    "pyproject_async": "postgresql+psycopg://{}",
}
APP = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql+psycopg2://{url}"
    app.config["SQLALCHEMY_BINDS"] = {binds}
    db = SQLAlchemy(app)
    Migrate(app, db)
    return app
"""
UPGRADING_APP = APP.replace(
    "    return app",
    """    with app.app_context():
        with db.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        upgrade("{migrations}")
    return app""",
).replace("import Migrate", "import Migrate, upgrade")


@pytest.fixture
def canary() -> Iterator[str]:
    """An address that env.py knows. The test fails if anything connects to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield f"somebody:secret@127.0.0.1:{server.getsockname()[1]}/canary"
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture(scope="module")
def module_databases(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    from tests.fix_servers import running_server
    from tests.servers import EMBEDDED, databases

    with databases(running_server(request.config, EMBEDDED)) as new:
        yield new


@pytest.fixture
def database(module_databases: NewDatabase) -> str:
    return module_databases()


def write_scripts(folder: Path, *, concurrently: bool) -> None:
    (folder / "versions").mkdir(exist_ok=True)
    (folder / "versions/0001.py").write_text(FIRST)
    (folder / "versions/0002.py").write_text(SECOND.format(block=CONCURRENTLY if concurrently else ""))


def init(root: Path, template: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what ``alembic init -t TEMPLATE migrations`` does, and write the URL into alembic.ini."""
    monkeypatch.chdir(root)
    config = Config("alembic.ini", toml_file="pyproject.toml", stdout=open("log", "w"))  # noqa: SIM115, PTH123
    with closing(config.stdout):
        command.init(config, "migrations", template)
    ini = root / "alembic.ini"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url, 1))
    write_scripts(root / "migrations", concurrently=template != "multidb")
    monkeypatch.chdir("/")


def up_and_down(scripts: Scripts, url: str) -> list[str]:
    """Migrate up and down again; return the hooks in the order of their calls."""
    called: list[str] = []
    hooks = Hooks(
        first=lambda: called.append("first"),
        early=lambda: called.append("early"),
        last=lambda: called.append("last"),
    )
    with connect(url, "the test") as connection:
        run = ScriptRun(scripts, connection, url, environment="the test")
        applied = migrate(run, "0002", hooks=hooks)
        assert applied.revisions == ["0001", "0002"]
        assert "INSERT INTO rooms VALUES (1)" in applied.statements["0002"]
        assert position(connection) == [("0002",)]
        assert connection.execute("SELECT * FROM rooms").fetchall() == [(1,)]
        assert migrate(run, "0002").revisions == []
        assert migrate(run, "base", "down").revisions == ["0002", "0001"]
        assert position(connection) == []
        settings = "SELECT name FROM pg_settings WHERE source = 'session' AND name <> 'transaction_read_only'"
        assert connection.execute(settings).fetchall() == []
        databases = "SELECT count(*) FROM pg_database WHERE datname = 'canary'"
        assert connection.execute(databases).fetchall() == [(0,)]
    return called


def position(connection: psycopg.Connection) -> list[tuple[str]]:
    return connection.execute("SELECT version_num FROM public.alembic_version").fetchall()


@pytest.mark.parametrize("name", ENV_FILES)
def test_an_env_file_runs_unchanged(name: str, database: str, canary: str, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    write_scripts(folder, concurrently=name not in ALONE)
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    (folder / "env.py").write_text(ENV_FILES[name].format(url=canary))
    called = up_and_down(Scripts(tmp_path), database)
    assert called[0] == "first"
    assert called[1:] == (["last"] if name in ALONE else ["early", "last"])


def test_alembic_logs_the_direction_of_each_step(
    database: str, canary: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    write_scripts(folder, concurrently=False)
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    (folder / "env.py").write_text(ENV_FILES["its own filters"].format(url=canary))
    with caplog.at_level("INFO", logger="alembic.runtime.migration"):
        up_and_down(Scripts(tmp_path), database)
    words = [message.split()[:2] for message in caplog.messages if message.startswith("Running")]
    assert words == [["Running", "upgrade"]] * 2 + [["Running", "downgrade"]] * 2


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_of_alembic_runs_unchanged(
    template: str, database: str, canary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path, template, TEMPLATES[template].format(canary), monkeypatch)
    up_and_down(Scripts(tmp_path), database)


def test_one_of_several_databases_is_chosen(
    database: str, canary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path, "multidb", f"postgresql://{canary}", monkeypatch)
    with pytest.raises(SeveralDatabases, match="engine1, engine2"):
        _ = Scripts(tmp_path).release
    up_and_down(Scripts(tmp_path, options=ScriptOptions(database="engine1")), database)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Flask-SQLAlchemy, in that template
@pytest.mark.parametrize("template", ["flask", "flask-multidb"])
def test_a_project_of_flask_migrate_runs_unchanged(
    template: str, database: str, canary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask_migrate = pytest.importorskip("flask_migrate")

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "flask_shop", raising=False)
    binds = f"{{'engine2': 'postgresql://{canary}'}}" if template == "flask-multidb" else "{}"
    (tmp_path / "flask_shop.py").write_text(APP.format(url=canary, binds=binds))
    cli = importlib.import_module("flask.cli")

    with cli.ScriptInfo(app_import_path="flask_shop:create_app").load_app().app_context():
        flask_migrate.init(template=template)
    write_scripts(tmp_path / "migrations", concurrently=False)
    monkeypatch.chdir("/")
    with pytest.raises(FlaskAppMissing, match="FLASK_APP"):
        up_and_down(Scripts(tmp_path), database)
    scripts = Scripts(tmp_path, options=ScriptOptions(flask_app="flask_shop:create_app"))
    if template == "flask-multidb":
        with pytest.raises(SeveralDatabases, match="engine2"):
            up_and_down(scripts, database)
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT to_regclass('rooms')").fetchall() == [(None,)]
    else:
        up_and_down(scripts, database)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Flask-SQLAlchemy, in the template
@pytest.mark.parametrize("folder", ["app", "site-packages"])
def test_an_application_that_migrates_while_it_is_loaded_leaves_that_to_this_program(
    folder: str, database: str, canary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask_migrate = pytest.importorskip("flask_migrate")
    (tmp_path / folder).mkdir()
    monkeypatch.syspath_prepend(tmp_path / folder)
    monkeypatch.delitem(__import__("sys").modules, "flask_shop", raising=False)
    shop = tmp_path / folder / "flask_shop.py"
    shop.write_text(APP.format(url=canary, binds="{}"))
    cli = importlib.import_module("flask.cli")
    with cli.ScriptInfo(app_import_path="flask_shop:create_app").load_app().app_context():
        flask_migrate.init(str(tmp_path / "migrations"))
    shop.write_text(UPGRADING_APP.format(url=canary, binds="{}", migrations=tmp_path / "migrations"))
    monkeypatch.delitem(__import__("sys").modules, "flask_shop")
    write_scripts(tmp_path / "migrations", concurrently=False)
    up_and_down(Scripts(tmp_path, options=ScriptOptions(flask_app="flask_shop:create_app")), database)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NoMigrationsRun),
        ("raise RuntimeError('no settings')", ScriptFailed),
        ("raise SystemExit('no settings')", ScriptFailed),
        ("context.configure(version_table='versions')", VersionTableMismatch),
        ("engine.connect().exec_driver_sql('DROP DATABASE IF EXISTS canary')", ScriptFailed),
    ],
)
def test_an_env_file_that_cannot_be_run_is_refused(
    text: str, error: type[Exception], database: str, canary: str, tmp_path: Path
) -> None:
    (tmp_path / "migrations").mkdir()
    write_scripts(tmp_path / "migrations", concurrently=False)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (tmp_path / "migrations/env.py").write_text(
        ENV_FILES["its own filters"].split("URL =")[0]
        + (f"engine = create_engine('postgresql://{canary}')\n{text}\n")
    )
    with pytest.raises(error):
        up_and_down(Scripts(tmp_path), database)
    with psycopg.connect(database) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchall() == [(0,)]
    assert urlsplit(database).path
