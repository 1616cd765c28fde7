"""Attacks with files: code that is changed, added, removed or exchanged after the approval. No server is needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.releases import InvalidReleaseRecord
from wish_rollout.revisions.code_record import CodeRecord, changes, hash_names, package_versions
from wish_rollout.revisions.code_trace import CodeTrace, imported_names
from wish_rollout.rollout.scripts.secretless_process import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {
    "app/__init__.py": "",
    "app/models.py": "import os\nfrom . import helper\nfrom pathlib import Path\n"
    "SQL = (Path(__file__).parent / 'data.sql').read_text()\nNAMES = os.listdir(Path(__file__).parent / 'sql')\n",
    "app/helper.py": "VALUE = 1\n",
    "app/data.sql": "select 1",
    "app/sql/one.sql": "select 1",
    "app/unused.py": "VALUE = 2\n",
    "alembic.ini": "[alembic]\n",
    "pyproject.toml": "[project]\nname = 'x'\n[tool.alembic]\nscript_location = 'm'\n",
}
RECORDED = {
    "alembic.ini",
    "pyproject.toml [tool.alembic]",
    "app/__init__.py",
    "app/models.py",
    "app/helper.py",
    "app/data.sql",
    "app/sql/",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text)


def exchange_for_link(root: Path) -> None:
    (root / "app/helper.py").unlink()
    (root / "elsewhere.py").write_text("VALUE = 3\n")
    (root / "app/helper.py").symlink_to(root / "elsewhere.py")


def exchange_for_link_to_a_device(root: Path) -> None:
    (root / "app/helper.py").unlink()
    (root / "app/helper.py").symlink_to("/dev/null")


def exchange_for_folder(root: Path) -> None:
    (root / "app/data.sql").unlink()
    (root / "app/data.sql").mkdir()


def keep_size_and_time(root: Path) -> None:
    path = root / "app/helper.py"
    times = path.stat()
    path.write_text("VALUE = 9\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed module": (write("app/helper.py", "VALUE = 2\n"), "app/helper.py changed"),
    "the same size and time": (keep_size_and_time, "app/helper.py changed"),
    "a changed SQL file": (write("app/data.sql", "select 2"), "app/data.sql changed"),
    "a removed file": (lambda root: (root / "app/data.sql").unlink(), "app/data.sql is missing"),
    "a new file in a listed folder": (write("app/sql/two.sql", "select 2"), "app/sql/ changed"),
    "a changed alembic.ini": (write("alembic.ini", "[alembic]\nx = 1\n"), "alembic.ini changed"),
    "a changed section": (
        write("pyproject.toml", "[tool.alembic]\nscript_location = 'n'\n"),
        "pyproject.toml [tool.alembic] changed",
    ),
    "a link to another file": (exchange_for_link, "app/helper.py changed"),
    "a link to a device": (exchange_for_link_to_a_device, "app/helper.py changed"),
    "a folder in place of a file": (
        exchange_for_folder,
        "app/data.sql is unreadable",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_changed_file_is_named(project: Path, attack: str) -> None:
    change, named = ATTACKS[attack]
    before = hash_names(project, RECORDED)
    change(project)
    assert changes(before, hash_names(project, RECORDED)) == [named]


def test_other_parts_of_pyproject_do_not_count(project: Path) -> None:
    before = hash_names(project, RECORDED)
    (project / "pyproject.toml").write_text(FILES["pyproject.toml"] + "[tool.other]\nx = 1\n")
    (project / "app/unused.py").write_text("VALUE = 3\n")
    assert hash_names(project, RECORDED) == before


def test_imports_are_found_without_importing(project: Path) -> None:
    assert imported_names(project / "app/models.py", "app") >= {"os", "app", "app.helper", "pathlib"}
    (project / "app/broken.py").write_text("def (")
    assert imported_names(project / "app/broken.py") == set()


def test_names_of_the_project(project: Path) -> None:
    trace = CodeTrace(project, project / "app")
    assert trace.name_of(str(project / "app/x.py")) == "app/x.py"
    for other in (
        ".env",
        ".git/config",
        ".dagster/x",
        "app/__pycache__/x.pyc",
        "../x.py",
        "venv/lib/site-packages/x.py",
    ):
        assert trace.name_of(str(project / other)) is None, other
    assert trace.name_of(os.__file__) is None


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 2}', '{"format": 1, "files": []}', '{"format": 1, "files": {}}', "\xff"]
)
def test_invalid_record_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "_code.json").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidReleaseRecord):
        CodeRecord.read(tmp_path)


def test_ten_thousand_files_are_hashed_in_bounded_time(tmp_path: Path) -> None:
    import time

    for number in range(10_000):
        (tmp_path / f"{number}.sql").write_text("select 1")
    started = time.process_time()
    assert len(hash_names(tmp_path, [f"{number}.sql" for number in range(10_000)])) == 10_000
    assert time.process_time() - started < 5


def test_versions_of_packages() -> None:
    found = package_versions(["sqlalchemy", "alembic", "yaml", "no_such_package_anywhere"])
    assert found["sqlalchemy"][0].isdigit()
    assert "no_such_package_anywhere" not in found


def test_record_can_be_written_and_read(tmp_path: Path) -> None:
    record = CodeRecord({"a.py": "1" * 64}, ("set a = 1",), (), ("alembic",))
    record.write(tmp_path / "meta")
    assert CodeRecord.read(tmp_path / "meta") == record


PLANTED = {
    "PROD_DATABASE_URL": "postgresql://u:pl4nted@h/prod",
    "LEGACY_DB": "mysql://u:pl4nted@h/db",
    "DATABASE_URL": "postgresql://u:pl4nted@h/db",
    "DAGSTER_POSTGRES_URL": "postgresql://u:pl4nted@h/dagster",
    "GITHUB_TOKEN": "pl4nted",
    "AWS_SECRET_ACCESS_KEY": "pl4nted",
    "MY_API_KEY": "pl4nted",
    "PGPASSWORD": "pl4nted",
    "SSH_AUTH_SOCK": "/pl4nted",
    "DEPLOY": "-----BEGIN OPENSSH PRIVATE KEY-----pl4nted",
}


def test_check_runs_scripts_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wish_rollout.config import load_config

    (tmp_path / "rollout.toml").write_text('[[environment]]\nname = "prod"\n')
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("APP_SETTINGS", "test")
    with without_secrets(load_config(tmp_path / "rollout.toml")) as removed:
        assert set(removed) >= set(PLANTED)
        assert "pl4nted" not in "".join(os.environ.values())
        assert os.environ["DATABASE_URL"] == "postgresql://check.invalid/check"
        assert os.environ["APP_SETTINGS"] == "test"
        assert "PROD_DATABASE_URL" not in os.environ
    assert {name: os.environ[name] for name in PLANTED} == PLANTED
