"""Attacks with files: code that is changed, added, removed or exchanged after the approval. No server is needed."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from wish_rollout.core.errors.releases import InvalidReleaseRecord
from wish_rollout.revisions.records.code_record import CodeRecord, changes, hash_names, loaded_names
from wish_rollout.revisions.records.installed_packages import package_versions
from wish_rollout.revisions.script_folder.code_trace import CodeTrace
from wish_rollout.revisions.script_folder.module_imports import Wanted, imported_names
from wish_rollout.revisions.script_folder.scripts import Scripts
from wish_rollout.rollout.project_commands.secretless_process import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

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
    (root / "app/helper.py").symlink_to("/dev/zero")


def exchange_for_link_to_itself(root: Path) -> None:
    (root / "app/helper.py").unlink()
    (root / "app/helper.py").symlink_to("helper.py")


def exchange_for_pipe(root: Path) -> None:
    (root / "app/data.sql").unlink()
    os.mkfifo(root / "app/data.sql")


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
    "a link to a device": (exchange_for_link_to_a_device, "app/helper.py is unreadable"),
    "a link to itself": (exchange_for_link_to_itself, "app/helper.py is missing"),
    "a pipe in place of a file": (exchange_for_pipe, "app/data.sql is unreadable"),
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
    after = hash_names(project, RECORDED)
    assert changes(before, after) == [named]
    if named.endswith(("missing", "unreadable")):
        assert changes(after, after) == [named], "its content is unknown, so it is not the approved one"


def test_other_parts_of_pyproject_do_not_count(project: Path) -> None:
    before = hash_names(project, RECORDED)
    (project / "pyproject.toml").write_text(FILES["pyproject.toml"] + "[tool.other]\nx = 1\n")
    (project / "app/unused.py").write_text("VALUE = 3\n")
    assert hash_names(project, RECORDED) == before


def test_imports_are_found_without_importing(project: Path) -> None:
    assert imported_names(project / "app/models.py", "app") >= {"os", "app", "app.helper", "pathlib"}
    (project / "app/broken.py").write_text("def (")
    assert imported_names(project / "app/broken.py") == set()


def test_relative_imports_of_an_unknown_package_are_no_installed_packages(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("from . import models\nfrom .yaml import load\nfrom .. import x\n")
    assert imported_names(tmp_path / "script.py") == set()
    assert package_versions([""]) == {}


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    class C:\n        import found",
        "try:\n    pass\nexcept ValueError:\n    import found",
        "try:\n    pass\nexcept* ValueError:\n    pass\nelse:\n    pass\nfinally:\n    import found",
        "for x in ():\n    pass\nelse:\n    import found",
        "async def f():\n    async with x:\n        import found",
        "match 1:\n    case 1:\n        import found",
        "if 1:\n    pass\n" + "elif 2:\n    pass\n" * 80 + "else:\n    import found",
    ],
)
def test_an_import_is_found_in_every_compound_statement(tmp_path: Path, text: str) -> None:
    (tmp_path / "script.py").write_text(text)
    assert imported_names(tmp_path / "script.py") == {"found"}


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        (b"import os, shop", True),
        (b"def f():\n    from shop.models import Table", True),
        (b"import \\\n    shop.models", True),
        (b"from . import helper", True),
        (b"from\\\n.helper import x", True),
        ("import \uff53hop".encode(), True),
        (b"# coding: unicode_escape\nimport \\x73hop", True),
        (b"import os\nfrom shopping import list", False),
        (b"import sqlalchemy as sa\nsa.table('x')", False),
    ],
)
def test_files_that_import_none_of_some_modules(tmp_path: Path, source: bytes, imports: bool) -> None:
    (tmp_path / "script.py").write_bytes(source)
    wanted = Wanted(["shop.models"])
    assert wanted.may_be_in(source) is imports
    if not imports:
        assert imported_names(tmp_path / "script.py", wanted=wanted) == set()


def test_names_of_the_project(project: Path) -> None:
    trace = CodeTrace(project, project / "app")
    for name in ("app/x.py", "meta/x.sql", "vendor/site-packages/x.py"):
        assert trace.name_of(str(project / name)) == name
    assert trace.name_of(str(project / ".dagster/x.py"), is_module=True) == ".dagster/x.py"
    for other in (
        ".env",
        ".git/config",
        ".dagster/x",
        "app/__pycache__/x.pyc",
        "app/meta/x.json",
        "../x.py",
    ):
        assert trace.name_of(str(project / other)) is None, other
    assert trace.name_of(os.__file__) is None


READS = {
    "open()": "open(SQL).read()",
    "os.open()": "os.open(SQL, os.O_RDONLY)",
    "open() for reading and writing": "open(SQL, 'r+')",
    "bytes as the name": "open(os.fsencode(SQL))",
    "a relative name": "open(os.path.relpath(SQL))",
    "pathlib": "pathlib.Path(SQL).read_text()",
    "io.FileIO": "io.FileIO(SQL)",
    "an opener": "open(SQL, opener=os.open)",
    "mmap": "with open(SQL) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ): pass",
    "linecache": "linecache.getlines(SQL)",
    "fileinput": "list(fileinput.input([SQL]))",
    "shutil": "shutil.copyfileobj(open(SQL), io.StringIO())",
    "SQLite": "sqlite3.connect(SQL)",
    "another program": "subprocess.run(['cat', SQL], capture_output=True)",
    "another program in its folder": "subprocess.run(['cat', 'data.sql'], cwd=os.path.dirname(SQL), capture_output=True)",
    "a shell": "subprocess.run('cat ' + SQL, shell=True, capture_output=True)",
    "a thread": "run_in_thread(lambda: open(SQL).read())",
    "a thread of a library": "run_in_thread(pathlib.Path(SQL).read_text)",
    "a link in the project": "open(link(SQL))",
    "a text that is compiled": "exec('open(SQL)')",
    "runpy": "runpy.run_path(SQL)",
    "a loader": "importlib.machinery.SourceFileLoader('loaded_sql', SQL).load_module()",
    "a specification of a module": "load(importlib.util.spec_from_file_location('specified', SQL, loader="
    "importlib.machinery.SourceFileLoader('specified', SQL)))",
}
READER = """
import fileinput, importlib.machinery, importlib.util, io, linecache, mmap, os, pathlib, runpy, shutil, sqlite3, subprocess
from concurrent.futures import ThreadPoolExecutor

SQL = os.path.join(os.path.dirname(__file__), "data.sql")

def run_in_thread(call):
    with ThreadPoolExecutor(1) as threads:
        threads.submit(call).result()

def link(name):
    os.symlink(name, name + ".link")
    return name + ".link"

def load(spec):
    spec.loader.exec_module(importlib.util.module_from_spec(spec))

"""


def import_file(path: Path, name: str) -> None:
    """Import a file as a module, which is forgotten at once."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("way", READS)
def test_file_is_noted_however_it_is_read(project: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.chdir(project)
    (project / "app/data.sql").write_text("VALUE = 1\n")
    (project / "app/reader.py").write_text(READER + READS[way] + "\n")
    checked: list[str] = []
    trace = CodeTrace(project, project / "migrations")
    with trace.recording(checked.append), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_file(project / "app/reader.py", "reader")
    assert any(name.startswith("app/data.sql") for name in trace.files), trace.files
    assert any(name.startswith("app/data.sql") for name in checked)


@pytest.mark.parametrize("way", ["os.listdir", "os.scandir", "glob.glob", "os.walk", "pathlib"])
def test_listed_folder_is_noted(project: Path, way: str) -> None:
    call = {
        "os.scandir": "list(os.scandir(FOLDER))",
        "glob.glob": "glob.glob(FOLDER + '/*')",
        "os.walk": "list(os.walk(FOLDER))",
    }
    call |= {"pathlib": "list(pathlib.Path(FOLDER).rglob('*'))"}
    (project / "app/lister.py").write_text(
        f"import glob, os, pathlib\nFOLDER = os.path.dirname(__file__) + '/sql'\n{call.get(way, way + '(FOLDER)')}\n"
    )
    trace = CodeTrace(project, project / "migrations")
    with trace.recording():
        import_file(project / "app/lister.py", "lister")
    assert "app/sql/" in trace.files


MODULES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a module": ("added_module", write("added_module.py", "VALUE = 1\n")),
    "a package": ("added_package", lambda root: package(root / "added_package")),
    "a part of a namespace package": ("added_space.part", lambda root: package(root / "added_space/part")),
    "a compiled module without source": (
        "added_compiled",
        lambda root: compiled(root / "added_compiled.pyc"),
    ),
    "a module in a folder of tools": (
        "dagster_storage_x",
        lambda root: package(root / ".dagster/dagster_storage_x"),
    ),
    "a module in an archive": ("added_archived", lambda root: archived(root / "added.zip")),
}


def package(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("VALUE = 1\n")


def compiled(path: Path) -> None:
    source = path.with_suffix(".txt")
    source.write_text("VALUE = 1\n")
    py_compile.compile(str(source), str(path), doraise=True)


def archived(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("added_archived.py", "VALUE = 1\n")


@pytest.mark.parametrize("kind", MODULES)
def test_imported_module_is_noted(project: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    name, create = MODULES[kind]
    create(project)
    for place in ("", ".dagster", "added.zip"):
        monkeypatch.syspath_prepend(str(project / place))
    (project / "app/importer.py").write_text(f"import importlib\nimportlib.import_module({name!r})\n")
    trace = CodeTrace(project, project / "migrations")
    try:
        with trace.recording():
            import_file(project / "app/importer.py", "importer")
    finally:
        for each in [each for each in sys.modules if each.startswith(name.partition(".")[0])]:
            del sys.modules[each]
    assert any("added" in each or "dagster_storage_x" in each for each in trace.loaded | trace.files), (
        trace.files
    )


REVISION = """
from pathlib import Path
import revision_helper
SQL = Path(__file__).with_name("loaded.sql").read_text()
revision, down_revision = "0001", None
"""


def test_what_was_loaded_with_the_revisions_has_to_be_recorded(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record without a file, or a package put before a module, is noticed where both were loaded before the gate."""
    package(project / "revision_helper")
    (project / "migrations/versions").mkdir(parents=True)
    (project / "migrations/env.py").write_text("")
    (project / "migrations/versions/0001.py").write_text(REVISION)
    (project / "migrations/versions/loaded.sql").write_text("select 1")
    monkeypatch.syspath_prepend(str(project))
    scripts = Scripts(project, Path("migrations"))
    assert scripts.release.head == ("0001",)
    names = loaded_names(scripts, {"revision_helper.py"})
    assert names == {
        "migrations/env.py",
        "migrations/versions/loaded.sql",
        "revision_helper.py",
        "revision_helper/__init__.py",
    }
    del sys.modules["revision_helper"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 2}', '{"format": 1, "files": []}', '{"format": 1, "files": {}}', "\xff"]
)
def test_invalid_record_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "_code.json").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidReleaseRecord):
        CodeRecord.read(tmp_path)


def test_each_of_ten_thousand_names_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hash of the files, and by the search for what they import."""
    opened: list[Path] = []
    open_file = Path.open

    def count(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(path)
        return open_file(path, *arguments, **options)

    for number in range(100):
        (tmp_path / f"m{number}.py").write_text(f"from app import m{(number + 1) % 100}\n")
    names = ["./" * way + f"m{number}.py" for number in range(100) for way in range(100)]
    monkeypatch.setattr(Path, "open", count)
    assert len(hash_names(tmp_path, names)) == 10_000
    assert len(opened) == 10_000
    assert CodeTrace(tmp_path, tmp_path / "app").close_over_imports(names) == set(names)
    assert len(opened) == 20_000


def test_linked_file_outside_of_the_tree_is_hashed_by_its_content(project: Path) -> None:
    outside = project.parent / "outside.sql"
    outside.write_text("select 1")
    (project / "app/linked.sql").symlink_to(outside)
    before = hash_names(project, ["app/linked.sql"])
    outside.write_text("select 2")
    assert changes(before, hash_names(project, ["app/linked.sql"])) == ["app/linked.sql changed"]
    outside.unlink()
    assert changes(before, hash_names(project, ["app/linked.sql"])) == ["app/linked.sql is missing"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_module_that_is_generated_at_import_has_to_be_committed(
    project: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    monkeypatch.syspath_prepend(str(project))
    write = "from pathlib import Path\nplace = Path(__file__).with_name('generated_code.py')\nplace.write_text('V = 1')\n"
    ending = "" if is_kept else "place.unlink()\n"
    (project / "generator.py").write_text(f"{write}import generated_code\n{ending}")
    trace = CodeTrace(project, project / "migrations")
    with trace.recording():
        import_file(project / "generator.py", "generator")
    del sys.modules["generated_code"]
    assert "generated_code.py" in trace.loaded
    recorded = hash_names(project, trace.files)
    (project / "generated_code.py").unlink(missing_ok=True)
    assert changes(recorded, hash_names(project, recorded)) == ["generated_code.py is missing"]


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
        assert (
            os.environ["MY_API_KEY"] == "removed-by-wish-rollout-check"
        )  # an application's settings may demand it
        for name in ("PROD_DATABASE_URL", "PGPASSWORD", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY"):
            assert name not in os.environ
    assert {name: os.environ[name] for name in PLANTED} == PLANTED


def test_version_of_a_package_is_the_same_before_and_after_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_later.py").touch()
    installed = tmp_path / "another_name-2.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: another-name\nVersion: 2.0\n")
    (installed / "top_level.txt").write_text("imported_later\n")
    before = package_versions(["imported_later"])
    monkeypatch.setitem(sys.modules, "imported_later", ModuleType("imported_later"))
    assert before == package_versions(["imported_later"]) == {"imported_later": "2.0"}


def test_a_package_that_is_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "later_module", ModuleType("later_module"))
    assert package_versions(["later_module"]) == {}
    installed = tmp_path / "later_package-1.5.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: later-package\nVersion: 1.5\n")
    (installed / "top_level.txt").write_text("later_module\n")
    assert package_versions(["later_module"]) == {"later_module": "1.5"}
