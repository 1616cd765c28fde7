"""`generate`: a revision from the declared schema, and its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Road

LAST = '    sa.Column("updated_by", sa.Text),\n'
COLOUR = '    sa.Column("colour", sa.Enum("red", "blue", name="wish_colour", metadata=metadata)),\n'


def files(road: Road) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in ("versions", "meta")
        for path in (road.root / "migrations" / folder).glob("*.*")
    }


def test_generate_writes_the_next_revision_and_records_it(each_road: Road) -> None:
    road = each_road
    road.migrate("local")
    before = files(road)
    road.edit("migrations/schema.py", LAST, LAST + COLOUR)

    made = road.cli("generate", "-m", "add a colour", "--json")
    assert made.code == 0, made
    assert json.loads(made.out)["revision"] == "0008"
    script = (road.root / "migrations/versions/0008_add_a_colour.py").read_text()
    assert 'down_revision = "0007"' in script.replace("'", '"')
    assert "wish_colour" in script.split("def downgrade")[1]
    journal = json.loads((road.root / "migrations/meta/_journal.json").read_text())
    assert [entry["revision"] for entry in journal["entries"]] == ["0006", "0007", "0008"]
    assert journal["entries"][2]["parent_digests"] == [journal["entries"][1]["digest"]]
    new = {path.name for path in files(road).keys() - before.keys()}
    assert new == {"0008_add_a_colour.py", "0008_snapshot.json", "0008_statements.json"}

    assert road.cli("check").code == 0
    road.migrate("local")
    assert road.sql("local", "select enum_range(null::wish_colour)::text") == [("{red,blue}",)]
    assert road.cli("rollback", "local").code == 0
    assert road.sql("local", "select to_regtype('wish_colour')") == [(None,)]


def test_generate_writes_nothing_where_nothing_is_declared_anew(road: Road) -> None:
    before = files(road)
    result = road.cli("generate", "-m", "nothing")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Nothing to generate")
    assert files(road) == before


def test_generate_wants_either_a_message_or_record(road: Road) -> None:
    before = files(road)
    for arguments in ((), ("--record", "-m", "both")):
        assert road.cli("generate", *arguments).code == 2
    assert files(road) == before


def test_recording_again_changes_no_byte(road: Road) -> None:
    before = files(road)
    assert road.cli("generate", "--record").code == 0
    assert files(road) == before


def test_generate_refuses_to_build_on_an_edited_script(road: Road) -> None:
    road.edit("migrations/versions/0006_baseline.py", "baseline", "the baseline")
    road.edit("migrations/schema.py", LAST, LAST + COLOUR)
    before = files(road)
    result = road.cli("generate", "-m", "add a colour")
    assert (result.code, "0006 (migrations/versions/0006_baseline.py) was edited" in result.err) == (6, True)
    assert files(road) == before
