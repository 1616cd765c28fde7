"""A rollback restores the earlier schema, and is refused if it would lose rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

OURS = """
select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
union all select typname::text from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e'
order by 1"""
VERSION_TABLE = [("alembic_version",), ("alembic_version_pkc",)]
ROW = "insert into wishlist_items (user_id, title, store, notes) values ('u', 't', 'LEGO', 'mine')"
ADD_COLUMN = """
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text, ADD COLUMN size text")


def downgrade() -> None:
    from alembic import op
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour, DROP COLUMN size")
"""


def fingerprint(workspace: Workspace, name: str) -> str:
    return str(json.loads(workspace.cli("snapshot", name).out)["fingerprint"])


@pytest.mark.one_version
def test_rollback_restores_the_earlier_snapshot_and_apply_works_again(
    each_workspace: Workspace,
) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    assert len(workspace.sql("local", OURS)) == len(VERSION_TABLE) + 1 + 6 + 2

    back = workspace.cli("rollback", "local")
    assert back.code == 0, back
    assert "0007 → 0006" in back.out
    assert (workspace.revision("local"), workspace.sql("local", OURS)) == ("0006", VERSION_TABLE)
    recorded = workspace.root / "recorded.json"
    recorded.write_text(workspace.project.history.at(("0006",)).to_json())
    assert workspace.cli("diff", "local", str(recorded)).code == 0
    assert json.loads(recorded.read_text())["fingerprint"] == fingerprint(workspace, "local")

    workspace.roll_out()
    assert workspace.revision("local") == "0007"
    workspace.assert_plan_is_empty()


def test_rollback_to_base_downgrades_every_revision(workspace: Workspace) -> None:
    workspace.migrate("staging")
    back = workspace.cli("rollback", "staging", "--to", "base", "--json")
    assert back.code == 0
    outcome = json.loads(back.out)
    stage = outcome["environments"][0]
    assert (stage["environment"], stage["start"], stage["end"]) == ("staging", "0007", "base")
    assert (workspace.revision("staging"), workspace.sql("staging", OURS)) == (None, VERSION_TABLE)
    assert workspace.cli("verify", "staging").code == 0


REFUSE = 'name = "local"\nrollback = { on_rows = "refuse" }'


def test_rollback_that_would_drop_rows_is_refused_with_their_number(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", 'name = "local"', REFUSE)
    workspace.migrate("local")
    workspace.sql("local", f"{ROW}, ('u2', 't2', 'Cata', null)")
    before = workspace.identity()
    for arguments in ((), ("--to", "base")):
        refused = workspace.cli("rollback", "local", *arguments)
        assert refused.code == 6
        assert "2 in public.wishlist_items" in refused.err
        assert "hint: " in refused.err
    assert workspace.identity() == before
    assert workspace.sql("local", "select count(*) from wishlist_items") == [(2,)]

    workspace.sql("local", "delete from wishlist_items")
    assert workspace.cli("rollback", "local").code == 0


def test_rollback_does_not_drop_a_column_with_values(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", 'name = "local"', REFUSE)
    (workspace.root / "migrations/versions/0008_colour.py").write_text(ADD_COLUMN)
    workspace.migrate("local")
    workspace.sql("local", ROW)
    workspace.sql("local", "update wishlist_items set colour = 'red'")

    refused = workspace.cli("rollback", "local")
    assert (refused.code, "1 in public.wishlist_items.colour" in refused.err) == (6, True)
    assert "wishlist_items.size" not in refused.err
    assert workspace.revision("local") == "0008"

    workspace.sql("local", "update wishlist_items set colour = null")
    assert workspace.cli("rollback", "local").code == 0
    assert workspace.revision("local") == "0007"
    assert workspace.sql("local", "select notes from wishlist_items") == [("mine",)]


@pytest.mark.parametrize(
    ("to", "code", "says"),
    [
        ("0007", 0, "nothing to do: local is at 0007"),
        ("0042", 2, "There is no revision '0042'"),
    ],
)
def test_rollback_to_an_invalid_revision_changes_nothing(
    workspace: Workspace, to: str, code: int, says: str
) -> None:
    workspace.migrate("local")
    before = workspace.identity()
    result = workspace.cli("rollback", "local", "--to", to)
    assert (result.code, says in result.out + result.err) == (code, True), result
    assert workspace.identity() == before


def test_rollback_is_refused_after_drift(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "alter table wishlist_items add column mine int")
    before = workspace.identity()
    refused = workspace.cli("rollback", "local")
    assert (refused.code, "column public.wishlist_items.mine" in refused.err) == (4, True)
    assert workspace.identity() == before


def test_rollback_at_base_has_nothing_to_do(workspace: Workspace) -> None:
    before = workspace.identity()
    assert workspace.cli("rollback", "local").code == 2
    assert workspace.identity() == before


def test_declared_irreversible_revision_is_named_in_the_plan_and_refused(workspace: Workspace) -> None:
    script = ADD_COLUMN.replace("branch_labels", 'irreversible = "colours are mixed"\nbranch_labels')
    (workspace.root / "migrations/versions/0008_colour.py").write_text(script)
    plan = workspace.cli("plan", "local")
    assert "0008: this release cannot be rolled back: colours are mixed" in plan.out
    workspace.migrate("local")
    assert "colours are mixed" in workspace.expect_error(6, "rollback", "local")


DROP_COLUMNS = """
from alembic import op

revision, down_revision = "0009", "0008"
allow_hazards = {{"drop-column": "no longer used"}}


def upgrade():
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour, DROP COLUMN size{more}")


def downgrade():
    op.execute("ALTER TABLE wishlist_items ADD COLUMN size text, ADD COLUMN colour text{back}")
"""


@pytest.mark.parametrize(("more", "back"), [("", ""), (", DROP COLUMN notes", ", ADD COLUMN notes text")])
def test_columns_that_a_downgrade_adds_in_another_order(workspace: Workspace, more: str, back: str) -> None:
    versions = workspace.root / "migrations/versions"
    (versions / "0008_columns.py").write_text(ADD_COLUMN)
    (versions / "0009_columns.py").write_text(DROP_COLUMNS.format(more=more, back=back))
    assert workspace.cli("generate", "--record", "--as-is").code == 0
    assert workspace.cli("apply", "--until", "local").code == 0
    for _ in range(2):
        result = workspace.cli("rollback", "local", "--to", "0008")
        assert result.code == 0, result
        assert workspace.cli("verify", "local").code == 0
        result = workspace.cli("apply", "--until", "local")
        assert result.code == 0, result
    assert workspace.cli("verify", "local").code == 0
