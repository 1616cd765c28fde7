"""The version of an extension is compared once a revision names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op

revision, down_revision = "{revision}", "{parent}"

def upgrade():
    op.execute("{up}")

def downgrade():
    op.execute("{down}")
"""


def write(workspace: Workspace, revision: str, parent: str, up: str, down: str) -> Path:
    path = workspace.root / "migrations" / "versions" / f"{revision}_extension.py"
    path.write_text(SCRIPT.format(revision=revision, parent=parent, up=up, down=down))
    return path


def verdicts(workspace: Workspace) -> list[str]:
    return [each["verdict"] for each in json.loads(workspace.cli("drift", "--json").out)["environments"]]


def test_extension_version_is_compared_after_a_revision_pins_it(workspace: Workspace) -> None:
    write(workspace, "0008", "0007", "CREATE EXTENSION hstore", "DROP EXTENSION hstore")
    assert workspace.cli("generate", "--record").code == 0
    workspace.migrate("local", "staging")
    recorded = (workspace.root / "migrations" / "meta" / "0008_delta.json").read_text()
    for name, version in (("local", "1.8"), ("staging", "1.7"), ("prod", "1.8")):
        workspace.sql(name, f"DROP EXTENSION IF EXISTS hstore; CREATE EXTENSION hstore VERSION '{version}'")
    workspace.sql("prod", "DROP EXTENSION hstore")
    assert verdicts(workspace) == ["in_step", "in_step", "behind"]
    assert workspace.cli("diff", "local", "staging").code == 0

    write(workspace, "0009", "0008", "ALTER EXTENSION hstore UPDATE TO '1.8'", "SELECT")
    assert verdicts(workspace) == ["behind", "drifted", "behind"]
    changed = json.loads(workspace.cli("diff", "local", workspace.urls["staging"], "--json").out)
    assert [(each["name"], each["properties"]) for each in changed] == [
        ("hstore", {"version": ["1.8", "1.7"]})
    ]
    # the earlier recorded schemas are unchanged and still valid
    assert (workspace.root / "migrations" / "meta" / "0008_delta.json").read_text() == recorded
    workspace.sql("staging", "ALTER EXTENSION hstore UPDATE TO '1.8'")
    assert workspace.cli("generate", "--record").code == 0
    workspace.migrate("local", "staging", "prod")
    assert verdicts(workspace) == ["in_step"] * 3
    assert workspace.cli("check").code == 0
    workspace.assert_plan_is_empty()
