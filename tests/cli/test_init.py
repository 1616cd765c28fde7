"""First contact: ``init`` finds the project, writes what is missing, examines it, and names the next command."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config

from tests.fix_folder import write_script
from tests.revisions.test_env_files import APP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

ENV = """
from alembic import context
from sqlalchemy import create_engine
from shop.models import Base

target_metadata = Base.metadata
with create_engine("postgresql://u@nowhere.invalid/x").connect() as connection:
    context.configure(connection=connection, version_table="versions", version_table_schema="public")
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def empty(workspace: Workspace) -> Workspace:
    """A workspace in which nothing is configured."""
    for path in ("rollout.toml", "dagster.yaml", "workspace.yaml", "pyproject.toml"):
        (workspace.root / path).unlink()
    (workspace.root / "migrations").rename(workspace.root / "old")
    (workspace.root / "old/env.py").unlink()
    os.environ.pop("ALEMBIC_CONFIG", None)
    return workspace


def write_project(root: Path) -> None:
    (root / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/src/db\n")
    (root / "src/db/versions").mkdir(parents=True)
    (root / "src/db/env.py").write_text(ENV)
    (root / "shop").mkdir()
    (root / "shop/__init__.py").touch()
    (root / "shop/models.py").write_text(
        "import sqlalchemy as sa\nclass Base:\n    metadata = sa.MetaData()\n"
    )
    up = 'op.execute("CREATE TABLE t (a int)")'
    write_script(root / "src/db/versions/0001.py", "0001", None, up, 'op.drop_table("t")')


def test_dagster_validates_the_written_workspace(empty: Workspace) -> None:
    write_project(empty.root)
    assert empty.cli("init").code in (0, 2)
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    done = empty.wait_for(empty.process(command))
    assert (done.code, "Validation successful" in done.err + done.out) == (0, True), done


def test_written_project_has_the_folder_that_dg_needs(empty: Workspace) -> None:
    """dg is no dependency: check, list and launch were tried with it."""
    write_project(empty.root)
    assert empty.cli("init").code in (0, 2)
    project = tomllib.loads((empty.root / "dg.toml").read_text())["project"]
    assert project["code_location_target_module"] == "wish_rollout.definitions"
    assert (empty.root / "src" / project["root_module"] / "defs").is_dir()
    assert importlib.util.find_spec(project["code_location_target_module"])


def test_sections_of_alembic_ini_without_the_usual_one_are_named(empty: Workspace) -> None:
    ini = "[DEFAULT]\nscript_location = %(here)s/src/db\n[rooms]\n[audit]\n[loggers]\nkeys = root\n"
    (empty.root / "setup").mkdir()
    (empty.root / "setup/alembic.ini").write_text(ini)
    assert "cd setup && wish-rollout init" in empty.expect_error(2, "init")
    write_project(empty.root)
    (empty.root / "alembic.ini").write_text(ini)
    error = empty.expect_error(2, "init")
    assert "sections with a script folder: rooms, audit" in error
    assert "wish-rollout init --section rooms" in error
    assert empty.cli("init", "--section", "rooms").code in (0, 2)
    release = tomllib.loads((empty.root / "rollout.toml").read_text())["release"]
    assert (release["migrations"], release["alembic_section"]) == ("src/db", "rooms")


def test_project_of_dg_is_left_as_it_is(empty: Workspace) -> None:
    write_project(empty.root)
    (empty.root / "pyproject.toml").write_text('[tool.dg]\ndirectory_type = "project"\n')
    assert empty.cli("init").code in (0, 2)
    assert not (empty.root / "dg.toml").exists()
    assert not (empty.root / "src/rollout_location").exists()


def test_it_finds_what_env_py_says_and_records_a_baseline(empty: Workspace) -> None:
    write_project(empty.root)
    result = empty.cli("init", "--baseline", "prod")
    assert result.code == 0, result
    release = tomllib.loads((empty.root / "rollout.toml").read_text())["release"]
    assert release == {
        "migrations": "src/db",
        "version_table": "public.versions",
        "models": "shop.models:Base.metadata",
    }
    assert "scripts: 1 revisions, head 0001" in result.out
    assert "scratch server: the server of 'local'" in result.out
    assert (empty.root / "src/db/meta/_journal.json").exists()
    assert "next: wish-rollout drift prod" in result.err
    again = empty.cli("init")
    assert "kept   rollout.toml" in again.out
    assert "next: wish-rollout generate --record" in again.err


def test_models_that_are_no_metadata_are_not_taken_from_env_py(empty: Workspace) -> None:
    write_project(empty.root)
    (empty.root / "shop").rename(empty.root / "depot")  # other tests of this process import the package shop
    (empty.root / "depot/models.py").write_text("class Base:\n    metadata = None\n")
    empty.edit("src/db/env.py", "from shop.models", "from depot.models")
    empty.cli("init")
    assert "models" not in tomllib.loads((empty.root / "rollout.toml").read_text())["release"]


def test_it_drafts_the_platform_of_a_database(empty: Workspace) -> None:
    write_project(empty.root)
    empty.as_superuser(
        "prod",
        "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO PUBLIC;"
        "CREATE SCHEMA app AUTHORIZATION rollout; GRANT USAGE ON SCHEMA app TO sandbox",
    )
    result = empty.cli("init", "--from", "prod")
    assert result.code == 0, result
    drafted = (empty.root / "platform.sql").read_text()
    for line in (
        'CREATE ROLE "sandbox" NOLOGIN;',
        "CREATE SCHEMA app;",
        "CREATE SCHEMA extensions",
        "CREATE EXTENSION citext",
    ):
        assert line in drafted, drafted
    assert tomllib.loads((empty.root / "rollout.toml").read_text())["release"]["platform"] == {
        "sql": "platform.sql"
    }
    assert empty.cli("drift", "prod").code == 0
    assert empty.cli("init", "--from", "prod").code == 0
    assert (empty.root / "platform.sql").read_text() == drafted


def test_it_names_the_folder_below_and_what_is_missing(empty: Workspace, tmp_path: Path) -> None:
    assert "no Alembic project" in empty.expect_error(2, "init")
    (empty.root / "services/shop").mkdir(parents=True)
    write_project(empty.root / "services/shop")
    error = empty.expect_error(2, "init")
    assert "services/shop has one" in error
    assert "cd services/shop && wish-rollout init" in error


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_knows_pyproject_multidb_and_flask(empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = empty.root
    monkeypatch.chdir(root)
    with (root / "log").open("w") as log:
        command.init(Config("alembic.ini", toml_file="pyproject.toml", stdout=log), "db", "multidb")
    assert "wish-rollout.toml" not in [path.name for path in root.iterdir()]
    assert "engine1, engine2" in empty.expect_error(2, "init")
    assert empty.cli("init", "--database", "engine1").code == 0
    assert tomllib.loads((root / "rollout.toml").read_text())["release"]["database"] == "engine1"
    for name in ("rollout.toml", "alembic.ini"):
        (root / name).unlink()
    with (root / "log").open("w") as log:
        command.init(Config("alembic.ini", toml_file="pyproject.toml", stdout=log), "scripts", "pyproject")
    result = empty.cli("init")
    assert result.code == 0, result
    assert tomllib.loads((root / "rollout.toml").read_text())["release"]["migrations"] == "scripts"
    for name in ("rollout.toml", "alembic.ini", "pyproject.toml"):
        (root / name).unlink()
    flask_migrate = pytest.importorskip("flask_migrate")
    (root / "app.py").write_text(APP.format(url="u@nowhere.invalid/x", binds="{}"))
    monkeypatch.syspath_prepend(root)
    from importlib import import_module

    with import_module("flask.cli").ScriptInfo().load_app().app_context():
        flask_migrate.init()
    del sys.modules["app"]  # Flask finds it in other tests of this process
    result = empty.cli("init")
    assert result.code == 0, result
    text = (root / "rollout.toml").read_text()
    assert '# flask_app = "package:create_app"' in text
    assert tomllib.loads(text)["release"]["migrations"] == "migrations"


def test_it_takes_the_configuration_of_the_application(empty: Workspace) -> None:
    root = empty.root
    write_project(root)
    (root / "alembic.ini").unlink()
    (root / "src/db/versions").rename(root / "src/db/2026")
    (root / "upgrades.py").write_text(CONFIG)
    assert "--alembic-config module:function" in empty.expect_error(2, "init")
    assert "cannot be used" in empty.expect_error(2, "init", "--alembic-config", "upgrades:other")
    assert not (root / "rollout.toml").exists()
    result = empty.cli("init", "--alembic-config", "upgrades:config")
    assert result.code == 0, result
    release = tomllib.loads((root / "rollout.toml").read_text())["release"]
    assert release == {
        "alembic_config": "upgrades:config",
        "version_table": "public.versions",
        "models": "shop.models:Base.metadata",
    }
    assert "kept   rollout.toml" in empty.cli("init", "--baseline", "prod").out
    assert "upgrades.py" in (root / "src/db/meta/_code.json").read_text()
    (root / "upgrades.py").write_text(CONFIG + "# another\n")
    assert "upgrades.py changed" in empty.project.code.differences()


CONFIG = """
from pathlib import Path
from alembic.config import Config

def config():
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "src/db"))
    config.set_main_option("version_locations", str(Path(__file__).parent / "src/db/2026"))
    return config
"""
