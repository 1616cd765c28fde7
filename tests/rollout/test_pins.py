"""An extension's version counts from the moment on that a revision of the release names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Road

SCRIPT = """
from alembic import op

revision, down_revision = "{revision}", "{parent}"

def upgrade():
    op.execute("{up}")

def downgrade():
    op.execute("{down}")
"""


def write(road: Road, revision: str, parent: str, up: str, down: str) -> Path:
    path = road.root / "migrations" / "versions" / f"{revision}_extension.py"
    path.write_text(SCRIPT.format(revision=revision, parent=parent, up=up, down=down))
    return path


def verdicts(road: Road) -> list[str]:
    return [each["verdict"] for each in json.loads(road.cli("drift", "--json").out)["environments"]]


def test_a_version_counts_once_a_revision_pins_it(road: Road) -> None:
    write(road, "0008", "0007", "CREATE EXTENSION hstore", "DROP EXTENSION hstore")
    assert road.cli("generate", "--record").code == 0
    road.migrate("local", "staging")
    recorded = (road.root / "migrations" / "meta" / "0008_snapshot.json").read_text()
    for name, version in (("local", "1.8"), ("staging", "1.7"), ("prod", "1.8")):
        road.sql(name, f"DROP EXTENSION IF EXISTS hstore; CREATE EXTENSION hstore VERSION '{version}'")
    road.sql("prod", "DROP EXTENSION hstore")
    assert verdicts(road) == ["in_step", "in_step", "behind"]
    assert road.cli("diff", "local", "staging").code == 0

    write(road, "0009", "0008", "ALTER EXTENSION hstore UPDATE TO '1.8'", "SELECT")
    assert verdicts(road) == ["behind", "drifted", "behind"]
    changed = json.loads(road.cli("diff", "local", road.urls["staging"], "--json").out)
    assert [(each["name"], each["properties"]) for each in changed] == [
        ("hstore", {"version": ["1.8", "1.7"]})
    ]
    # what was recorded before says the same as ever, and still stands for what is promised there
    assert (road.root / "migrations" / "meta" / "0008_snapshot.json").read_text() == recorded
    road.sql("staging", "ALTER EXTENSION hstore UPDATE TO '1.8'")
    assert road.cli("generate", "--record").code == 0
    road.migrate("local", "staging", "prod")
    assert verdicts(road) == ["in_step"] * 3
    assert road.cli("check").code == 0
    road.assert_nothing_left_to_do()
