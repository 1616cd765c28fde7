"""Projects whose application prepares Alembic's configuration: folders, options and attributes that no file names."""

from __future__ import annotations

import shutil
import socket
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_folder import write_script
from tests.servers import EMBEDDED, databases
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.layouts import (
    ChangedVersionFolders,
    ConfigurationFunctionFailed,
    UnreadScripts,
)
from wish_rollout.core.errors.projects import BadAlembicConfiguration
from wish_rollout.core.errors.releases import EnvFailed
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.runs.run_parameters import ScriptRun
from wish_rollout.revisions.runs.script_runs import migrate
from wish_rollout.revisions.script_folder.alembic_config import ScriptOptions
from wish_rollout.revisions.script_folder.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import NewDatabase

ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
assert config.attributes["tenant"] == "hall", "only the application sets it"
connectable = config.attributes.get("connection")
if connectable is None:
    connectable = engine_from_config(config.get_section(config.config_ini_section), prefix="sqlalchemy.")
{before}
context.configure(connection=connectable, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
"""
FUNCTION = """
import os
from alembic.config import Config

HERE = os.path.dirname(__file__)
calls = []

def config():
    from hotel_settings import FOLDERS
    config = Config(os.path.join(HERE, "alembic.ini"))
    config.set_main_option("sqlalchemy.url", "postgresql+psycopg2://u:p%%40ss@nowhere.invalid/x")
    places = [os.path.join(HERE, "migrations/versions", each) for each in FOLDERS]
    config.set_main_option("version_locations", os.pathsep.join(places))
    config.set_main_option("path_separator", "os")
    config.attributes["tenant"] = "hall"
    calls.append(config)
    return config
"""
TABLE = 'op.execute("CREATE TABLE {0} (id integer)")'
DROP = 'op.execute("DROP TABLE {0}")'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three revisions, one in the usual folder and one in each of two folders of a branch."""
    package = tmp_path / "hotel"
    versions = package / "migrations/versions"
    for name in ("", "2026.1/expand", "2026.1/contract"):
        (versions / name).mkdir(parents=True, exist_ok=True)
    write_script(versions / "0001.py", "0001", None, TABLE.format("a"), DROP.format("a"))
    write_script(versions / "2026.1/expand/0002.py", "0002", "0001", TABLE.format("b"), DROP.format("b"))
    write_script(versions / "2026.1/contract/0003.py", "0003", "0002", TABLE.format("c"), DROP.format("c"))
    (package / "__init__.py").touch()
    (package / "upgrades.py").write_text(FUNCTION)
    (package / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (package / "migrations/env.py").write_text(ENV.format(before=""))
    (tmp_path / "hotel_settings.py").write_text('FOLDERS = ["", "2026.1/expand", "2026.1/contract"]\n')
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [each for each in sys.modules if each.partition(".")[0] in ("hotel", "hotel_settings")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.fixture(scope="module")
def new_database(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    from tests.fix_servers import running_server

    with databases(running_server(request.config, EMBEDDED)) as new:
        yield new


def prepared(root: Path, name: str = "hotel.upgrades:config", section: str = "alembic") -> Scripts:
    return Scripts(root, options=ScriptOptions(section, config_function=name))


def run(scripts: Scripts, url: str) -> list[str]:
    """Upgrade a database; return its tables."""
    with connect(url, "test") as session:
        migrate(ScriptRun(scripts, session, url), "head")
    with psycopg.connect(url) as session:
        rows = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in rows.fetchall()]


def test_the_configuration_that_a_function_returns_is_used(project: Path, new_database: NewDatabase) -> None:
    scripts = prepared(project)
    assert [revision.id for revision in scripts.release.revisions] == ["0001", "0002", "0003"]
    assert scripts.folder == (project / "hotel/migrations").resolve()
    assert run(scripts, new_database()) == ["a", "alembic_version", "b", "c"]
    (config,) = sys.modules["hotel.upgrades"].calls
    assert config.get_main_option("sqlalchemy.url") == "postgresql+psycopg2://u:p%40ss@nowhere.invalid/x"
    assert "connection" not in config.attributes
    assert scripts.alembic_config("postgresql://h/d").get_main_option("sqlalchemy.url") == (
        "postgresql+psycopg2://h/d"
    )


def test_the_files_of_the_function_are_part_of_the_release(project: Path) -> None:
    trace = prepared(project).trace
    assert {"hotel/upgrades.py", "hotel_settings.py"} <= trace.loaded


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("hotel.nothing:config", "", "ModuleNotFoundError: No module named 'hotel.nothing'"),
        ("hotel.upgrades:other", "", "AttributeError: module 'hotel.upgrades' has no attribute 'other'"),
        (
            "hotel.upgrades:config",
            "def config(): return 'x'",
            "it returned a str, and no alembic.config.Config",
        ),
        ("hotel.upgrades:config", "def config(): raise SystemExit('no settings')", "SystemExit: no settings"),
        ("hotel.upgrades:config", "config = 1", "TypeError: 'int' object is not callable"),
    ],
)
def test_a_function_that_returns_no_configuration_is_refused(
    project: Path, name: str, text: str, reason: str
) -> None:
    if text:
        (project / "hotel/upgrades.py").write_text(text)
    with pytest.raises(ConfigurationFunctionFailed, match=reason):
        _ = prepared(project, name).release


@pytest.mark.parametrize(
    "call",
    [
        "import psycopg; psycopg.connect(URL)",
        "import psycopg2; psycopg2.connect(URL)",
        "import sqlalchemy; sqlalchemy.create_engine(URL).connect()",
        "import asyncio, asyncpg; asyncio.run(asyncpg.connect(URL))",
    ],
)
def test_the_function_reaches_no_database(project: Path, call: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"postgresql://u:secret@127.0.0.1:{server.getsockname()[1]}/x"
        (project / "hotel/upgrades.py").write_text(f"def config():\n    URL = {url!r}\n    {call}\n")
        with pytest.raises(ConfigurationFunctionFailed, match="opens a database connection"):
            _ = prepared(project).release
        with pytest.raises(BlockingIOError):
            server.accept()


def test_scripts_below_the_version_folder_that_follow_the_release_are_not_left_out(project: Path) -> None:
    with pytest.raises(UnreadScripts, match=r"2026.1/expand/0002.py") as raised:
        _ = Scripts(project, ini=project / "hotel/alembic.ini").release
    assert "alembic_config" in raised.value.hint


def test_a_version_folder_without_scripts_does_not_hide_those_below(project: Path) -> None:
    (project / "hotel/migrations/versions/0001.py").rename(
        project / "hotel/migrations/versions/2026.1/expand/0001.py"
    )
    with pytest.raises(UnreadScripts, match="3 scripts"):
        _ = Scripts(project, ini=project / "hotel/alembic.ini").release


def test_scripts_that_do_not_follow_the_release_may_be_kept_in_a_folder_below(project: Path) -> None:
    versions = project / "hotel/migrations/versions"
    write_script(versions / "2026.1/expand/0002.py", "000b", "000a", "pass", "pass")
    write_script(versions / "2026.1/contract/0003.py", "000a", None, "pass", "pass")
    (versions / "2026.1/notes.py").write_text("down_revision = (no Python")
    release = Scripts(project, ini=project / "hotel/alembic.ini").release
    assert [revision.id for revision in release.revisions] == ["0001"]


def test_a_folder_that_the_configuration_does_not_choose_is_left_out(project: Path) -> None:
    """As a project has it whose scripts differ from one database system to another, with equal identifiers."""
    (project / "hotel_settings.py").write_text('FOLDERS = [""]\n')
    assert [revision.id for revision in prepared(project).release.revisions] == ["0001"]


def test_another_project_below_the_script_folder_is_left_alone(project: Path) -> None:
    (project / "hotel/migrations/versions/2026.1/env.py").touch()
    assert len(Scripts(project, ini=project / "hotel/alembic.ini").release.revisions) == 1


def test_an_error_of_env_py_that_misses_an_attribute_names_the_next_step(
    project: Path, new_database: NewDatabase
) -> None:
    text = (project / "hotel/upgrades.py").read_text().replace('attributes["tenant"]', 'attributes["other"]')
    (project / "hotel/upgrades.py").write_text(text)
    with pytest.raises(EnvFailed, match=r"env.py raised: KeyError: 'tenant'") as raised:
        run(prepared(project), new_database())
    assert "alembic_config" in raised.value.hint


SET_BY_ENV = 'context.script.version_locations = ["{}"]'


def test_version_folders_that_env_py_chooses_are_not_ignored(
    project: Path, new_database: NewDatabase
) -> None:
    other = project / "hotel/others"
    (project / "hotel/migrations/versions/2026.1").rename(other)
    text = ENV.format(before=SET_BY_ENV.format(other.as_posix()))
    (project / "hotel/migrations/env.py").write_text(text)
    (project / "hotel_settings.py").write_text('FOLDERS = [""]\n')
    url = new_database()
    with pytest.raises(ChangedVersionFolders, match="hotel/others"):
        run(prepared(project), url)
    with psycopg.connect(url) as session:
        assert session.execute("SELECT to_regclass('a')").fetchone() == (None,)


def test_version_folders_that_function_and_env_py_name_alike_are_used(
    project: Path, new_database: NewDatabase
) -> None:
    versions = project / "hotel/migrations/versions"
    for name in ("0001.py", "2026.1/contract/0003.py"):
        (versions / name).rename(versions / "2026.1/expand" / name.rpartition("/")[2])
    text = ENV.format(before=SET_BY_ENV.format((versions / "2026.1/expand").as_posix()))
    (project / "hotel/migrations/env.py").write_text(text)
    (project / "hotel_settings.py").write_text('FOLDERS = ["2026.1/expand"]\n')
    assert run(prepared(project), new_database()) == ["a", "alembic_version", "b", "c"]


def test_a_function_that_is_about_another_script_folder_is_refused(project: Path) -> None:
    (project / "other").mkdir()
    (project / "other/env.py").touch()
    scripts = Scripts(
        project, project / "other", options=ScriptOptions(config_function="hotel.upgrades:config")
    )
    with pytest.raises(BadAlembicConfiguration, match=r"rollout.toml says migrations"):
        _ = scripts.release


def test_a_folder_that_the_function_computes_may_be_missing_but_not_all(project: Path) -> None:
    (project / "hotel_settings.py").write_text(
        'FOLDERS = ["2027.1", "", "2026.1/expand", "2026.1/contract"]\n'
    )
    assert len(prepared(project).release.revisions) == 3
    sys.modules.pop("hotel.upgrades")
    sys.modules.pop("hotel_settings")
    (project / "hotel_settings.py").write_text('FOLDERS = ["2027.1"]\n')
    with pytest.raises(BadAlembicConfiguration, match=r"2027.1 does not exist"):
        _ = prepared(project).release


def test_options_of_the_function_and_of_rollout_toml_are_combined(project: Path) -> None:
    (project / "hotel/alembic.ini").write_text(
        "[alembic]\n[rooms]\nscript_location = %(here)s/migrations\nsqlalchemy.url = postgresql://\n"
    )
    text = FUNCTION.replace('"alembic.ini"))', '"alembic.ini"), ini_section="rooms")')
    text += "\nfrom argparse import Namespace\ndef with_x():\n    made = config()\n"
    text += "    made.cmd_opts = Namespace(x=['a=1'])\n    return made\n"
    (project / "hotel/upgrades.py").write_text(text)
    scripts = prepared(project, "hotel.upgrades:with_x")
    assert len(scripts.release.revisions) == 3
    config = scripts.alembic_config("postgresql://h/d")
    assert config.config_ini_section == "rooms"
    assert config.get_section_option("rooms", "sqlalchemy.url") == "postgresql+psycopg2://h/d"
    assert getattr(config.cmd_opts, "x", None) == ["a=1"]
    assert prepared(project).alembic_config().cmd_opts is None
    options = ScriptOptions(arguments=("b=2",), config_function="hotel.upgrades:with_x")
    config = Scripts(project, options=options).alembic_config()
    assert getattr(config.cmd_opts, "x", None) == ["b=2"]


def test_errors_of_layouts_name_the_next_step() -> None:
    for error in (ChangedVersionFolders, ConfigurationFunctionFailed, UnreadScripts):
        assert issubclass(error, RolloutError)
        assert "alembic_config" in error.hint


SUBCLASS = """
import os
from alembic.config import Config

class ShopConfig(Config):
    @property
    def place(self):
        return self.settings["place"] + self.get_main_option("suffix")

def config():
    config = ShopConfig(os.path.join(os.path.dirname(__file__), "alembic.ini"))
    config.set_main_option("suffix", "!")
    config.settings = {"place": "hall"}
    config.attributes["tenant"] = "hall"
    return config
"""


def test_own_attributes_and_methods_of_the_config_are_there_for_env_py(
    project: Path, new_database: NewDatabase
) -> None:
    """As in OpenStack: ``config.shop_config = CONF`` is set on the object itself, and env.py reads it there."""
    (project / "hotel/upgrades.py").write_text(SUBCLASS)
    shutil.rmtree(project / "hotel/migrations/versions/2026.1")
    check = 'assert (config.settings, config.place) == ({"place": "hall"}, "hall!")'
    (project / "hotel/migrations/env.py").write_text(ENV.format(before=check))
    assert run(prepared(project), new_database()) == ["a", "alembic_version"]


RESTRICTED = """
import os
from alembic.config import Config

class ShopConfig(Config):
    {body}

def config():
    config = ShopConfig(os.path.join(os.path.dirname(__file__), "alembic.ini"))
    config.settings = config.attributes["tenant"] = "hall"
    return config
"""


@pytest.mark.parametrize(
    "body",
    [
        '__slots__ = ("place",)',
        "def __init_subclass__(cls, *, name, **options): super().__init_subclass__(**options)",
    ],
)
def test_a_class_of_the_config_that_cannot_be_combined_is_left_out(
    project: Path, new_database: NewDatabase, body: str
) -> None:
    (project / "hotel/upgrades.py").write_text(RESTRICTED.format(body=body))
    shutil.rmtree(project / "hotel/migrations/versions/2026.1")
    (project / "hotel/migrations/env.py").write_text(ENV.format(before='assert config.settings == "hall"'))
    assert run(prepared(project), new_database()) == ["a", "alembic_version"]
