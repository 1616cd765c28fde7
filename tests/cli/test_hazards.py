"""A release with a hazard is refused unless the script allows it; at a gate the approver sees it too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

ROW = "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')"
SCRIPT = '''
"""Find wishes by their title."""
from alembic import op
revision = "0008"
down_revision = "0007"
{extra}


def upgrade() -> None:
    {body}


def downgrade() -> None:
    op.drop_index("idx_title")
'''
UNSAFE = 'op.create_index("idx_title", "wishlist_items", ["title"])'
SAFE = (
    "with op.get_context().autocommit_block():\n"
    '        op.create_index("idx_title", "wishlist_items", ["title"], postgresql_concurrently=True)'
)


def add_revision(workspace: Workspace, body: str, extra: str = "") -> None:
    script = workspace.root / "migrations/versions/0008_title.py"
    script.write_text(SCRIPT.format(body=body, extra=extra))


def test_empty_database_has_no_hazard(workspace: Workspace) -> None:
    made = json.loads(workspace.cli("plan", "--json").out)

    assert [one["hazards"] for one in made["environments"]] == [[], [], []]


def test_a_hazard_in_the_last_environment_stops_the_release_before_the_first(workspace: Workspace) -> None:
    workspace.migrate("prod")
    workspace.sql("prod", ROW)
    add_revision(workspace, UNSAFE)
    before = workspace.identity()
    shown = workspace.cli("plan")
    assert "hazard: index-without-concurrently: index public.idx_title in revision 0008" in shown.out
    assert "NOT ALLOWED" in shown.out

    refused = workspace.cli("apply")

    assert refused.code == 6, refused
    assert "has hazards for 'prod'" in refused.err
    assert "create_index_concurrently" in refused.err
    assert 'allow_hazards = {"index-without-concurrently": "…"}' in refused.err
    assert workspace.identity() == before


@pytest.mark.one_version
def test_create_index_concurrently_is_no_hazard(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("prod")
    workspace.sql("prod", ROW)
    add_revision(workspace, SAFE)
    assert "hazard" not in workspace.cli("plan").out

    workspace.migrate("prod")

    assert workspace.revision("prod") == "0008"


def test_allowed_hazard_is_applied_if_the_approved_plan_shows_it(workspace: Workspace) -> None:
    workspace.unset_url("staging")
    workspace.migrate("local", "prod")
    add_revision(workspace, UNSAFE, 'allow_hazards = {"index-without-concurrently": "small | at night"}')
    approve = ("approve", "prod", "--reason", "agreed", "--yes")
    assert "hazard" not in workspace.cli(*approve).out
    workspace.sql("prod", ROW)
    assert workspace.cli("apply").code == 3, "the approved plan has no hazard"

    assert "allowed: small | at night" in workspace.cli(*approve).out
    workspace.sql("prod", ROW)

    assert workspace.cli("apply").code == 0, "another row does not change the hazard"
    workspace.assert_plan_is_empty()


def test_allow_hazards_needs_a_known_hazard_and_a_reason(workspace: Workspace) -> None:
    for declared in ('{"index-concurrently": "typo"}', '{"drop-table": " "}', '["drop-table"]'):
        add_revision(workspace, UNSAFE, f"allow_hazards = {declared}")

        refused = workspace.cli("plan")

        assert refused.code == 2, refused
        assert "allow_hazards of revision 0008" in refused.err
