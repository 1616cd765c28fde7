"""The command `generate`: a revision from the models, and its recorded schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

LAST = '    sa.Column("updated_by", sa.Text),\n'
COLOUR = '    sa.Column("colour", sa.Enum("red", "blue", name="wish_colour", metadata=metadata)),\n'


def files(workspace: Workspace) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in ("versions", "meta")
        for path in (workspace.root / "migrations" / folder).glob("*.*")
    }


@pytest.mark.one_version
def test_generate_writes_the_next_revision_and_records_it(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    before = files(workspace)
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)

    made = workspace.cli("generate", "-m", "add a colour", "--json")
    assert made.code == 0, made
    assert json.loads(made.out)["revision"] == "0008"
    script = (workspace.root / "migrations/versions/0008_add_a_colour.py").read_text()
    assert 'down_revision = "0007"' in script.replace("'", '"')
    assert "wish_colour" in script.split("def downgrade")[1]
    journal = json.loads((workspace.root / "migrations/meta/_journal.json").read_text())
    assert [entry["revision"] for entry in journal["entries"]] == ["0006", "0007", "0008"]
    assert journal["entries"][2]["parents"] == ["0007"]
    new = {path.name for path in files(workspace).keys() - before.keys()}
    assert new == {"0008_add_a_colour.py", "0008_delta.json", "0008_measurements.json"}

    assert workspace.cli("check").code == 0
    workspace.migrate("local")
    assert workspace.sql("local", "select enum_range(null::wish_colour)::text") == [("{red,blue}",)]
    assert workspace.cli("rollback", "local").code == 0
    assert workspace.sql("local", "select to_regtype('wish_colour')") == [(None,)]


def test_generate_writes_nothing_if_the_models_are_unchanged(workspace: Workspace) -> None:
    before = files(workspace)
    result = workspace.cli("generate", "-m", "nothing")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Nothing to generate")
    assert files(workspace) == before


def test_generate_needs_either_a_message_or_record(workspace: Workspace) -> None:
    before = files(workspace)
    for arguments in ((), ("--record", "-m", "both")):
        assert workspace.cli("generate", *arguments).code == 2
    assert files(workspace) == before


def test_recording_twice_writes_the_same_bytes(workspace: Workspace) -> None:
    before = files(workspace)
    assert workspace.cli("generate", "--record").code == 0
    assert files(workspace) == before


def test_generate_refuses_an_edited_script(workspace: Workspace) -> None:
    workspace.edit("migrations/versions/0006_baseline.py", "baseline", "the baseline")
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)
    before = files(workspace)
    result = workspace.cli("generate", "-m", "add a colour")
    assert (result.code, "0006 (migrations/versions/0006_baseline.py) was edited" in result.err) == (6, True)
    assert files(workspace) == before


def test_file_in_place_of_a_folder_is_named(workspace: Workspace) -> None:
    meta = workspace.root / "migrations/meta"
    meta.rename(workspace.root / "former")
    meta.write_text("")
    message = workspace.expect_error(2, "generate", "--record")
    assert "migrations/meta cannot be read or written: File exists" in message


OTHER = 'revision, down_revision = "0900", None\n\ndef upgrade(): pass\n\ndef downgrade(): pass\n'


def test_generate_follows_the_chosen_one_of_several_heads(workspace: Workspace) -> None:
    """As AiiDA has it: the branches of earlier storages are there, and databases are at one head only."""
    (workspace.root / "migrations/versions/0900_other.py").write_text(OTHER)
    workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["0007@head"]', 1)
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)
    made = workspace.cli("generate", "-m", "add a colour", "--json")
    assert made.code == 0, made
    script = next((workspace.root / "migrations/versions").glob("*add_a_colour.py")).read_text()
    assert 'down_revision = "0007"' in script.replace("'", '"')
    assert workspace.cli("check").code == 0


def test_generate_names_the_next_step_for_several_heads(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0900_other.py").write_text(OTHER)
    workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]', 1)
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)
    error = workspace.expect_error(2, "generate", "-m", "add a colour")
    assert "alembic revision --head 0007" in error


def test_error_while_a_revision_is_written_is_no_traceback(workspace: Workspace) -> None:
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)
    text = (workspace.root / "migrations/env.py").read_text()
    (workspace.root / "migrations/env.py").write_text(
        text.replace("configure(", "configure(process_revision_directives=lambda *_: 1 / 0, ")
    )
    assert "ZeroDivisionError: division by zero" in workspace.expect_error(
        1, "generate", "-m", "add a colour"
    )
