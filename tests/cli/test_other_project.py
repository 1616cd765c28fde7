"""Another project's Alembic folder works unchanged: its own alembic.ini and env.py, and no record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_folder import FIRST, SECOND

if TYPE_CHECKING:
    from tests.fix_project import Road

COLUMN = "    placed: Mapped[str] = mapped_column(sa.Text)\n"


def test_it_goes_the_whole_road_and_back(other_project: Road) -> None:
    road = other_project
    road.roll_out()
    assert {road.revision(name) for name in road.made} == {SECOND}
    assert road.sql("prod", "select to_regclass('ix_placed')::text") == [("ix_placed",)]
    road.assert_nothing_left_to_do()
    assert road.cli("drift").code == 0

    assert road.cli("rollback", "local").code == 0
    assert road.revision("local") == FIRST
    assert not (road.root / "db/meta").exists()


def test_its_models_and_scripts_are_checked(other_project: Road) -> None:
    found = {each["name"]: each for each in json.loads(other_project.cli("check", "--json").out)}
    assert [name for name, each in found.items() if not each["passed"]] == ["models"]
    assert "removed index public.ix_placed" in found["models"]["detail"]
    assert found["history"]["detail"].startswith("nothing is recorded yet")


def test_a_revision_is_generated_in_its_own_way(other_project: Road) -> None:
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
