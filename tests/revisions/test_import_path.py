"""What the project's folder does to Python's import path: it shadows no installed package, as with ``alembic``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.fix_folder import write_script
from wish_rollout.core.errors.releases import ScriptUnreadable
from wish_rollout.revisions.generation.models import load_models
from wish_rollout.revisions.script_folder.scripts import Scripts

if TYPE_CHECKING:
    from pathlib import Path

MODELS = "import storelib\nimport sqlalchemy\nmetadata = sqlalchemy.MetaData()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a module that is named as an installed one, which its scripts and its models import."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "installed")])
    for name in ("storelib", "storemodels", "storehelp"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    root = tmp_path / "project"
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed/storelib.py").touch()
    (tmp_path / "installed/storemodels.py").write_text("metadata = 'another'")
    (root / "db/versions").mkdir(parents=True)
    (root / "storelib.py").write_text("raise RuntimeError('a module of the project')")
    (root / "storehelp.py").touch()
    (root / "db/env.py").touch()
    (root / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    write_script(root / "db/versions/0001.py", "0001", None, "pass", "pass")
    script = root / "db/versions/0001.py"
    script.write_text("import storelib, storehelp\n" + script.read_text())
    return root


def test_installed_packages_come_before_the_folder_of_the_project(project: Path) -> None:
    assert len(Scripts(project).release.revisions) == 1
    assert sys.path.count(str(project)) == 1


def test_the_folder_comes_first_if_the_project_says_so(project: Path) -> None:
    with (project / "alembic.ini").open("a") as file:
        file.write("prepend_sys_path = .\n")
    with pytest.raises(ScriptUnreadable, match="a module of the project"):
        _ = Scripts(project).release


def test_models_of_the_folder_are_found_before_installed_ones(project: Path) -> None:
    (project / "storelib.py").unlink()
    (project / "storemodels.py").write_text(MODELS)
    assert isinstance(load_models(project, "storemodels:metadata"), sa.MetaData)


def test_installed_models_do_not_import_from_the_folder(project: Path) -> None:
    (project.parent / "installed/storemodels.py").write_text(MODELS)
    assert isinstance(load_models(project, "storemodels:metadata"), sa.MetaData)
