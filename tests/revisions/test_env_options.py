"""What ``init`` reads in an env.py: the models and the version table, however they are written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from wish_rollout.core.errors.layouts import ScriptLocationMissing
from wish_rollout.core.errors.projects import SubfolderProject
from wish_rollout.revisions.generation.models import load_models
from wish_rollout.revisions.script_folder.project_discovery import find_project

if TYPE_CHECKING:
    from pathlib import Path

INI = "[alembic]\nscript_location = db\n[audit]\ntable = audit_versions\nschema = audit\n"
MODELS = {
    "from shop.models import Base\ntarget_metadata = Base.metadata": "shop.models:Base.metadata",
    "from shop import models as m\ntarget_metadata = m.Base.metadata": "shop:models.Base.metadata",
    "import shop.models\ntarget_metadata = shop.models.Base.metadata": "shop.models:Base.metadata",
    "import shop\nimport shop.models\ntarget_metadata = shop.models.Base.metadata": "shop.models:Base.metadata",
    "import shop.models as m\ntarget_metadata = m.Base.metadata": "shop.models:Base.metadata",
    "import shop.models as m\nbase = m.Base\ntarget_metadata: object = base.metadata": "shop.models:Base.metadata",
    "from shop.models import Base\ncontext.configure(target_metadata=Base.metadata)": "shop.models:Base.metadata",
    "from shop.models import Base, Other\ntarget_metadata = [Base.metadata, Other.metadata]": None,
    "from .models import Base\ntarget_metadata = Base.metadata": None,
    "target_metadata = None": None,
    "a = b\nb = a\ntarget_metadata = a": None,
}
TABLES = {
    'context.configure(version_table="versions")': "public.versions",
    'TABLE = "versions"\ncontext.configure(version_table=TABLE, version_table_schema="s")': "s.versions",
    'options = dict(version_table="versions")\ncontext.configure(**options)': "public.versions",
    'context.configure(**{"version_table": "versions", "version_table_schema": "s"})': "s.versions",
    'context.configure(version_table=config.get_section_option("audit", "table"))': "public.audit_versions",
    'name = "audit"\ncontext.configure(version_table=config.get_section(name)["table"])': "public.audit_versions",
    'context.configure(version_table=context.config.get_section("audit").get("table"))': "public.audit_versions",
    'context.configure(version_table=config.get_main_option("table", "versions"))': "public.versions",
    'context.configure(version_table_schema=config.get_section_option("audit", "schema"))': "audit.alembic_version",
    "context.configure(version_table=compute())": None,
    "context.configure(version_table=compute(), version_table_schema='s')": None,
    "context.configure()": None,
}


def write(root: Path, text: str) -> None:
    (root / "db/versions").mkdir(parents=True)
    (root / "alembic.ini").write_text(INI)
    (root / "db/env.py").write_text(f"from alembic import context\nconfig = context.config\n{text}\n")


@pytest.mark.parametrize("text", MODELS)
def test_the_models_are_found(text: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    assert find_project(tmp_path).models == MODELS[text]


@pytest.mark.parametrize("text", TABLES)
def test_the_version_table_is_found(text: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    assert find_project(tmp_path).version_table == TABLES[text]


def test_models_of_a_module_that_its_package_does_not_import_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "storehouse").mkdir()
    (tmp_path / "storehouse/__init__.py").touch()
    (tmp_path / "storehouse/models.py").write_text("import sqlalchemy\nmetadata = sqlalchemy.MetaData()\n")
    assert isinstance(load_models(tmp_path, "storehouse:models.metadata"), sa.MetaData)


def test_a_script_folder_beside_a_file_that_names_none_is_found(tmp_path: Path) -> None:
    """As JupyterHub has it: alembic.ini is a template, which the application fills in."""
    write(tmp_path, "target_metadata = None")
    (tmp_path / "db").rename(tmp_path / "alembic")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = {alembic_dir}\n")
    assert find_project(tmp_path).migrations == "alembic"
    root = tmp_path.parent / f"{tmp_path.name}_above"
    root.mkdir()
    tmp_path.rename(root / "hub")
    with pytest.raises(SubfolderProject, match="hub has one"):
        find_project(root)


def test_a_file_below_whose_paths_begin_here_is_found(tmp_path: Path) -> None:
    """As MLflow has it: ``alembic -c`` is started in the folder of the repository."""
    write(tmp_path / "app/store", "target_metadata = None")
    (tmp_path / "app/store/alembic.ini").write_text("[alembic]\nscript_location = app/store/db\n")
    found = find_project(tmp_path)
    assert (found.migrations, found.alembic_ini) == ("app/store/db", "app/store/alembic.ini")
    with pytest.raises(ScriptLocationMissing, match="names the script folder app/store/db"):
        find_project(tmp_path / "app/store")
    (tmp_path / "app/store/alembic.ini").write_text("[alembic]\nscript_location = %(here)s/db\n")
    with pytest.raises(SubfolderProject, match="app/store has one"):
        find_project(tmp_path)
    assert find_project(tmp_path / "app/store").alembic_ini is None
