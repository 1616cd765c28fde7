"""A recorded script that cannot be executed any more: what needs no script works, what needs one says so beforehand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.fix_folder import FIRST, SECOND, TABLE, write_script

if TYPE_CHECKING:
    from tests.fix_project import Workspace

MISSING = "ModuleNotFoundError: No module named 'colours_of_orders'"


@pytest.fixture
def without_a_module(other_project: Workspace) -> Workspace:
    """A project, rolled out to `local`, with a recorded script that imports a module that is gone."""
    workspace = other_project
    module = workspace.root / "colours_of_orders.py"
    module.write_text("")
    path = workspace.root / f"db/versions/{FIRST}_orders.py"
    write_script(path, FIRST, None, TABLE, 'op.drop_table("orders")')
    path.write_text(path.read_text().replace("\nfrom alembic", "\nimport colours_of_orders\nfrom alembic"))
    for command in (("generate", "--record"), ("apply", "--until", "local")):
        done = workspace.cli(*command)
        assert done.code == 0, done
    module.unlink()
    del sys.modules[module.stem]
    return workspace


def test_what_executes_no_script_works(without_a_module: Workspace) -> None:
    for command in (("status", "local"), ("drift", "local"), ("apply", "--until", "local")):
        done = without_a_module.cli(*command)
        assert done.code == 0, done


@pytest.mark.parametrize(
    "command",
    [("plan",), ("apply",), ("doctor",), ("check",), ("plan", "local", "--rollback"), ("rollback", "local")],
    ids=" ".join,
)
def test_what_executes_scripts_is_refused_beforehand(
    without_a_module: Workspace, command: tuple[str, ...]
) -> None:
    done = without_a_module.cli(*command)
    assert done.code != 0, done
    assert MISSING in done.out + done.err
    assert {name: without_a_module.revision(name) for name in ("local", "prod")} == {
        "local": SECOND,
        "prod": None,
    }


def test_a_rollback_by_remedy_executes_no_script(without_a_module: Workspace) -> None:
    done = without_a_module.cli("rollback", "local", "--by-remedy")
    assert done.code == 0, done
    assert without_a_module.revision("local") == FIRST


def test_generate_writes_no_revision_then(without_a_module: Workspace) -> None:
    column = "    placed: Mapped[str] = mapped_column(sa.Text)\n"
    without_a_module.edit("models.py", column, f"{column}    note: Mapped[str] = mapped_column(sa.Text)\n")
    versions = without_a_module.root / "db/versions"
    before = sorted(versions.iterdir())
    done = without_a_module.cli("generate", "-m", "a note")
    assert done.code == 2, done
    assert MISSING in done.err
    assert sorted(versions.iterdir()) == before
