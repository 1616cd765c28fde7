"""Which files belong to Python and to this program, and which to a project: no server needed."""

from __future__ import annotations

from pathlib import Path

import alembic
import pytest

import wish_rollout
from wish_rollout.revisions.script_folder.calling_frames import is_installed

PROGRAM = Path(wish_rollout.__file__).parent


@pytest.mark.parametrize(
    "path", [*sorted(PROGRAM.rglob("*.py"))[::50], PROGRAM / "__init__.py", alembic.__file__]
)
def test_this_program_and_installed_packages_are_no_project_code(path: Path | str) -> None:
    assert is_installed(str(path))


def test_scripts_beside_this_program_are_project_code() -> None:
    assert not is_installed(str(PROGRAM.parent / "migrations" / "env.py"))
