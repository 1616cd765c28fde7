"""The Alembic folder of another project works unchanged: with its alembic.ini and env.py, without recorded schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_folder import FIRST, SECOND, write_script

if TYPE_CHECKING:
    from tests.fix_project import Workspace

COLUMN = "    placed: Mapped[str] = mapped_column(sa.Text)\n"


def test_rollout_and_rollback(other_project: Workspace) -> None:
    workspace = other_project
    workspace.roll_out()
    assert {workspace.revision(name) for name in workspace.database_urls} == {SECOND}
    assert workspace.sql("prod", "select to_regclass('ix_placed')::text") == [("ix_placed",)]
    workspace.assert_plan_is_empty()
    assert workspace.cli("drift").code == 0

    assert workspace.cli("rollback", "local").code == 0
    assert workspace.revision("local") == FIRST
    assert not (workspace.root / "db/meta").exists()


def test_check_compares_models_and_scripts(other_project: Workspace) -> None:
    found = {each["name"]: each for each in json.loads(other_project.cli("check", "--json").out)}
    assert [name for name, each in found.items() if not each["passed"]] == ["models"]
    assert "removed index public.ix_placed" in found["models"]["detail"]
    assert found["history"]["detail"].startswith("nothing is recorded yet")


def test_generate_uses_the_templates_of_the_project(other_project: Workspace) -> None:
    other_project.edit(
        "models.py",
        COLUMN,
        COLUMN + COLUMN.replace("sa.Text", "sa.Text, index=True").replace("placed", "note"),
    )
    made = other_project.cli("generate", "-m", "a note", "--json")
    assert made.code == 0, made
    revision = json.loads(made.out)["revision"]
    assert (len(revision), revision.isdigit()) == (12, False)
    (script,) = (other_project.root / "db/versions").glob(f"{revision}_a_note.py")
    assert f"down_revision: Union[str, Sequence[str], None] = '{SECOND}'" in script.read_text()
    checked = other_project.cli("check")
    assert checked.code == 0, checked.out


def test_a_script_that_asks_for_its_time_limit_sends_the_same_in_the_replay(other_project: Workspace) -> None:
    body = (
        "limit = op.get_bind().execute(sa.text(\"SELECT setting FROM pg_settings WHERE name = 'statement_timeout'\"))\n"
        "    if 0 < int(limit.scalar_one()) < 1_800_000:\n"
        "        op.execute(\"SET LOCAL statement_timeout = '1800s'\")\n"
        '    op.add_column("orders", sa.Column("note", sa.Text))'
    )
    versions = other_project.root / "db/versions"
    write_script(versions / "a1_note.py", "a1", SECOND, body, 'op.drop_column("orders", "note")')
    other_project.roll_out()
    assert {other_project.revision(name) for name in other_project.database_urls} == {"a1"}
