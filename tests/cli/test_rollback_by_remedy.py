"""A rollback by the remedy, where a script's downgrade is wrong, empty or raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {parent!r}, None, None
allow_hazards = {{"column-type-change": "few rows", "table-rewrite": "few rows", "drop-column": "agreed"}}
{declared}


def upgrade():
    for statement in {up!r}:
        op.execute(statement)


def downgrade():
    {down}
"""
UP = [
    "CREATE TYPE colour AS ENUM ('red', 'blue')",
    "CREATE TABLE labels (id int PRIMARY KEY, text text NOT NULL)",
    "ALTER TABLE wishlist_items ADD COLUMN colour colour, ADD COLUMN label int REFERENCES labels",
]
WRONG = 'op.execute("ALTER TABLE wishlist_items DROP COLUMN colour")'
RAISES = 'raise NotImplementedError("we never go back")'
ROWS = """
insert into labels values (1, 'a'), (2, 'b');
insert into wishlist_items (user_id, title, store, colour, label)
select 'u' || n, 't', 'LEGO', 'red', 1 + n % 2 from generate_series(1, 10) as n
"""
CONTENTS = """
select (select string_agg(l::text, '|' order by id) from labels as l), string_agg(w::text, '|' order by user_id)
from wishlist_items as w
"""


def revise(
    workspace: Workspace,
    up: Sequence[str],
    down: str,
    revision: str = "0008",
    parent: str = "0007",
    declared: str = "",
) -> None:
    text = SCRIPT.format(revision=revision, parent=parent, up=list(up), down=down, declared=declared)
    (workspace.root / f"migrations/versions/{revision}_case.py").write_text(text)


def last_act(workspace: Workspace, name: str) -> dict[str, Any]:
    rows = json.loads(workspace.cli("log", name, "--json").out)
    found: dict[str, Any] = next(row for row in reversed(rows) if "archive " not in row["act"])
    return found


@pytest.mark.one_version
def test_remedy_replaces_a_wrong_downgrade(each_workspace: Workspace) -> None:
    workspace = each_workspace
    revise(workspace, UP, WRONG)
    workspace.migrate("local")
    workspace.sql("local", ROWS)
    before = workspace.sql("local", CONTENTS)
    refused = workspace.expect_error(6, "rollback", "local")
    assert "wish-rollout rollback local --to 0007 --by-remedy" in refused

    shown = workspace.cli("plan", "local", "--rollback", "--by-remedy")
    assert (shown.code, "roll back by the remedy 0008 → 0007" in shown.out) == (0, True), shown
    for text in ("archives the rows of: table public.labels", "DROP TABLE", "the remedy was rehearsed on"):
        assert text in shown.out
    planned = json.loads(workspace.cli("plan", "local", "--rollback", "--by-remedy", "--json").out)
    assert planned["action"] == "rollback by remedy"

    done = workspace.cli("rollback", "local", "--by-remedy", "--json")
    assert done.code == 0, done
    (stage,) = json.loads(done.out)["environments"]
    assert (stage["action"], stage["start"], stage["end"], stage["failed"]) == (
        "rollback by remedy",
        "0008",
        "0007",
        0,
    )
    assert workspace.revision("local") == "0007"
    assert workspace.sql("local", "select to_regclass('labels'), to_regtype('colour')") == [(None, None)]
    act = last_act(workspace, "local")
    assert (act["act"], act["plan"]) == ("rollback by remedy", planned["digest"])
    assert act["detail"]["statements"]["count"] == len(planned["statements"])
    assert {each["object"]: each["rows"] for each in act["detail"]["archive"]["objects"]} == {
        "table public.labels": 2,
        "column public.wishlist_items.colour": 10,
        "column public.wishlist_items.label": 10,
    }
    assert workspace.cli("log", "local", "--verify").code == 0
    again = workspace.cli("rollback", "local", "--to", "0007", "--by-remedy")
    assert (again.code, "nothing to do: local is at 0007" in again.out) == (0, True)

    workspace.migrate("local")
    assert workspace.cli("restore", "local").code == 0
    assert workspace.sql("local", CONTENTS) == before


def test_gated_environment_signs_the_remedy(workspace: Workspace) -> None:
    revise(workspace, UP, "pass")
    workspace.migrate("prod")
    workspace.sql("prod", ROWS)
    waiting = workspace.cli("rollback", "prod", "--by-remedy")
    assert (waiting.code, "wish-rollout rollback prod --to 0007 --by-remedy" in waiting.err) == (3, True)
    assert workspace.revision("prod") == "0008"
    signed = workspace.cli("approve", "prod", "--reason", "broken", "--yes")
    assert (signed.code, "DROP TABLE" in signed.out) == (0, True)
    assert "cannot be reverted" in workspace.expect_error(6, "rollback", "prod")
    assert workspace.cli("rollback", "prod", "--to", "0007", "--by-remedy").code == 0
    act = last_act(workspace, "prod")
    assert (act["act"], act["end"]) == ("rollback by remedy", "0007")
    assert [each["reason"] for each in act["detail"]["approvals"]] == ["broken"]


WITHOUT = ["ALTER TABLE wishlist_items DROP COLUMN amount"]


def test_remedy_that_the_rows_refuse_changes_nothing(workspace: Workspace) -> None:
    up = ["ALTER TABLE wishlist_items ADD COLUMN amount int NOT NULL"]
    revise(workspace, up, 'op.execute("ALTER TABLE wishlist_items DROP COLUMN amount")')
    workspace.migrate("local")
    revise(workspace, WITHOUT, RAISES, "0009", "0008")
    workspace.migrate("local")
    workspace.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    failed = workspace.expect_error(1, "rollback", "local", "--by-remedy")
    assert "Rolling 'local' back by the remedy failed" in failed
    assert "wish-rollout rollback local --to 0008 --by-remedy" in failed
    workspace.sql("local", "delete from wishlist_items")
    assert workspace.cli("rollback", "local", "--by-remedy").code == 0
    assert workspace.cli("verify", "local").code == 0


FAMILY = ["CREATE TABLE people (id int)", "CREATE TABLE children (age int) INHERITS (people)"]


def test_refused_remedies(workspace: Workspace) -> None:
    """A declared reason, and a difference that no statement removes."""
    revise(workspace, FAMILY, 'op.execute("DROP TABLE people CASCADE")')
    revise(workspace, ["ALTER TABLE children NO INHERIT people"], "pass", "0009", "0008")
    workspace.migrate("local")
    refused = workspace.expect_error(6, "rollback", "local")
    assert "--by-remedy" not in refused
    refused = workspace.expect_error(6, "rollback", "local", "--by-remedy")
    assert "INHERIT leaves it the table's own as well" in refused

    (workspace.root / "migrations/versions/0009_case.py").unlink()
    workspace.sql("local", "drop table children, people")
    for statement in FAMILY:
        workspace.sql("local", statement)
    workspace.sql("local", "update alembic_version set version_num = '0008'")
    declared = 'irreversible = "codes are mixed"'
    revise(workspace, ["ALTER TABLE wishlist_items DROP COLUMN notes"], "pass", "0009", "0008", declared)
    workspace.migrate("local")
    for arguments in ((), ("--by-remedy",)):
        refused = workspace.expect_error(6, "rollback", "local", *arguments)
        assert ("codes are mixed" in refused, "--by-remedy" in refused) == (True, False)
    assert "needs an environment" in workspace.cli("plan", "--rollback").err
    assert "need --rollback" in workspace.cli("plan", "--by-remedy").err
